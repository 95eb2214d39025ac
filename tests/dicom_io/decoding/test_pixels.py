import io
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import (
    HTJ2K,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from dicom_io.decoding.pixels import read_view
from dicom_io.errors import UndecodablePixels
from dicom_io.reading.transfer_syntaxes import DECODABLE_TRANSFER_SYNTAXES
from dicom_io.reading.values import tag_of
from tests.dicom_io.decoding.compressed import (
    compressed_by_dcmtk,
    compressed_by_gdcm,
    fragments_of,
    gdcm,
    htj2k,
    with_frame,
)
from tests.factories import encode, make_instance, ramp, write_instance

NATIVE = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
NO_WINDOW: dict[str, Any] = {"WindowCenter": None, "WindowWidth": None}


def image_of(source: Path | io.BytesIO, **limits: int) -> np.ndarray:
    return read_view(source, **limits).image


def view(ds: Dataset) -> np.ndarray:
    return image_of(io.BytesIO(encode(ds)))


def row(*values: int, dtype: type = np.uint16) -> np.ndarray:
    return np.array([values], dtype)


def shown(ds: Dataset) -> list[float]:
    return listed(view(ds))


def listed(values: np.ndarray) -> list[float]:
    return [round(float(value), 6) for value in values[0]]


# Native pixel data


@pytest.mark.parametrize("transfer_syntax_uid", NATIVE)
@pytest.mark.parametrize(
    ("pixels", "bits"),
    [
        (row(0, 51, 255, 102, dtype=np.uint8), 8),
        (row(0, 51, 255, dtype=np.uint8), 8),  # an odd number of bytes
        (row(0, 51, 255, 102), 10),
        (row(0, 51, 255, 102), 12),
        (row(0, 51 * 257, 65535, 102 * 257), 16),
    ],
)
def test_native_pixels(transfer_syntax_uid, pixels, bits):
    ds = make_instance(pixels=pixels, bits_stored=bits, transfer_syntax_uid=transfer_syntax_uid, **NO_WINDOW)
    assert shown(ds) == [0.0, 0.2, 1.0, 0.4][: pixels.size]


@pytest.mark.parametrize("transfer_syntax_uid", NATIVE)
def test_signed_native_pixels(transfer_syntax_uid):
    ds = make_instance(
        pixels=row(-2048, 0, 2047, dtype=np.int16), transfer_syntax_uid=transfer_syntax_uid, **NO_WINDOW
    )
    # 2048 / 4095
    assert shown(ds) == [0.0, 0.500122, 1.0]


def test_bits_beyond_the_stored_ones_are_not_part_of_the_value():
    # an overlay plane in bit 15, as old CRs wrote it
    assert shown(make_instance(pixels=row(0x8000, 51, 255 | 0x8000), **NO_WINDOW)) == [0.0, 0.2, 1.0]


def test_values_may_be_stored_in_the_upper_bits():
    ds = make_instance(pixels=row(0, 51 << 4, 255 << 4), HighBit=15, WindowCenter=128, WindowWidth=256)
    assert shown(ds) == [0.0, 0.2, 1.0]


def test_trailing_bytes_are_ignored():
    ds = make_instance(pixels=row(0, 51, 255), **NO_WINDOW)
    ds.PixelData += bytes(64)
    assert shown(ds) == [0.0, 0.2, 1.0]


def test_rows_and_columns_keep_their_order():
    pixels = np.array([[0, 1, 2], [3, 4, 10]], np.uint16)
    expected = np.array([[0.0, 0.1, 0.2], [0.3, 0.4, 1.0]], np.float32)
    np.testing.assert_array_equal(view(make_instance(pixels=pixels, **NO_WINDOW)), expected)


# Display


def test_monochrome1_is_inverted():
    ds = make_instance(
        pixels=row(0, 51, 255), photometric="MONOCHROME1", PresentationLUTShape=None, **NO_WINDOW
    )
    assert shown(ds) == [1.0, 0.8, 0.0]


def test_monochrome1_with_the_shape_inverse_is_inverted_once():
    ds = make_instance(
        pixels=row(0, 51, 255), photometric="MONOCHROME1", PresentationLUTShape="INVERSE", **NO_WINDOW
    )
    assert shown(ds) == [1.0, 0.8, 0.0]


def test_the_shape_inverse_alone_inverts():
    assert shown(make_instance(pixels=row(0, 51, 255), PresentationLUTShape="INVERSE", **NO_WINDOW)) == [
        1.0,
        0.8,
        0.0,
    ]


def test_the_first_of_several_windows_counts():
    ds = make_instance(
        pixels=row(0, 100, 300),
        VOILUTFunction="LINEAR_EXACT",
        WindowCenter=[100, 2000],
        WindowWidth=[200, 10],
    )
    assert shown(ds) == [0.0, 0.5, 1.0]


def test_a_window_without_function_is_linear():
    # c=128, w=256: 0..255 as it is
    assert shown(make_instance(pixels=row(0, 51, 255), WindowCenter=128, WindowWidth=256)) == [0.0, 0.2, 1.0]


def test_a_sigmoid_is_applied():
    ds = make_instance(pixels=row(50, 100, 150), VOILUTFunction="SIGMOID", WindowCenter=100, WindowWidth=100)
    assert shown(ds) == [0.119203, 0.5, 0.880797]


@pytest.mark.parametrize(
    "window",
    [
        {"WindowCenter": None},
        {"WindowWidth": None},
        {"WindowCenter": 100, "WindowWidth": 0},
        {"WindowCenter": 100, "WindowWidth": -4},
    ],
)
def test_an_unusable_window_counts_as_absent(window):
    assert shown(make_instance(pixels=row(0, 51, 255), **window)) == [0.0, 0.2, 1.0]


@pytest.mark.parametrize("garbage", [b"abc", b"nan", b"1e999", b"xx\\yy"])
def test_garbage_in_a_window_counts_as_no_window(garbage):
    content = encode(make_instance(pixels=row(0, 51, 255), WindowCenter="12345678", WindowWidth="87654321"))
    assert content.count(b"12345678") == 1
    content = content.replace(b"12345678", garbage.ljust(8))
    assert listed(image_of(io.BytesIO(content))) == [0.0, 0.2, 1.0]


def with_values(ds: Dataset, **values: bytes) -> bytes:
    """Return `ds` encoded, with elements of numbers in text that hold any bytes."""
    for keyword, value in values.items():
        tag = tag_of(keyword)
        ds[keyword] = RawDataElement(Tag(tag), dictionary_VR(tag), len(value), value, 0, False, True)
    return encode(ds)


def shown_with(ds: Dataset, **values: bytes) -> list[float]:
    return listed(image_of(io.BytesIO(with_values(ds, **values))))


@pytest.mark.parametrize(
    ("centers", "widths"),
    [
        (b"128\\", b"256\\"),
        (b"128\\NaN ", b"256\\NaN "),
        (b"128\\AUTO", b"256\\inf "),
        (b"128\\1e99", b"256\\ "),
        (b"128", b"256\\0 "),
        (b"128 \\4096,5", b"256\\10"),
        # where the first pair cannot be used, the next one that can
        (b"\\128", b"\\256"),
        (b"NaN\\128 ", b"4096\\256"),
        (b"2048\\128", b"0 \\256 "),
        (b"2048\\AUTO\\128", b"-1\\4096\\256"),
    ],
)
def test_a_bad_value_of_a_window_harms_itself_alone(centers, widths):
    # a saturated marker: stretched over the whole range the image would be black
    ds = make_instance(pixels=row(0, 51, 255, 65535), bits_stored=16)
    assert shown_with(ds, WindowCenter=centers, WindowWidth=widths) == [0.0, 0.2, 1.0, 1.0]


@pytest.mark.parametrize(("centers", "widths"), [(b"\\128", b"256 "), (b"128 ", b"\\256")])
def test_a_center_and_a_width_in_unlike_places_are_no_window(centers, widths):
    ds = make_instance(pixels=row(0, 51, 255))
    assert shown_with(ds, WindowCenter=centers, WindowWidth=widths) == [0.0, 0.2, 1.0]


def test_a_decimal_comma_of_a_window_is_a_decimal_point():
    ds = make_instance(pixels=row(0, 51, 255, 1000), VOILUTFunction="LINEAR_EXACT")
    assert shown_with(ds, WindowCenter=b"127,5 ", WindowWidth=b"255,0 ") == [0.0, 0.2, 1.0, 1.0]


@pytest.mark.parametrize("name", ["SIGMOID\\LINEAR", "SIGMOID\\", "\\SIGMOID", "AUTO\\SIGMOID", "sigmoid"])
def test_the_first_known_voi_function_counts(name):
    ds = make_instance(pixels=row(50, 100, 150))
    assert shown_with(ds, VOILUTFunction=name.encode(), WindowCenter=b"100 ", WindowWidth=b"100 ") == [
        0.119203,
        0.5,
        0.880797,
    ]


@pytest.mark.parametrize("slope", [b"2 ", b"2,0 ", b"2\\", b"2\\NaN ", b"\\2"])
@pytest.mark.parametrize("intercept", [b"-100", b"-100\\AUTO", b"-100,0\\", b"\\-100 "])
def test_a_bad_value_of_the_rescale_harms_itself_alone(slope, intercept):
    ds = make_instance(
        pixels=row(50, 75, 100), VOILUTFunction="LINEAR_EXACT", WindowCenter=50, WindowWidth=100
    )
    assert shown_with(ds, RescaleSlope=slope, RescaleIntercept=intercept) == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("value", [b"MONOCHROME1\\", b"\\MONOCHROME1 ", b"MONOCHROME1\\MONOCHROME2 "])
def test_of_several_photometric_interpretations_the_first_counts(value):
    ds = make_instance(pixels=row(0, 51, 255), PresentationLUTShape=None, **NO_WINDOW)
    assert shown_with(ds, PhotometricInterpretation=value) == [1.0, 0.8, 0.0]


@pytest.mark.parametrize("value", [b"2\\", b"\\2"])
def test_a_second_frame_is_seen_whatever_stands_beside_its_number(value):
    with pytest.raises(UndecodablePixels, match="2 frames"):
        shown_with(make_instance(pixels=row(0, 51)), NumberOfFrames=value)


def test_rescale_goes_before_the_window():
    ds = make_instance(
        pixels=row(50, 75, 100), RescaleSlope=2, RescaleIntercept=-100,
        VOILUTFunction="LINEAR_EXACT", WindowCenter=50, WindowWidth=100,
    )  # fmt: skip
    assert shown(ds) == [0.0, 0.5, 1.0]


def test_a_slope_of_zero_counts_as_one():
    assert shown(make_instance(pixels=row(0, 51, 255), RescaleSlope=0, **NO_WINDOW)) == [0.0, 0.2, 1.0]


def test_a_slope_beyond_all_reason_counts_as_one():
    assert shown(make_instance(pixels=row(0, 51, 255), RescaleSlope="1e308", **NO_WINDOW)) == [0.0, 0.2, 1.0]


def lut_item(first_mapped: int, bits: int, entries: bytes, count: int, vr: str = "OW") -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first_mapped < 0 else "US", [count, first_mapped, bits])
    item.add_new("LUTData", vr, entries)
    return item


