"""What a compressed frame says about itself.

This module reads the dimensions in a JPEG, JPEG-LS or JPEG 2000 codestream, so that a frame which claims
to be larger than its header does is refused before a decoder makes room for it.
"""

from dataclasses import dataclass

from dicom_io.errors import UndecodablePixels

_JPEG_START = b"\xff\xd8"  # SOI
_JPEG_2000_START = b"\xff\x4f\xff\x51"  # SOC followed by SIZ (ISO/IEC 15444-1 A.4, A.5.1)
_MAX_JP2_BOXES_BYTES = 4096  # some writers put a JP2 file header, which DICOM does not allow, in front
_MAX_MARKERS = 1000

# ISO/IEC 10918-1 B.1.1.3 and 14495-1 C.1.1: the markers that begin a frame header
_START_OF_FRAME = frozenset(
    {*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Codestream:
    """A codestream and what its own header says; `precision` in bits per sample."""

    data: bytes
    rows: int
    columns: int
    components: int
    precision: int


def read_jpeg(frame: bytes) -> Codestream:
    """Find the frame header of a JPEG or JPEG-LS codestream.

    Raises
    ------
    UndecodablePixels
        There is none.
    """
    if not frame.startswith(_JPEG_START):
        raise UndecodablePixels("the frame is no JPEG codestream")
    position = 2
    for _ in range(_MAX_MARKERS):
        header = frame[position : position + 10]
        if len(header) < 10 or header[0] != 0xFF:
            break
        if header[1] == 0xFF:  # fill byte
            position += 1
        elif header[1] in _START_OF_FRAME:
            return Codestream(
                data=frame,
                rows=int.from_bytes(header[5:7], "big"),
                columns=int.from_bytes(header[7:9], "big"),
                components=header[9],
                precision=header[4],
            )
        else:
            position += 2 + int.from_bytes(header[2:4], "big")
    raise UndecodablePixels("the JPEG codestream has no frame header")


def read_jpeg_2000(frame: bytes) -> Codestream:
    """Find the SIZ segment of a JPEG 2000 codestream; boxes in front of the codestream are left out.

    Raises
    ------
    UndecodablePixels
        There is none.
    """
    start = frame.find(_JPEG_2000_START, 0, _MAX_JP2_BOXES_BYTES)
    segment = frame[start + 4 : start + 4 + 39]
    if start < 0 or len(segment) < 39:
        raise UndecodablePixels("the frame is no JPEG 2000 codestream")
    right, bottom, left, top = (int.from_bytes(segment[at : at + 4], "big") for at in (4, 8, 12, 16))
    return Codestream(
        data=frame[start:],
        rows=bottom - top,
        columns=right - left,
        components=int.from_bytes(segment[36:38], "big"),
        precision=(segment[38] & 0x7F) + 1,
    )
