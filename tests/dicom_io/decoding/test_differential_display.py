"""Our display against that of DCMTK's dcm2pnm, over generated instances.

Where both follow the header they agree within 1.5 of 255 grays, which is rounding. They are known to disagree
in these cases, each of which has its test below, with who is right:

- Pixel padding: dcm2pnm shows it as if it were anatomy. It is background (PS3.3 C.7.5.1.1.2): we are right.
- LINEAR_EXACT: dcm2pnm 3.6 takes it for LINEAR, half a gray beside and a gray too narrow (PS3.3
  C.11.2.1.3.2): we are right.
- A rescale that gives fractions: dcm2pnm rounds them before the window, which shows in narrow windows only.
  The standard rounds nothing: we are right.
- A LINEAR window narrower than 1, which the standard forbids: dcm2pnm drops it, we take it for LINEAR_EXACT.
  Of values scaled to fractions that is what was meant.
- MONOCHROME1 with the Presentation LUT Shape IDENTITY: a contradiction (PS3.3 C.8.11.3.1.2). dcm2pnm goes by
  the shape, we by the Photometric Interpretation, without which no image can be shown, as viewers in browsers
  do. Nobody is right; an image that looks inverted is warned of.
- A VOI LUT that uses less than half of the range it declares: dcm2pnm is right by the letter, and shows a
  black image, unless told to look at the entries (+Mv). We do so always.
- A window whose first value is empty or no number: dcm2pnm drops it, or shows black. We take the next window.
- Without window dcm2pnm shows the whole range that the bits can hold, unless told to look at the values
  (+Wm), as we do always: radiographs use a small part of their bits.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dicom_io.decoding.pixels import read_view
from dicom_io.reading.values import tag_of
from tests.factories import encode, make_instance

ROUNDING = 1.5 / 255

WINDOW, TABLE, RANGE = ["+Wi", "1"], ["+Wl", "1", "+Mv"], ["+Wm"]
"""What makes dcm2pnm go by the first window, by the first VOI LUT, by the range of the values in use."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("differential")


def by_us(ds: Dataset, folder: Path) -> np.ndarray:
    path = folder / "a.dcm"
    path.write_bytes(encode(ds))
    return read_view(path).image


def by_dcmtk(ds: Dataset, folder: Path, options: list[str]) -> np.ndarray:
    source, target = folder / "a.dcm", folder / "a.pgm"
    source.write_bytes(encode(ds))
    subprocess.run(["dcm2pnm", "--quiet", "--no-overlays", *options, source, target], check=True)
    content = target.read_bytes()
    _, columns, rows, _ = content.split(None, 4)[:4]
    size = int(rows) * int(columns)
    return np.frombuffer(content[-size:], np.uint8).reshape(int(rows), int(columns)) / 255


def difference(ds: Dataset, folder: Path, options: list[str]) -> float:
    return float(np.abs(by_us(ds, folder) - by_dcmtk(ds, folder, options)).max())


@st.composite
def plain_instances(draw: st.DrawFn) -> tuple[Dataset, int, int]:
    """Give an instance without window, and the least and the largest value after its rescale."""
    bits = draw(st.sampled_from([8, 10, 12, 14, 16]))
    signed, wide = draw(st.booleans()), draw(st.booleans()) or bits > 8
    lowest = -(1 << bits - 1) if signed else 0
    ends = sorted(draw(st.lists(st.integers(lowest, lowest + (1 << bits) - 1), min_size=2, max_size=2)))
    values = np.linspace(ends[0], ends[1], 64).round().reshape(4, 16)
    pixels = values.astype(f"{'i' if signed else 'u'}{2 if wide else 1}")
    slope, intercept = draw(st.sampled_from([1, 1, 2, -1])), draw(st.sampled_from([0, 0, -1024, 100]))
    photometric, shape = draw(
        st.sampled_from(
            [
                ("MONOCHROME1", None),
                ("MONOCHROME1", "INVERSE"),
                ("MONOCHROME2", None),
                ("MONOCHROME2", "IDENTITY"),
                ("MONOCHROME2", "INVERSE"),
            ]
        )
    )
    ds = make_instance(
        pixels=pixels,
        bits_stored=bits,
        photometric=photometric,
        PresentationLUTShape=shape,
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        WindowCenter=None,
        WindowWidth=None,
    )
    if ds.BitsAllocated == 16 and bits < 16 and draw(st.booleans()):
        store_high(ds)
    outputs = sorted(end * slope + intercept for end in ends)
    return ds, outputs[0], outputs[1]