@pytest.mark.parametrize("order", ["<", ">"])
def test_voi_lut_sequence(order):
    item = lut_item(10, 12, struct.pack(f"{order}3H", 0, 819, 4095), 3)
    ds = make_instance(
        pixels=row(0, 10, 11, 12, 4095),
        transfer_syntax_uid=ExplicitVRLittleEndian if order == "<" else ExplicitVRBigEndian,
        VOILUTSequence=[item],
    )
    assert shown(ds) == [0.0, 0.0, 0.2, 1.0, 1.0]


def test_voi_lut_with_two_entries_in_each_word():
    item = lut_item(0, 8, bytes([0, 51, 102, 255]), 4)
    assert shown(make_instance(pixels=row(0, 1, 2, 3), VOILUTSequence=[item])) == [0.0, 0.2, 0.4, 1.0]


def test_voi_lut_of_65536_entries():
    item = lut_item(0, 16, np.arange(65536, dtype="<u2")[::-1].tobytes(), 0)
    ds = make_instance(pixels=row(0, 65535), bits_stored=16, VOILUTSequence=[item], **NO_WINDOW)
    assert shown(ds) == [1.0, 0.0]


def test_voi_lut_below_zero():
    item = lut_item(-1, 8, struct.pack("<3H", 0, 102, 204), 3)
    ds = make_instance(pixels=row(0, 1, 2), RescaleIntercept=-1, RescaleSlope=1, VOILUTSequence=[item])
    assert shown(ds) == [0.0, 0.4, 0.8]


