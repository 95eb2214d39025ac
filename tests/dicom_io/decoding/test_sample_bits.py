"""Stored bits out of samples, worked out by hand."""

import numpy as np
import pytest

from dicom_io.decoding.codestream import Codestream, Coding
from dicom_io.decoding.pixel_format import PixelFormat
from dicom_io.decoding.sample_bits import agreed_bits
from dicom_io.errors import UndecodablePixels


def stream(precision: int, *, signed: bool = False) -> Codestream:
    return Codestream(
        data=b"", coding=Coding.JPEG_2000, rows=1, columns=1, components=1, precision=precision, signed=signed
    )


def header(stored: int, *, allocated: int = 16, high_bit: int | None = None, **more: object) -> PixelFormat:
    values: dict[str, object] = {"signed": False, **more}
    high_bit = stored - 1 if high_bit is None else high_bit
    return PixelFormat(
        rows=1,
        columns=1,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high_bit,
        **values,  # type: ignore[arg-type]
    )


def bits(sample: int, of: Codestream, under: PixelFormat, *, lossy: bool = False) -> int:
    samples = np.array([[sample]], np.int32)
    return int(agreed_bits(samples, of, under, lossy=lossy)[0, 0])


@pytest.mark.parametrize(
    ("sample", "of", "under", "expected"),
    [
        (0xFF, stream(8), header(8), 0xFF),
        (0xFF, stream(8), header(12), 0x0FF),
        (-1, stream(8, signed=True), header(12, signed=True), 0xFFF),  # sign extended to the stored bits
        (0xFFF, stream(12), header(12, signed=True), 0xFFF),  # JPEG cannot say that it is signed: -1
        (0xFFFF, stream(16), header(12, signed=True), 0xFFF),  # a cell with copies of its sign: -1
        (0x0FFF, stream(16), header(12, signed=True), 0xFFF),  # a cell without them: -1
        (-1, stream(12, signed=True), header(12), 0xFFF),  # the writer mistook the highest bit for a sign
        (0x8001, stream(16), header(12, overlay_bits=0x8000), 0x001),
        (0xF0F0, stream(16), header(12, high_bit=15), 0xF0F),  # stored in the upper bits
        (0xF0F, stream(12), header(12, high_bit=15), 0xF0F),  # the same, taken out before it was encoded
    ],
)
def test_samples_that_can_be_read_in_one_way(sample, of, under, expected):
    assert bits(sample, of, under) == expected


@pytest.mark.parametrize(
    ("sample", "of", "under"),
    [
        (0x1000, stream(16), header(12)),  # no overlay is named there
        (0x9001, stream(16), header(12, overlay_bits=0x8000)),
        (0x1FF, stream(9), header(8)),
        (-1, stream(16, signed=True), header(12)),
        (-1, stream(8, signed=True), header(12)),
        (0x80, stream(8), header(12, signed=True)),  # 128 or -128
        (0x7001, stream(16), header(12, signed=True)),
        (1, stream(13), header(12, high_bit=15)),  # neither the whole cell nor the stored bits
    ],
)
def test_samples_that_contradict_their_header_are_refused(sample, of, under):
    with pytest.raises(UndecodablePixels, match=f"samples of {of.precision} bits.*BitsStored"):
        bits(sample, of, under)


def test_what_lossy_compression_adds_beyond_the_range_is_cut_off():
    assert bits(4100, stream(16), header(12), lossy=True) == 4095
    assert bits(-2050, stream(16, signed=True), header(12, signed=True), lossy=True) == 0x800


def test_a_range_that_no_overshooting_explains_is_refused():
    with pytest.raises(UndecodablePixels):
        bits(9000, stream(16), header(12), lossy=True)
