"""Samples of compressed frames.

This module calls the decoders: imagecodecs' libjpeg-turbo, CharLS, OpenJPEG and PackBits. Each fills an array
that was made here, of zeros, whose shape and type follow from the codestream; docs/architecture.md says why
these decoders.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from dicom_io.decoding.codestream import Codestream, Coding
from dicom_io.decoding.pixel_format import PixelFormat
from dicom_io.defects import Defect
from dicom_io.errors import UndecodablePixels

_RLE_HEADER = np.dtype("<u4")
_RLE_HEADER_BYTES = 64  # PS3.5 G.5: the number of segments and the offsets of up to 15
_RLE_PADDING = 64  # bytes that a segment may decode to beyond the image

# What follows a whole codestream makes no difference to its decoder; see `_decode_jpeg`. libjpeg-turbo puts
# zeros in the place of what is missing, so the first bit here is a one; 0xFF would begin a marker.
_OTHER_ENDING = bytes([0xA5, 0x5A]) * 2048

# OpenJPEG divides the code blocks of an image among threads: nearly twice as fast on two cores.
_THREADS = 2


def decode_codestream(stream: Codestream) -> NDArray[Any]:
    """Return (rows, columns) samples, (u)int8 up to 8 bits of precision and (u)int16 above.

    The array is made here, of zeros and from the codestream alone, and the decoder refuses one of another
    shape or type: a byte that it does not write is 0, never what the memory held before.
    """
    samples = _zeros(stream)
    try:
        decoded = _DECODERS[stream.coding](stream.data, samples)
    except UndecodablePixels:
        raise
    except Exception as exc:  # each decoder has errors of its own
        raise UndecodablePixels(Defect.DECODER_FAILED, coding=stream.coding) from exc
    if decoded is not samples:
        raise UndecodablePixels(Defect.DECODER_DISOBEYED, coding=stream.coding)
    return samples


def _zeros(stream: Codestream) -> NDArray[Any]:
    kind = "i" if stream.signed else "u"
    return np.zeros((stream.rows, stream.columns), f"{kind}{1 if stream.precision <= 8 else 2}")


def _decode_jpeg(data: bytes, samples: NDArray[Any]) -> NDArray[Any]:
    """Decode with libjpeg-turbo, which goes on as if nothing were wrong when its data ends too early.

    It then makes up the rest from what it finds instead. So the codestream is decoded again with another
    ending: only where every sample came from the data, both are the same.
    """
    decoded: NDArray[Any] = imagecodecs.jpeg8_decode(data, out=samples)
    # 0xFF bytes in front of a marker belong to it (ISO/IEC 10918-1 B.1.1.2).
    with_other_ending = data[:-2].rstrip(b"\xff") + _OTHER_ENDING + data[-2:]
    if not np.array_equal(samples, imagecodecs.jpeg8_decode(with_other_ending, out=np.zeros_like(samples))):
        raise UndecodablePixels(Defect.JPEG_ENDS_EARLY)
    return decoded


def _decode_jpeg_ls(data: bytes, samples: NDArray[Any]) -> NDArray[Any]:
    decoded: NDArray[Any] = imagecodecs.jpegls_decode(data, out=samples)
    return decoded


def _decode_jpeg_2000(data: bytes, samples: NDArray[Any]) -> NDArray[Any]:
    decoded: NDArray[Any] = imagecodecs.jpeg2k_decode(data, out=samples, numthreads=_THREADS)
    return decoded


_DECODERS: Mapping[Coding, Callable[[bytes, NDArray[Any]], NDArray[Any]]] = MappingProxyType(
    {
        Coding.JPEG: _decode_jpeg,
        Coding.JPEG_LS: _decode_jpeg_ls,
        Coding.JPEG_2000: _decode_jpeg_2000,
    }
)


def decode_rle(frame: bytes, layout: PixelFormat) -> NDArray[np.uint16]:
    """Return the samples of an RLE frame, which has a segment for each of their bytes (PS3.5 G.2).

    Returns
    -------
    NDArray[np.uint16]
        (pixels,) in the order of the rows.

    Raises
    ------
    UndecodablePixels
        The frame is broken, or has fewer samples than the image.
    """
    sample_bytes = layout.bits_allocated // 8
    segments = _rle_segments(frame)
    if len(segments) != sample_bytes:
        raise UndecodablePixels(
            Defect.RLE_SEGMENT_COUNT,
            segments=len(segments),
            bits_allocated=layout.bits_allocated,
            needed=sample_bytes,
        )
    samples = np.zeros((layout.pixels, sample_bytes), np.uint8)
    for place, segment in enumerate(segments):  # the highest byte comes first
        samples[:, place] = _unpacked(segment, layout.pixels)
    return samples.view(f">u{sample_bytes}").ravel().astype(np.uint16)


def _rle_segments(frame: bytes) -> list[bytes]:
    """Cut a frame at the offsets in its header (PS3.5 G.5); none lies outside the frame."""
    if len(frame) < _RLE_HEADER_BYTES:
        raise UndecodablePixels(Defect.RLE_HEADER_SHORT)
    count, *offsets = (int(word) for word in np.frombuffer(frame, _RLE_HEADER, count=16))
    bounds = [*offsets[:count], len(frame)]
    if not 1 <= count <= 15 or bounds[0] != _RLE_HEADER_BYTES or bounds != sorted(set(bounds)):
        raise UndecodablePixels(Defect.RLE_OFFSETS)
    return [frame[start:end] for start, end in pairwise(bounds)]


def _unpacked(segment: bytes, pixels: int) -> NDArray[np.uint8]:
    """Decode one segment (PS3.5 G.3.2); it must hold a byte for each pixel."""
    room = bytearray(pixels + _RLE_PADDING)
    try:
        unpacked = imagecodecs.packbits_decode(segment, out=room)
    except Exception as exc:  # an error of its own for each thing that is wrong
        raise UndecodablePixels(Defect.RLE_SEGMENT_BROKEN) from exc
    if len(unpacked) < pixels:
        raise UndecodablePixels(Defect.RLE_SEGMENT_SHORT, present_bytes=len(unpacked), pixels=pixels)
    return np.frombuffer(room, np.uint8, count=pixels)