def test_only_the_first_item_of_the_voi_lut_sequence_counts():
    items = [lut_item(0, 8, struct.pack("<2H", 0, 255), 2), lut_item(0, 8, struct.pack("<2H", 255, 0), 2)]
    assert shown(make_instance(pixels=row(0, 1), VOILUTSequence=items)) == [0.0, 1.0]


@pytest.mark.parametrize("bits", [12, 16, 8, 10, 0, 99])
def test_a_voi_lut_is_scaled_by_the_bits_of_its_entries_whatever_it_declares(bits):
    # some CR readers declare 16 bits for entries of 12
    item = lut_item(0, bits, struct.pack("<4H", 0, 819, 1638, 4095), 4)
    assert shown(make_instance(pixels=row(0, 1, 2, 3), VOILUTSequence=[item])) == [0.0, 0.2, 0.4, 1.0]


def test_a_voi_lut_that_uses_more_than_half_of_its_range_is_scaled_by_what_it_declares():
    item = lut_item(0, 12, struct.pack("<3H", 0, 819, 2457), 3)
    assert shown(make_instance(pixels=row(0, 1, 2), VOILUTSequence=[item])) == [0.0, 0.2, 0.6]


def test_a_voi_lut_of_few_bits_is_scaled_by_eight():
    item = lut_item(0, 8, struct.pack("<3H", 0, 51, 102), 3)
    assert shown(make_instance(pixels=row(0, 1, 2), VOILUTSequence=[item])) == [0.0, 0.2, 0.4]


