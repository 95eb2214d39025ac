"""Stored values of an image, out of the bytes that hold them.

This module decodes native and encapsulated pixel data of one grayscale frame. Compressed frames go
through GDCM, which reads every lossless and lossy syntax of the table and runs without Python's lock.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import get_frame
from pydicom.uid import RLELossless

from dicom_io.codestream import Codestream, read_jpeg, read_jpeg_2000
from dicom_io.errors import UndecodablePixels
from dicom_io.transfer_syntaxes import JPEG_2000_TRANSFER_SYNTAXES, encoding_of

_gdcm: Any = import_module("gdcm")  # bindings that are generated when it is built carry no types

_RLE: str = RLELossless


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFormat:
    """Shape and layout of the stored values (PS3.3 C.7.6.3): one sample per pixel, one frame."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.rows * self.columns


def decode_native(
    data: bytes, layout: PixelFormat, *, transfer_syntax_uid: str, vr: bytes
) -> NDArray[np.uint16]:
    """Return the stored values of uncompressed pixel data.

    Parameters
    ----------
    data : bytes
        ``layout.pixels`` samples of 8 or 16 bits.
    vr : bytes
        VR of the pixel data: 8-bit samples in OW are pairs in words, which matters if big endian.

    Returns
    -------
    NDArray[np.uint16]
        (rows, columns); the bits of each stored value, moved down to bit 0, two's complement if signed.
    """
    little_endian = encoding_of(transfer_syntax_uid).little_endian
    if layout.bits_allocated == 16:
        samples = np.frombuffer(data, "<u2" if little_endian else ">u2", count=layout.pixels)
    elif little_endian or vr != b"OW":
        samples = np.frombuffer(data, np.uint8, count=layout.pixels)
    else:
        padded = data + bytes(len(data) % 2)
        samples = np.frombuffer(padded, np.uint16).byteswap().view(np.uint8)[: layout.pixels]
    return _stored_bits(samples, layout)


def decode_encapsulated(data: bytes, layout: PixelFormat, *, transfer_syntax_uid: str) -> NDArray[np.uint16]:
    """Return the stored values of the one frame in encapsulated pixel data; see `decode_native`.

    Raises
    ------
    UndecodablePixels
        The fragments, or the codestream in them, cannot be read or do not have the size of the header.
    """
    try:
        frame = get_frame(data, 0, number_of_frames=1)
    except Exception as exc:  # broken fragments end in errors of many kinds
        raise UndecodablePixels("the fragments of the pixel data cannot be put together") from exc
    if transfer_syntax_uid != _RLE:
        frame = _checked_codestream(frame, layout, transfer_syntax_uid).data
    try:
        decoded = _gdcm_decode(frame, layout, transfer_syntax_uid)
    except Exception as exc:  # the binding of a native decoder raises anything
        raise UndecodablePixels("the decoder failed on the compressed frame") from exc
    if len(decoded) not in {layout.pixels, 2 * layout.pixels}:
        raise UndecodablePixels(f"the decoder gave {len(decoded)} bytes for {layout.pixels} pixels")
    dtype = "<u2" if len(decoded) == 2 * layout.pixels else np.uint8
    return _stored_bits(np.frombuffer(decoded, dtype), layout)


def _checked_codestream(frame: bytes, layout: PixelFormat, transfer_syntax_uid: str) -> Codestream:
    read = read_jpeg_2000 if transfer_syntax_uid in JPEG_2000_TRANSFER_SYNTAXES else read_jpeg
    stream = read(frame)
    if (stream.rows, stream.columns, stream.components) != (layout.rows, layout.columns, 1):
        raise UndecodablePixels(
            f"the codestream holds {stream.rows} x {stream.columns} x {stream.components} samples, "
            f"the header says {layout.rows} x {layout.columns} x 1"
        )
    if stream.precision > layout.bits_allocated:
        raise UndecodablePixels(
            f"the codestream has {stream.precision} bits per sample, "
            f"the header allocates {layout.bits_allocated}"
        )
    return stream


def _gdcm_decode(frame: bytes, layout: PixelFormat, transfer_syntax_uid: str) -> bytes:
    fragment = _gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = _gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    pixel_data = _gdcm.DataElement(_gdcm.Tag(0x7FE0, 0x0010))
    pixel_data.SetValue(fragments.__ref__())
    image = _gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((layout.columns, layout.rows, 1))
    image.SetPhotometricInterpretation(
        _gdcm.PhotometricInterpretation(_gdcm.PhotometricInterpretation.MONOCHROME2)
    )
    image.SetTransferSyntax(_gdcm.TransferSyntax(_gdcm.TransferSyntax.GetTSType(transfer_syntax_uid)))
    image.SetPixelFormat(
        _gdcm.PixelFormat(1, layout.bits_allocated, layout.bits_stored, layout.high_bit, int(layout.signed))
    )
    image.SetDataElement(pixel_data)
    decoded: str = image.GetBuffer()
    return decoded.encode("utf-8", "surrogateescape")  # the binding gives a char* as text


def _stored_bits(samples: NDArray[np.unsignedinteger], layout: PixelFormat) -> NDArray[np.uint16]:
    """Move the stored bits down to bit 0 and drop what else is in the sample, such as overlay planes."""
    values = samples.astype(np.uint16)
    shift = layout.high_bit + 1 - layout.bits_stored
    if shift:
        values >>= shift
    if layout.bits_stored < 16:
        values &= (1 << layout.bits_stored) - 1
    return values.reshape(layout.rows, layout.columns)
