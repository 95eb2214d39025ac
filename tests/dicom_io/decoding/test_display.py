import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_io.decoding.display import DisplayRules, LookupTable, VoiFunction, Window, display_values


def shown(stored: list[int], **rules: object) -> list[float]:
    """Return what is displayed for a row of stored bit patterns."""
    given = {"bits_stored": 8, "signed": False, "inverted": False, **rules}
    values = display_values(np.array([stored], np.uint16), DisplayRules(**given))  # type: ignore[arg-type]
    assert values.dtype == np.float32
    assert values.shape == (1, len(stored))
    return [round(float(value), 6) for value in values[0]]


def test_without_window_the_values_in_use_are_stretched():
    # 20..120 over [0, 1]: (45 - 20) / 100
    assert shown([20, 45, 120]) == [0.0, 0.25, 1.0]


def test_an_image_of_one_value_is_black():
    assert shown([7, 7]) == [0.0, 0.0]


def test_inverted_values_are_inverted_after_the_window():
    assert shown([20, 45, 120], inverted=True) == [1.0, 0.75, 0.0]


def test_linear_window():
    # PS3.3 C.11.2.1.2.1 with c=100, w=101: ((x - 99.5) / 100 + 0.5); 49.5 -> 0 and 149.5 -> 1
    window = Window(center=100, width=101)
    assert shown([0, 49, 50, 100, 149, 150, 255], window=window) == [0.0, 0.0, 0.005, 0.505, 0.995, 1.0, 1.0]


def test_linear_window_over_all_values_is_the_identity():
    # The standard's example: c=128, w=256 maps 0..255 to itself
    assert shown([0, 51, 255], window=Window(center=128, width=256)) == [0.0, 0.2, 1.0]


def test_linear_window_of_width_one_is_a_threshold():
    # c=100, w=1: x <= 99.5 is black, above it white
    assert shown([99, 100], window=Window(center=100, width=1)) == [0.0, 1.0]


def test_linear_exact_window():
    # PS3.3 C.11.2.1.3.2 with c=100, w=100: (x - 100) / 100 + 0.5
    window = Window(center=100, width=100, function=VoiFunction.LINEAR_EXACT)
    assert shown([0, 50, 100, 125, 150, 200], window=window) == [0.0, 0.0, 0.5, 0.75, 1.0, 1.0]


def test_sigmoid_window():
    # PS3.3 C.11.2.1.3.1 with c=100, w=100: 1 / (1 + exp(-4 (x - 100) / 100)); x=150 -> 1 / (1 + e^-2)
    window = Window(center=100, width=100, function=VoiFunction.SIGMOID)
    assert shown([50, 100, 150], window=window) == [0.119203, 0.5, 0.880797]


def test_a_narrow_sigmoid_does_not_overflow():
    assert shown([0, 255], window=Window(center=100, width=1e-6, function=VoiFunction.SIGMOID)) == [0.0, 1.0]


def test_the_window_counts_in_rescaled_values():
    # 2 x - 100: stored 50, 75, 100 become 0, 50, 100; c=50, w=100 exact
    window = Window(center=50, width=100, function=VoiFunction.LINEAR_EXACT)
    assert shown([50, 75, 100], rescale_slope=2, rescale_intercept=-100, window=window) == [0.0, 0.5, 1.0]


def test_a_negative_slope_inverts():
    assert shown([0, 64, 128], rescale_slope=-1, rescale_intercept=128) == [1.0, 0.5, 0.0]


def test_signed_values_are_in_twos_complement():
    # 10 bits: patterns 0x200 = -512, 0x3FF = -1, 0, 0x1FF = 511; stretched over 1023
    values = shown([0x200, 0x3FF, 0x000, 0x1FF], bits_stored=10, signed=True)
    assert values == [0.0, round(511 / 1023, 6), round(512 / 1023, 6), 1.0]


@pytest.mark.parametrize("bits_stored", [8, 10, 12, 16])
def test_all_bits_are_used(bits_stored):
    largest = (1 << bits_stored) - 1
    window = Window(center=(largest + 1) / 2, width=largest + 1)
    assert shown([0, largest], bits_stored=bits_stored, window=window) == [0.0, 1.0]


def test_voi_table():
    # first mapped 10: 0..10 -> entry 0, 11 -> entry 1, 12 and above -> entry 2; 8 bits
    table = LookupTable(first_mapped=10, entries=np.array([0.0, 51.0, 255.0]))
    assert shown([0, 10, 11, 12, 200], voi_table=table) == [0.0, 0.0, 0.2, 1.0, 1.0]


def test_the_voi_table_goes_before_the_window():
    table = LookupTable(first_mapped=0, entries=np.array([255.0]))
    assert shown([0], voi_table=table, window=Window(center=200, width=10)) == [1.0]


def test_a_voi_table_may_start_below_zero():
    # stored 0, 1, 2 are -1, 0, 1 after rescale
    table = LookupTable(first_mapped=-1, entries=np.array([0.0, 102.0, 204.0]))
    assert shown([0, 1, 2], rescale_intercept=-1, voi_table=table) == [0.0, 0.4, 0.8]


def test_white_is_the_largest_number_of_the_bits_that_the_entries_of_a_voi_table_take():
    table = LookupTable(first_mapped=0, entries=np.array([819.0, 3276.0]))
    assert shown([0, 1], voi_table=table) == [0.2, 0.8]


def test_the_modality_table_goes_before_the_window():
    # stored 0, 1, 2 -> 1000, 3000, 5000; c=3000, w=4000 exact -> 0, 0.5, 1
    table = LookupTable(first_mapped=0, entries=np.array([1000.0, 3000.0, 5000.0]))
    window = Window(center=3000, width=4000, function=VoiFunction.LINEAR_EXACT)
    assert shown([0, 1, 2], modality_table=table, window=window) == [0.0, 0.5, 1.0]


def test_padding_is_black_and_not_in_the_stretched_range():
    assert shown([0, 100, 150, 200], padding=(0, 0)) == [0.0, 0.0, 0.5, 1.0]


@pytest.mark.parametrize("padding", [(250, 255), (255, 250)])
def test_padding_may_be_a_range_in_either_order(padding):
    assert shown([249, 100, 250, 255], padding=padding) == [1.0, 0.0, 0.0, 0.0]


def test_padding_of_an_inverted_image_is_black():
    assert shown([0, 100, 200], padding=(0, 0), inverted=True) == [0.0, 1.0, 0.0]


def test_an_image_of_padding_alone_is_black():
    assert shown([5, 5], padding=(5, 5), inverted=True) == [0.0, 0.0]


FINITE = st.floats(-1e29, 1e29)


WINDOWS = st.builds(Window, center=FINITE, width=st.floats(1e-6, 1e29), function=st.sampled_from(VoiFunction))
RULES = st.builds(
    DisplayRules,
    bits_stored=st.just(8),
    signed=st.booleans(),
    inverted=st.booleans(),
    rescale_slope=FINITE.filter(bool),
    rescale_intercept=FINITE,
    window=st.none() | WINDOWS,
)


@settings(max_examples=200, deadline=None)
@given(RULES)
def test_whatever_the_rules_say_values_stay_between_black_and_white(rules):
    values = display_values(np.arange(256, dtype=np.uint16).reshape(16, 16), rules)
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert values.max() <= 1