def store_high(ds: Dataset) -> None:
    """Move the stored bits up to the highest ones of a sample."""
    shift = 16 - ds.BitsStored
    ds.HighBit = 15
    ds.PixelData = (np.frombuffer(ds.PixelData, "<u2") << shift).astype("<u2").tobytes()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(plain_instances())
def test_without_window_the_values_in_use_are_stretched_alike(folder, instance):
    ds, _, _ = instance
    assert difference(ds, folder, RANGE) <= ROUNDING


@settings(max_examples=40, deadline=None, derandomize=True)
@given(plain_instances(), st.data())
def test_windows_are_applied_alike(folder, instance, data):
    ds, lowest, highest = instance
    ds.VOILUTFunction = data.draw(st.sampled_from(["LINEAR", "SIGMOID"]))
    centers = [data.draw(st.integers(lowest, highest)) for _ in range(2)]
    widths = [data.draw(st.integers(1, highest - lowest + 2)) for _ in range(2)]
    count = data.draw(st.integers(1, 2))
    ds.WindowCenter, ds.WindowWidth = centers[:count], widths[:count]
    assert difference(ds, folder, WINDOW) <= ROUNDING


@st.composite
def tables(draw: st.DrawFn, lowest: int, highest: int) -> Dataset:
    bits = draw(st.sampled_from([8, 10, 12, 16]))
    count = draw(st.sampled_from([2, 16, 256, 1024, 4096]))
    first = max(-32768, min(lowest, 65535 if lowest >= 0 else 32767))
    steps = draw(st.sampled_from([0.5, 1.0, 2.0]))
    entries = (np.linspace(0.0, 1.0, count) ** steps * ((1 << bits) - 1)).round().astype("<u2")
    item = Dataset()
    item.add_new(
        "LUTDescriptor", "SS" if first < 0 else "US", [count, first, draw(st.sampled_from([bits, 16, 8]))]
    )
    item.add_new("LUTData", "OW", entries[:: draw(st.sampled_from([1, -1]))].tobytes())
    return item


@settings(max_examples=40, deadline=None, derandomize=True)
@given(plain_instances(), st.data())
def test_voi_luts_are_applied_alike(folder, instance, data):
    ds, lowest, highest = instance
    ds.VOILUTSequence = [data.draw(tables(lowest, highest))]
    assert difference(ds, folder, TABLE) <= ROUNDING


def with_value(ds: Dataset, keyword: str, value: bytes) -> None:
    tag = tag_of(keyword)
    ds[keyword] = RawDataElement(Tag(tag), dictionary_VR(tag), len(value), value, 0, False, True)


JUNK = st.sampled_from(["", "NaN", "AUTO", "inf", "-", "1e999", "2,5", " "])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(plain_instances(), st.lists(JUNK, min_size=1, max_size=3), st.lists(JUNK, min_size=1, max_size=3))
def test_junk_behind_a_good_window_changes_nothing(folder, instance, centers, widths):
    ds, lowest, highest = instance
    center, width = (lowest + highest) // 2, highest - lowest + 1
    with_value(ds, "WindowCenter", "\\".join([str(center), *centers]).encode())
    with_value(ds, "WindowWidth", "\\".join([str(width), *widths]).encode())
    assert difference(ds, folder, ["+Ww", str(center), str(width)]) <= ROUNDING


# Known disagreements


def instance_of(*values: int, **elements: object) -> Dataset:
    pixels = np.array([values], np.uint16)
    return make_instance(pixels=pixels, bits_stored=12, **elements)  # type: ignore[arg-type]


def seen(image: np.ndarray) -> list[float]:
    return [round(float(value), 2) for value in image[0]]


def test_padding_is_background_to_us_and_a_value_to_dcmtk(folder):
    ds = instance_of(0, 51, 255, 4000, WindowCenter=128, WindowWidth=256, PixelPaddingValue=4000)
    assert seen(by_us(ds, folder)) == [0.0, 0.2, 1.0, 0.0]
    assert seen(by_dcmtk(ds, folder, WINDOW)) == [0.0, 0.2, 1.0, 1.0]