def test_a_voi_lut_may_begin_below_zero_under_a_negative_slope():
    item = lut_item(-2, 8, struct.pack("<3H", 0, 102, 204), 3)
    ds = make_instance(pixels=row(2, 1, 0), RescaleIntercept=0, RescaleSlope=-1, VOILUTSequence=[item])
    assert shown(ds) == [0.0, 0.4, 0.8]


USELESS_TABLES = {
    "empty": Dataset(),
    "too short": lut_item(0, 12, struct.pack("<2H", 0, 4095), 100),
    "of one gray": lut_item(0, 12, struct.pack("<3H", 7, 7, 7), 3),
}


@pytest.mark.parametrize("useless", USELESS_TABLES)
def test_an_unusable_voi_lut_leaves_it_to_the_window(useless):
    ds = make_instance(
        pixels=row(0, 51, 255), VOILUTSequence=[USELESS_TABLES[useless]], WindowCenter=128, WindowWidth=256
    )
    assert shown(ds) == [0.0, 0.2, 1.0]


@pytest.mark.parametrize("useless", USELESS_TABLES)
def test_an_unusable_voi_lut_leaves_it_to_the_next_one(useless):
    table = lut_item(0, 8, struct.pack("<3H", 255, 102, 0), 3)
    ds = make_instance(pixels=row(0, 1, 2), VOILUTSequence=[USELESS_TABLES[useless], table])
    assert shown(ds) == [1.0, 0.4, 0.0]


