"""The image of an instance, as a viewer shows it.

This module reads pixel data behind guards: what is declared is checked against what is there, and
against a limit, before anything is decoded or any room is made for it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from dicom_io.decoding.display import (
    DisplayRules,
    LookupTable,
    VoiFunction,
    Window,
    display_of,
    display_values,
)
from dicom_io.decoding.messages import MAX_PIXELS
from dicom_io.decoding.pixel_aspect import PIXEL_SIZES, read_pixel_aspect
from dicom_io.decoding.pixel_format import PixelFormat
from dicom_io.decoding.stored_image import StoredImage, eight_bits
from dicom_io.decoding.stored_values import decode_encapsulated, decode_native
from dicom_io.decoding.view import View
from dicom_io.defects import Defect
from dicom_io.errors import UndecodablePixels, UnusableInstance
from dicom_io.reading.part10 import Part10Header, PixelDataExtent, opened, read_part10_header, read_pixel_data
from dicom_io.reading.transfer_syntaxes import DECODABLE_TRANSFER_SYNTAXES, NATIVE_TRANSFER_SYNTAXES
from dicom_io.reading.values import OVERLAY_BIT_POSITIONS, Values, tag_of

_SMALLEST_WIDTH = 1e-6  # a narrower window, or a negative one, is taken for a mistake

MAX_ENCAPSULATED_BYTES = 2**29
"""Compressed pixel data beyond this is not read."""


def read_view(source: Path | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> View:
    """Read the image of an instance and apply all that decides on its display.

    That is Modality LUT or rescale, VOI LUT or window (the first of several; LINEAR, LINEAR_EXACT and
    SIGMOID), MONOCHROME1 and Presentation LUT Shape (PS3.4 N.2). Without VOI LUT and window the range of
    the values in use is stretched over the grays. Pixel Padding Value and Range Limit are left out of
    that range and shown black. Pixels stay where they are stored; `View.pixel_aspect` says their shape.

    Parameters
    ----------
    source : Path or BinaryIO
        A Part 10 file, or a seekable stream, which is left open.
    max_pixels : int
        Rows times columns of the largest image that is decoded.

    Raises
    ------
    UndecodablePixels
        There is no pixel data, or it is incomplete, too large, broken, or not one grayscale frame.
    OSError
        `source` cannot be opened or read.
    """
    stored, rules, pixel_aspect = _read(source, max_pixels)
    return View(image=display_values(stored, rules), pixel_aspect=pixel_aspect)


def read_stored(source: Path | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> StoredImage:
    """Read the stored values of an instance's image, and its display; all as for `read_view`."""
    stored, rules, pixel_aspect = _read(source, max_pixels)
    display = display_of(stored, rules)
    return StoredImage(
        values=stored,
        modality=display.modality.astype(np.float32),
        grays=eight_bits(display.grays),
        window=display.window,
        inverted=rules.inverted,
        pixel_aspect=pixel_aspect,
    )


def _read(source: Path | BinaryIO, max_pixels: int) -> tuple[NDArray[np.uint16], DisplayRules, float]:
    try:
        with opened(source) as stream:
            header = read_part10_header(stream, wanted=_WANTED, wanted_sequences=_WANTED_SEQUENCES)
            values = Values(header.data_set, little_endian=header.little_endian)
            layout = _layout(values, max_pixels)
            stored = _stored(stream, header, layout)
        return stored, _display_rules(values, layout), read_pixel_aspect(values)
    except UndecodablePixels:
        raise
    except UnusableInstance as exc:
        raise UndecodablePixels(exc.defect, **exc.details) from exc


def _layout(values: Values, max_pixels: int) -> PixelFormat:
    """Return the pixel format; it must be one that the rest of this module can rely on."""
    bits_allocated = values.number("BitsAllocated")
    bits_stored = values.number("BitsStored") or bits_allocated
    layout = PixelFormat(
        rows=values.number("Rows"),
        columns=values.number("Columns"),
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        high_bit=values.number("HighBit") or bits_stored - 1,
        signed=values.number("PixelRepresentation") == 1,
        overlay_bits=values.overlay_bits(),
    )
    _check(layout, max_pixels)
    samples, frames = values.number("SamplesPerPixel") or 1, values.number("NumberOfFrames") or 1
    if samples != 1 or frames != 1:
        raise UndecodablePixels(Defect.FRAMES_OR_SAMPLES, frames=frames, samples=samples)
    return layout


def _check(layout: PixelFormat, max_pixels: int) -> None:
    if not 0 < layout.pixels <= max_pixels:
        raise UndecodablePixels(
            Defect.IMAGE_SIZE, rows=layout.rows, columns=layout.columns, most_pixels=max_pixels
        )
    if layout.bits_allocated not in {8, 16}:
        raise UndecodablePixels(Defect.BITS_ALLOCATED, bits_allocated=layout.bits_allocated)
    if not layout.bits_stored <= layout.high_bit + 1 <= layout.bits_allocated:
        raise UndecodablePixels(
            Defect.BITS_CONTRADICT,
            bits_stored=layout.bits_stored,
            high_bit=layout.high_bit,
            bits_allocated=layout.bits_allocated,
        )