def test_linear_exact_is_linear_to_dcmtk(folder):
    # center 2, width 4 exact: 0, 0.25, 0.5, 0.75, 1; LINEAR: (x - 1.5) / 3 + 0.5
    ds = instance_of(0, 1, 2, 3, 4, VOILUTFunction="LINEAR_EXACT", WindowCenter=2, WindowWidth=4)
    assert seen(by_us(ds, folder)) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert seen(by_dcmtk(ds, folder, WINDOW)) == [0.0, 0.33, 0.67, 1.0, 1.0]


def test_fractions_of_a_rescale_are_rounded_by_dcmtk(folder):
    # values 0, 0.5, 1, 1.5, 2; LINEAR, c=2, w=3: (x - 1.5) / 2 + 0.5
    ds = instance_of(0, 1, 2, 3, 4, RescaleSlope=0.5, WindowCenter=2, WindowWidth=3)
    assert seen(by_us(ds, folder)) == [0.0, 0.0, 0.25, 0.5, 0.75]
    assert by_dcmtk(ds, folder, WINDOW)[0, 1::2].tolist() != by_us(ds, folder)[0, 1::2].tolist()


def test_a_linear_window_narrower_than_one_is_dropped_by_dcmtk(folder):
    ds = instance_of(0, 1000, 2048, 4095, WindowCenter=1000, WindowWidth=0.5)
    assert seen(by_us(ds, folder)) == [0.0, 0.5, 1.0, 1.0]
    assert seen(by_dcmtk(ds, folder, WINDOW)) == [0.0, 0.24, 0.5, 1.0]


def test_monochrome1_with_the_shape_identity_is_not_inverted_by_dcmtk(folder):
    ds = instance_of(0, 51, 255, photometric="MONOCHROME1", WindowCenter=128, WindowWidth=256)
    assert ds.PresentationLUTShape == "IDENTITY"
    assert seen(by_us(ds, folder)) == [1.0, 0.8, 0.0]
    assert seen(by_dcmtk(ds, folder, WINDOW)) == [0.0, 0.2, 1.0]


def test_a_voi_lut_that_declares_too_many_bits_is_black_to_dcmtk(folder):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4, 0, 16])
    item.add_new("LUTData", "OW", np.array([0, 819, 1638, 4095], "<u2").tobytes())
    ds = instance_of(0, 1, 2, 3, WindowCenter=None, WindowWidth=None, VOILUTSequence=[item])
    assert seen(by_us(ds, folder)) == [0.0, 0.2, 0.4, 1.0]
    assert by_dcmtk(ds, folder, ["+Wl", "1"]).max() < 0.07
    assert seen(by_dcmtk(ds, folder, TABLE)) == [0.0, 0.2, 0.4, 1.0]


@pytest.mark.parametrize(
    ("centers", "widths", "by_them"),
    [
        (b"\\128", b"\\256", [0.0, 0.01, 0.06]),  # the range of 12 bits
        (b"AUTO\\128", b"300\\256", [0.0, 0.01, 0.06]),
        (b"NaN\\128 ", b"256\\256 ", [0.0, 0.0, 0.0]),
    ],
)
def test_a_bad_first_window_is_dropped_by_dcmtk(folder, centers, widths, by_them):
    ds = instance_of(0, 51, 255)
    with_value(ds, "WindowCenter", centers)
    with_value(ds, "WindowWidth", widths)
    assert seen(by_us(ds, folder)) == [0.0, 0.2, 1.0]
    assert seen(by_dcmtk(ds, folder, WINDOW)) == by_them
    assert seen(by_dcmtk(ds, folder, ["+Wi", "2"])) == [0.0, 0.2, 1.0]


def test_without_window_dcmtk_shows_the_range_of_the_bits(folder):
    ds = instance_of(0, 51, 255, WindowCenter=None, WindowWidth=None)
    assert seen(by_us(ds, folder)) == [0.0, 0.2, 1.0]
    assert seen(by_dcmtk(ds, folder, [])) == [0.0, 0.01, 0.06]