def test_modality_lut_sequence():
    item = lut_item(0, 16, struct.pack("<3H", 1000, 3000, 5000), 3)
    item.ModalityLUTType = "US"
    ds = make_instance(
        pixels=row(0, 1, 2),
        RescaleSlope=None,
        RescaleIntercept=None,
        ModalityLUTSequence=[item],
        VOILUTFunction="LINEAR_EXACT",
        WindowCenter=3000,
        WindowWidth=4000,
    )
    assert shown(ds) == [0.0, 0.5, 1.0]


def test_padding_is_black_and_not_in_the_stretched_range():
    ds = make_instance(pixels=row(0, 100, 151, 355), PixelPaddingValue=0, **NO_WINDOW)
    assert shown(ds) == [0.0, 0.0, 0.2, 1.0]


def test_padding_range():
    ds = make_instance(pixels=row(4095, 4000, 100, 151, 355), **NO_WINDOW)
    ds.PixelPaddingValue, ds.PixelPaddingRangeLimit = 4000, 4095
    assert shown(ds) == [0.0, 0.0, 0.0, 0.2, 1.0]


def test_padding_that_leaves_nothing_of_the_image_is_passed_over():
    ds = make_instance(pixels=row(0, 51, 255), PixelPaddingValue=0, PixelPaddingRangeLimit=4095, **NO_WINDOW)
    assert shown(ds) == [0.0, 0.2, 1.0]


def test_signed_padding():
    ds = make_instance(pixels=row(-2000, 0, 51, 255, dtype=np.int16), **NO_WINDOW)
    ds.add_new("PixelPaddingValue", "SS", -2000)
    assert shown(ds) == [0.0, 0.0, 0.2, 1.0]


# Compressed pixel data

ROWS, COLUMNS = 37, 53


def compressed_by_openjph(transfer_syntax_uid, source, target):
    ds = dcmread(source)
    write_instance(with_frame(ds, htj2k(ds.pixel_array, ds.BitsAllocated), transfer_syntax_uid), target)


# How a sample of each compressed transfer syntax is made, and by how many grays of 8 bits it may differ.
ENCODERS: dict[str, tuple[Callable[..., None], Any, int]] = {
    "1.2.840.10008.1.2.4.50": (compressed_by_dcmtk, ["dcmcjpeg", "+eb"], 2),
    "1.2.840.10008.1.2.4.51": (compressed_by_dcmtk, ["dcmcjpeg", "+ee"], 2),
    "1.2.840.10008.1.2.4.57": (compressed_by_dcmtk, ["dcmcjpeg", "+el"], 0),
    "1.2.840.10008.1.2.4.70": (compressed_by_dcmtk, ["dcmcjpeg", "+e1"], 0),
    "1.2.840.10008.1.2.4.80": (compressed_by_dcmtk, ["dcmcjpls", "+el"], 0),
    "1.2.840.10008.1.2.4.81": (compressed_by_dcmtk, ["dcmcjpls", "+en"], 2),
    "1.2.840.10008.1.2.4.90": (compressed_by_gdcm, gdcm.TransferSyntax.JPEG2000Lossless, 0),
    "1.2.840.10008.1.2.4.91": (compressed_by_gdcm, gdcm.TransferSyntax.JPEG2000, 2),
    "1.2.840.10008.1.2.4.201": (compressed_by_openjph, HTJ2KLossless, 0),
    "1.2.840.10008.1.2.4.202": (compressed_by_openjph, HTJ2KLosslessRPCL, 0),
    "1.2.840.10008.1.2.4.203": (compressed_by_openjph, HTJ2K, 0),
    "1.2.840.10008.1.2.5": (compressed_by_dcmtk, ["dcmcrle"], 0),
}
LOSSLESS = [uid for uid, (_, _, difference) in ENCODERS.items() if difference == 0]


def test_every_transfer_syntax_of_the_table_has_a_sample():
    assert set(ENCODERS) | set(NATIVE) == set(DECODABLE_TRANSFER_SYNTAXES)


