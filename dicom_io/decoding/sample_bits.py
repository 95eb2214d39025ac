"""Stored values, out of samples that may hold more than them.

This module takes the stored bits out of samples, and where samples were compressed holds what the codestream
says of them against what the header says (PS3.5 8.2).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom_io.decoding.codestream import Codestream
from dicom_io.decoding.pixel_format import PixelFormat
from dicom_io.defects import Defect
from dicom_io.errors import UndecodablePixels


def stored_bits(samples: NDArray[np.integer[Any]], layout: PixelFormat) -> NDArray[np.uint16]:
    """Move the stored bits down to bit 0 and drop what else is in the sample, such as overlay planes."""
    values = samples.astype(np.uint16)
    shift = layout.high_bit + 1 - layout.bits_stored
    if shift:
        values >>= shift
    if layout.bits_stored < 16:
        values &= (1 << layout.bits_stored) - 1
    return values.reshape(layout.rows, layout.columns)


def agreed_bits(
    samples: NDArray[Any], stream: Codestream, layout: PixelFormat, *, lossy: bool
) -> NDArray[np.uint16]:
    """Return the stored bits of decoded samples, where codestream and header leave one way to read them.

    A lossless codestream that reaches up to the high bit holds cells, bit by bit as they stand in native
    pixel data. Any other one holds numbers.

    Raises
    ------
    UndecodablePixels
        The samples can be read in more than one way, or do not fit into the stored bits.
    """
    if stream.precision > layout.high_bit and not lossy:
        return _bits_of_cells(samples, stream, layout)
    return _bits_of_numbers(samples, stream, layout, lossy=lossy)


def _bits_of_cells(samples: NDArray[Any], stream: Codestream, layout: PixelFormat) -> NDArray[np.uint16]:
    """Take the stored bits out of cells.

    Above them there may be zeros, copies of the sign, and overlay planes that the header names (retired;
    PS3.3-2004 C.9.2). Anything else is a value that the header is too narrow for.
    """
    cells = samples.astype(np.int32) & ((1 << stream.precision) - 1)
    width = layout.high_bit + 1
    mask = ((1 << stream.precision) - 1) & ~layout.overlay_bits
    above = (cells & mask) >> width
    if above.any():
        copies_of_sign = np.where(cells >> layout.high_bit & 1, mask >> width, 0)
        if not layout.signed or not ((above == 0) | (above == copies_of_sign)).all():
            raise _disagreement(stream, layout)
    return stored_bits(cells, layout)


def _bits_of_numbers(
    samples: NDArray[Any], stream: Codestream, layout: PixelFormat, *, lossy: bool
) -> NDArray[np.uint16]:
    """Turn numbers into stored bits."""
    numbers = _signed_alike(samples.astype(np.int32), stream, layout, lossy=lossy)
    below = layout.high_bit + 1 - layout.bits_stored
    if below and stream.precision != layout.bits_stored:
        if stream.precision <= layout.high_bit:
            raise _disagreement(stream, layout)
        numbers = numbers >> below
    numbers = _fitting(numbers, stream, layout, lossy=lossy)
    return (numbers & ((1 << layout.bits_stored) - 1)).astype(np.uint16)


def _signed_alike(
    numbers: NDArray[np.int32], stream: Codestream, layout: PixelFormat, *, lossy: bool
) -> NDArray[np.int32]:
    """Return numbers that are negative where the header's sign bit says so.

    JPEG and JPEG-LS cannot say that samples are signed, and some writers of JPEG 2000 do not. The highest bit
    of the codestream then is the sign if it is the highest that the header stores.
    """
    if stream.signed == layout.signed:
        return numbers
    contested = numbers >= 1 << (stream.precision - 1) if layout.signed else numbers < 0
    if contested.any():
        if lossy or stream.precision != layout.bits_stored:
            raise _disagreement(stream, layout)
        numbers[contested] += (-1 if layout.signed else 1) << stream.precision
    return numbers


def _fitting(
    numbers: NDArray[np.int32], stream: Codestream, layout: PixelFormat, *, lossy: bool
) -> NDArray[np.int32]:
    """Return numbers that fit into the stored bits.

    A lossy decoder may overshoot at edges, by a part of the range; that is cut off.
    """
    span = 1 << layout.bits_stored
    lowest = -span // 2 if layout.signed else 0
    least, most = int(numbers.min()), int(numbers.max())
    if lowest <= least and most < lowest + span:
        return numbers
    if not lossy or least < lowest - span // 2 or most >= lowest + span + span // 2:
        raise _disagreement(stream, layout)
    return np.clip(numbers, lowest, lowest + span - 1)


def _disagreement(stream: Codestream, layout: PixelFormat) -> UndecodablePixels:
    return UndecodablePixels(
        Defect.SAMPLES_CONTRADICT,
        is_coded_signed=stream.signed,
        precision=stream.precision,
        is_signed=layout.signed,
        bits_stored=layout.bits_stored,
        high_bit=layout.high_bit,
        bits_allocated=layout.bits_allocated,
    )