def _stored(stream: BinaryIO, header: Part10Header, layout: PixelFormat) -> NDArray[np.uint16]:
    extent = header.pixel_data
    if extent is None or extent.present == 0:
        raise UndecodablePixels(Defect.PIXELS_ABSENT)
    uid = header.transfer_syntax_uid
    if uid not in DECODABLE_TRANSFER_SYNTAXES:
        raise UndecodablePixels(Defect.SYNTAX_NOT_DECODED, transfer_syntax_uid=uid)
    if uid in NATIVE_TRANSFER_SYNTAXES:
        data = _native_bytes(stream, extent, layout.pixels * layout.bits_allocated // 8)
        return decode_native(data, layout, transfer_syntax_uid=uid, vr=extent.vr)
    return decode_encapsulated(_encapsulated_bytes(stream, extent), layout, transfer_syntax_uid=uid)


def _native_bytes(stream: BinaryIO, extent: PixelDataExtent, expected: int) -> bytes:
    if extent.declared is None:
        raise UndecodablePixels(Defect.PIXELS_ENCAPSULATED)
    data = read_pixel_data(stream, extent, expected)
    if len(data) < expected:
        raise UndecodablePixels(Defect.PIXELS_TRUNCATED, present_bytes=len(data), expected_bytes=expected)
    return data


def _encapsulated_bytes(stream: BinaryIO, extent: PixelDataExtent) -> bytes:
    if extent.declared is not None:
        raise UndecodablePixels(Defect.PIXELS_NOT_ENCAPSULATED)
    if not extent.complete:
        raise UndecodablePixels(Defect.PIXELS_WITHOUT_END, present_bytes=extent.present)
    if extent.present > MAX_ENCAPSULATED_BYTES:
        raise UndecodablePixels(
            Defect.PIXELS_TOO_LONG, present_bytes=extent.present, most_bytes=MAX_ENCAPSULATED_BYTES
        )
    return read_pixel_data(stream, extent, extent.present)


def _display_rules(values: Values, layout: PixelFormat) -> DisplayRules:
    slope = values.decimal("RescaleSlope") or 1.0  # 0 would make one gray of all values
    intercept = values.decimal("RescaleIntercept") or 0.0
    return DisplayRules(
        bits_stored=layout.bits_stored,
        signed=layout.signed,
        # A DX that is MONOCHROME1 says INVERSE as well (PS3.3 C.8.11.3.1.2): that is one inversion.
        inverted=values.code_strings("PhotometricInterpretation")[:1] == ("MONOCHROME1",)
        or values.code_strings("PresentationLUTShape")[:1] == ("INVERSE",),
        rescale_slope=slope,
        rescale_intercept=intercept,
        modality_table=_first_table(values.items("ModalityLUTSequence"), signed=layout.signed),
        voi_table=_first_table(
            values.items("VOILUTSequence"), signed=layout.signed or intercept < 0 or slope < 0
        ),
        window=_window(values),
        padding=_padding(values, signed=layout.signed),
    )


def _window(values: Values) -> Window | None:
    """Return the first window, a center and the width in the same place, that can be used; None without."""
    pairs = zip(values.decimals("WindowCenter"), values.decimals("WindowWidth"), strict=False)
    for center, width in pairs:
        if center is not None and width is not None and width >= _SMALLEST_WIDTH:
            return Window(center=center, width=width, function=_voi_function(values))
    return None


def _voi_function(values: Values) -> VoiFunction:
    known = (VoiFunction(name) for name in values.code_strings("VOILUTFunction") if name in set(VoiFunction))
    return next(known, VoiFunction.LINEAR)


def _padding(values: Values, *, signed: bool) -> tuple[int, int] | None:
    value = values.word("PixelPaddingValue", signed=signed)
    limit = values.word("PixelPaddingRangeLimit", signed=signed)
    if value is None:
        return None
    return value, value if limit is None else limit


def _first_table(items: Sequence[Values], *, signed: bool) -> LookupTable | None:
    """Return the first table of a LUT sequence (PS3.3 C.11.1.1) that can be used; None if there is none."""
    tables = (_table(item, signed=signed) for item in items)
    return next((table for table in tables if table is not None), None)


def _table(item: Values, *, signed: bool) -> LookupTable | None:
    descriptor = [int(word) for word in item.words("LUTDescriptor")[:3]]
    if len(descriptor) < 3:
        return None
    count, first, bits = descriptor[0] or 65536, descriptor[1], descriptor[2]
    entries: NDArray[np.uint8 | np.uint16] = item.words("LUTData")[:count]
    if entries.size < count and bits == 8:  # two entries in each word
        entries = item.octets("LUTData")[:count]
    if entries.size < count or entries.min() == entries.max():  # one gray for all values is a mistake
        return None
    return LookupTable(
        first_mapped=first - 65536 if signed and first >= 32768 else first,
        entries=entries.astype(np.float64),
    )


# fmt: off
_WANTED_SEQUENCES = frozenset(map(tag_of, ("ModalityLUTSequence", "VOILUTSequence")))
_WANTED = frozenset(OVERLAY_BIT_POSITIONS) | PIXEL_SIZES | frozenset(map(tag_of, (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
    "NumberOfFrames", "PhotometricInterpretation", "PresentationLUTShape",
    "RescaleSlope", "RescaleIntercept", "LUTDescriptor", "LUTData",
    "WindowCenter", "WindowWidth", "VOILUTFunction", "PixelPaddingValue", "PixelPaddingRangeLimit",
)))
# fmt: on