@pytest.mark.parametrize("transfer_syntax_uid", ENCODERS)
@pytest.mark.parametrize("bits", [8, 12])
def test_every_compressed_transfer_syntax_is_decoded(transfer_syntax_uid, bits, tmp_path):
    if transfer_syntax_uid == JPEGBaseline8Bit:
        bits = 8
    encoder, how, difference = ENCODERS[transfer_syntax_uid]
    pixels = ramp(ROWS, COLUMNS, bits).astype(np.uint8 if bits == 8 else np.uint16)
    source = write_instance(make_instance(pixels=pixels, bits_stored=bits), tmp_path / "source.dcm")
    encoder(how, source, tmp_path / "compressed.dcm")
    assert dcmread(tmp_path / "compressed.dcm").file_meta.TransferSyntaxUID == transfer_syntax_uid
    worst = np.abs(image_of(tmp_path / "compressed.dcm") - image_of(source)).max()
    assert worst <= difference / 255 + 1e-6


@pytest.mark.parametrize("transfer_syntax_uid", LOSSLESS)
@pytest.mark.parametrize(
    ("bits", "dtype"), [(10, np.uint16), (16, np.uint16), (12, np.int16), (16, np.int16)]
)
def test_lossless_transfer_syntaxes_keep_every_bit(transfer_syntax_uid, bits, dtype, tmp_path):
    encoder, how, _ = ENCODERS[transfer_syntax_uid]
    offset = 1 << (bits - 1) if dtype is np.int16 else 0
    pixels = (ramp(ROWS, COLUMNS, bits).astype(np.int32) - offset).astype(dtype)
    source = write_instance(
        make_instance(pixels=pixels, bits_stored=bits, **NO_WINDOW), tmp_path / "source.dcm"
    )
    encoder(how, source, tmp_path / "compressed.dcm")
    np.testing.assert_array_equal(image_of(tmp_path / "compressed.dcm"), image_of(source))


def test_a_frame_in_several_fragments_is_put_together(tmp_path):
    ds = compressed(RLELossless)
    frame = b"".join(fragment for fragment in fragments_of(ds))
    ds.PixelData = encapsulate([frame], fragments_per_frame=3, has_bot=False)
    np.testing.assert_array_equal(view(ds), view(compressed(RLELossless)))


def compressed(transfer_syntax_uid: str) -> Dataset:
    ds = make_instance(rows=ROWS, columns=COLUMNS)
    ds.compress(transfer_syntax_uid, generate_instance_uid=False)
    return ds


def test_a_codestream_with_a_jp2_header_is_decoded(tmp_path):
    source = write_instance(make_instance(rows=ROWS, columns=COLUMNS), tmp_path / "source.dcm")
    compressed_by_gdcm(gdcm.TransferSyntax.JPEG2000Lossless, source, tmp_path / "j2k.dcm")
    ds = dcmread(tmp_path / "j2k.dcm")
    (codestream,) = fragments_of(ds)
    boxes = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x14ftypjp2 \0\0\0\0jp2 " + b"\0\0\0\0jp2c"
    ds.PixelData = encapsulate([boxes + codestream])
    np.testing.assert_array_equal(view(ds), image_of(source))


# Guards


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"PixelData": None}, "no pixel data"),
        ({"Rows": 0}, "0 x 4 pixels"),
        ({"Columns": None}, "1 x 0 pixels"),
        ({"BitsAllocated": 32}, "BitsAllocated is 32"),
        ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, "BitsAllocated is 1"),
        ({"BitsStored": 17}, "BitsStored 17"),
        ({"HighBit": 16}, "HighBit 16"),
        ({"HighBit": 3}, "HighBit 3"),
        ({"NumberOfFrames": 2}, "2 frames"),
        ({"SamplesPerPixel": 3}, "3 samples"),
        ({"Rows": 2}, "8 bytes present, 16 expected"),
    ],
)
def test_what_cannot_be_an_image_is_refused_with_its_reason(changes, reason):
    with pytest.raises(UndecodablePixels, match=reason):
        view(make_instance(pixels=row(0, 1, 2, 3), **changes))


