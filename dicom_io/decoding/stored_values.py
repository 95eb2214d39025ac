"""Stored values of an image, out of the bytes that hold them.

This module decodes native and encapsulated pixel data of one grayscale frame.
"""

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import get_frame
from pydicom.uid import RLELossless

from dicom_io.decoding.codecs import decode_codestream, decode_rle
from dicom_io.decoding.codestream import Codestream, read_codestream
from dicom_io.decoding.pixel_format import PixelFormat
from dicom_io.decoding.sample_bits import agreed_bits, stored_bits
from dicom_io.defects import Defect
from dicom_io.errors import UndecodablePixels
from dicom_io.reading.transfer_syntaxes import LOSSY_TRANSFER_SYNTAXES, encoding_of

_RLE: str = RLELossless


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
    return stored_bits(samples, layout)


def decode_encapsulated(data: bytes, layout: PixelFormat, *, transfer_syntax_uid: str) -> NDArray[np.uint16]:
    """Return the stored values of the one frame in encapsulated pixel data; see `decode_native`.

    Raises
    ------
    UndecodablePixels
        The fragments, or the codestream in them, cannot be read, are not whole, or contradict the header.
    """
    try:
        frame = get_frame(data, 0, number_of_frames=1)
    except Exception as exc:  # broken fragments end in errors of many kinds
        raise UndecodablePixels(Defect.FRAGMENTS_BROKEN) from exc
    if transfer_syntax_uid == _RLE:
        return stored_bits(decode_rle(frame, layout), layout)
    stream = read_codestream(frame)
    _check(stream, layout)
    samples = decode_codestream(stream)
    return agreed_bits(samples, stream, layout, lossy=transfer_syntax_uid in LOSSY_TRANSFER_SYNTAXES)


def _check(stream: Codestream, layout: PixelFormat) -> None:
    if (stream.rows, stream.columns, stream.components) != (layout.rows, layout.columns, 1):
        raise UndecodablePixels(
            Defect.CODESTREAM_SIZE,
            coded_rows=stream.rows,
            coded_columns=stream.columns,
            coded_samples=stream.components,
            rows=layout.rows,
            columns=layout.columns,
        )
    if stream.precision > layout.bits_allocated:
        raise UndecodablePixels(
            Defect.CODESTREAM_TOO_PRECISE, precision=stream.precision, bits_allocated=layout.bits_allocated
        )
