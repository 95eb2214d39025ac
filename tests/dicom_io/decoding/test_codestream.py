"""What a codestream says of itself, before anything is decoded."""

from dataclasses import replace

import imagecodecs
import numpy as np
import pytest

from dicom_io.decoding.codecs import decode_codestream
from dicom_io.decoding.codestream import Coding, read_codestream
from dicom_io.errors import UndecodablePixels
from tests.dicom_io.decoding.compressed import htj2k, jpeg_2000, jpeg_lossless, jpeg_ls

ROWS, COLUMNS = 60, 45


def noisy(largest: int) -> np.ndarray:
    """Return values that no codec compresses to nothing."""
    return np.random.default_rng(5).integers(0, largest + 1, (ROWS, COLUMNS)).astype(np.uint16)


def jpeg_dct(samples: np.ndarray, precision: int) -> bytes:
    typed = samples.astype(np.uint8 if precision == 8 else np.uint16)
    return bytes(imagecodecs.jpeg8_encode(typed, level=90, bitspersample=precision))


STREAMS = {
    "baseline": (Coding.JPEG, 8, jpeg_dct(noisy(255), 8)),
    "extended": (Coding.JPEG, 12, jpeg_dct(noisy(4095), 12)),
    "lossless": (Coding.JPEG, 12, jpeg_lossless(noisy(4095), 12)),
    "jpeg-ls": (Coding.JPEG_LS, 10, jpeg_ls(noisy(1023), 10)),
    "jpeg-2000": (Coding.JPEG_2000, 12, jpeg_2000(noisy(4095), 12)),
    "htj2k": (Coding.JPEG_2000, 16, htj2k(noisy(4095), 16)),
}


@pytest.mark.parametrize(("coding", "precision", "data"), STREAMS.values(), ids=STREAMS)
def test_size_and_precision_are_those_that_were_encoded(coding, precision, data):
    stream = read_codestream(data)
    assert (stream.coding, stream.precision, stream.components) == (coding, precision, 1)
    assert (stream.rows, stream.columns, stream.signed) == (ROWS, COLUMNS, False)


def test_a_signed_jpeg_2000_says_so():
    samples = noisy(255).astype(np.int16) - 128
    assert read_codestream(jpeg_2000(samples, 8)).signed


@pytest.mark.parametrize("padding", [b"\0", b"\0" * 3])
@pytest.mark.parametrize("data", [stream[2] for stream in STREAMS.values()], ids=STREAMS)
def test_padding_behind_a_codestream_changes_nothing(data, padding):
    np.testing.assert_array_equal(
        decode_codestream(read_codestream(data + padding)), decode_codestream(read_codestream(data))
    )


@pytest.mark.parametrize("data", [stream[2] for stream in STREAMS.values()], ids=STREAMS)
def test_a_codestream_that_is_cut_short_anywhere_is_refused(data):
    whole = decode_codestream(read_codestream(data))
    accepted = []
    for missing in range(3, len(data) - 20, 7):
        for ending in (b"", data[-2:]):
            try:
                got = decode_codestream(read_codestream(data[: len(data) - missing] + ending))
            except UndecodablePixels:
                continue
            accepted.append((missing, ending, (got != whole).sum()))
    assert accepted == []


def test_a_tile_that_is_missing_is_told():
    data = jpeg_2000(noisy(4095), 12)
    width = COLUMNS.to_bytes(4, "big")
    assert data[24:28] == width  # XTsiz: one tile as wide as the image
    with pytest.raises(UndecodablePixels, match="tiles are missing"):
        read_codestream(data[:24] + (COLUMNS // 2 + 1).to_bytes(4, "big") + data[28:])


@pytest.mark.parametrize(
    ("marker", "words"),
    [(0xC2, "0xFFC2 are not decoded"), (0xC9, "0xFFC9 are not decoded"), (0xC4, "no frame header")],
)
def test_other_kinds_of_jpeg_are_refused_by_name(marker, words):
    data = STREAMS["baseline"][2]
    at = data.index(b"\xff\xc0")
    with pytest.raises(UndecodablePixels, match=words):
        read_codestream(data[: at + 1] + bytes([marker]) + data[at + 2 :])


@pytest.mark.parametrize("precision", [0, 17, 38])
def test_a_precision_beyond_16_bits_is_refused(precision):
    with pytest.raises(UndecodablePixels, match=f"{precision} bits per sample"):
        replace(read_codestream(STREAMS["lossless"][2]), precision=precision)


@pytest.mark.parametrize("frame", [b"", b"\xff\xd8", b"\xff\x4f\xff\x51", b"RIFF" * 10])
def test_what_is_no_codestream_is_refused(frame):
    with pytest.raises(UndecodablePixels):
        read_codestream(frame)