def test_an_image_larger_than_the_limit_is_refused(tmp_path):
    path = write_instance(make_instance(rows=100, columns=101), tmp_path / "a.dcm")
    assert image_of(path, max_pixels=10_100).shape == (100, 101)
    with pytest.raises(UndecodablePixels, match="100 x 101 pixels"):
        image_of(path, max_pixels=10_099)


@pytest.mark.parametrize("transfer_syntax_uid", ["1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.100"])
def test_other_transfer_syntaxes_are_refused(transfer_syntax_uid):
    ds = compressed(RLELossless)
    ds.file_meta.TransferSyntaxUID = transfer_syntax_uid
    with pytest.raises(UndecodablePixels, match=transfer_syntax_uid):
        view(ds)


def test_a_codestream_larger_than_its_header_makes_no_room_for_it(tmp_path):
    # a pixel bomb: the header says 37 x 53, the frame 65500 x 65500
    source = write_instance(make_instance(rows=ROWS, columns=COLUMNS), tmp_path / "source.dcm")
    compressed_by_dcmtk(["dcmcjpeg", "+e1"], source, tmp_path / "jpeg.dcm")
    content = (tmp_path / "jpeg.dcm").read_bytes()
    size = struct.pack(">2H", ROWS, COLUMNS)
    assert content.count(size) == 1
    tracemalloc.start()
    with pytest.raises(UndecodablePixels, match="65500 x 65500 x 1"):
        image_of(io.BytesIO(content.replace(size, struct.pack(">2H", 65500, 65500))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize("transfer_syntax_uid", [JPEG2000Lossless, JPEGBaseline8Bit, RLELossless])
@pytest.mark.parametrize(
    "frame", [b"\0\0", b"garbage!" * 20, b"\xff\xd8\xff\xd9", b"\xff\x4f\xff\x51" + bytes(60)]
)
def test_broken_frames_are_refused(transfer_syntax_uid, frame):
    ds = make_instance(rows=ROWS, columns=COLUMNS)
    ds.file_meta.TransferSyntaxUID = transfer_syntax_uid
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].is_undefined_length = True
    with pytest.raises(UndecodablePixels):
        view(ds)


@pytest.mark.parametrize("missing", [8, 9, 100])
def test_truncated_encapsulated_pixel_data_is_refused(missing):
    with pytest.raises(UndecodablePixels, match="truncated"):
        image_of(io.BytesIO(encode(compressed(RLELossless))[:-missing]))


@pytest.mark.parametrize("transfer_syntax_uid", NATIVE)
def test_truncation_at_every_byte_is_refused(transfer_syntax_uid):
    content = encode(make_instance(pixels=row(1, 2, 3), transfer_syntax_uid=transfer_syntax_uid))
    for length in range(len(content) - 1):  # the last byte may be padding
        with pytest.raises(UndecodablePixels):
            image_of(io.BytesIO(content[:length]))


def test_what_is_no_dicom_is_refused_for_its_reason():
    with pytest.raises(UndecodablePixels, match="DICM"):
        image_of(io.BytesIO(b"not dicom"))


def test_the_reason_names_no_patient():
    ds = make_instance(pixels=row(0, 1), BitsStored=17, PatientName="Secret^Name", PatientID="SECRET-1")
    with pytest.raises(UndecodablePixels) as caught:
        view(ds)
    assert "secret" not in str(caught.value).casefold()


TINY = encode(make_instance(rows=4, columns=4, VOILUTSequence=[lut_item(0, 8, bytes([0, 51, 102, 255]), 4)]))
RLE = encode(compressed(RLELossless))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([TINY, RLE]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_any_flipped_bytes_give_an_image_or_the_documented_error(original, changes):
    content = bytearray(original)
    for position, value in changes:
        content[132 + position % (len(content) - 132)] = value
    try:
        values = image_of(io.BytesIO(bytes(content)), max_pixels=100_000)
    except UndecodablePixels:
        return
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert values.max() <= 1
