"""What a compressed frame says about itself.

This module reads the headers of a JPEG, JPEG-LS or JPEG 2000 codestream without decoding it: its size, its
samples, and whether all of its bytes are there. A decoder then gets only what is complete, and what it gives
is held against what the codestream promised.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from dicom_io.defects import Defect
from dicom_io.errors import UndecodablePixels

_JPEG_START = b"\xff\xd8"  # SOI
_JPEG_END = b"\xff\xd9"  # EOI
_START_OF_SCAN = 0xDA  # SOS
_JPEG_2000_START = b"\xff\x4f\xff\x51"  # SOC followed by SIZ (ISO/IEC 15444-1 A.4, A.5.1)
_JPEG_2000_END = 0xFFD9  # EOC
_START_OF_TILE_PART = 0xFF90  # SOT
_MAX_JP2_BOXES_BYTES = 4096  # some writers put a JP2 file header, which DICOM does not allow, in front
_MAX_MARKERS = 1000
_MAX_TILES = 65_535  # ISO/IEC 15444-1 A.4.2: the index of a tile has 16 bits
_MAX_PRECISION = 16


class Coding(StrEnum):
    """How the samples of a codestream are coded."""

    JPEG = "JPEG"
    """Sequential with Huffman codes: baseline, extended or lossless (ISO/IEC 10918-1)."""

    JPEG_LS = "JPEG-LS"
    """ISO/IEC 14495-1."""

    JPEG_2000 = "JPEG 2000"
    """ISO/IEC 15444-1, and HTJ2K of 15444-15."""


# ISO/IEC 10918-1 B.1.1.3, 14495-1 C.1.1: what each marker that begins a frame header stands for. Progressive
# frames are left out, since one that is cut short looks like a coarser image.
_CODING_OF_FRAME = {0xC0: Coding.JPEG, 0xC1: Coding.JPEG, 0xC3: Coding.JPEG, 0xF7: Coding.JPEG_LS}
_OTHER_FRAMES = frozenset({0xC2, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Codestream:
    """A codestream that has all of its bytes, and what its own header says.

    Attributes
    ----------
    data
        From its first marker on.
    coding
        Which decoder reads it.
    components
        Samples per pixel.
    precision
        Bits per sample, 1 to 16.
    signed
        Whether samples are two's complement; JPEG and JPEG-LS have no way to say so.
    """

    data: bytes
    coding: Coding
    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.precision <= _MAX_PRECISION:
            raise UndecodablePixels(
                Defect.CODESTREAM_PRECISION, precision=self.precision, most=_MAX_PRECISION
            )


def read_codestream(frame: bytes) -> Codestream:
    """Read the headers of whichever codestream a frame holds.

    The codestream decides, not the transfer syntax: a frame whose transfer syntax names another JPEG than
    it holds is still a whole image.

    Raises
    ------
    UndecodablePixels
        The frame holds none, or less than the whole of one.
    """
    if frame.startswith(_JPEG_START):
        return _read_jpeg(frame)
    start = frame.find(_JPEG_2000_START, 0, _MAX_JP2_BOXES_BYTES)
    if start < 0:
        raise UndecodablePixels(Defect.CODESTREAM_ABSENT)
    return _read_jpeg_2000(frame[start:])


def _read_jpeg(data: bytes) -> Codestream:
    """Read the frame header, and find the end (ISO/IEC 10918-1 B.2, 14495-1 C.2)."""
    header = coding = None
    scan = 0
    for marker, position in _jpeg_segments(data):
        if marker in _OTHER_FRAMES:
            raise UndecodablePixels(Defect.JPEG_KIND, marker=marker)
        if marker in _CODING_OF_FRAME:
            coding, header = _CODING_OF_FRAME[marker], data[position : position + 8]
        scan = position
    if header is None or coding is None or len(header) < 8:
        raise UndecodablePixels(Defect.JPEG_HEADER_ABSENT)
    end = data.find(_JPEG_END, scan)
    if end < 0:
        raise UndecodablePixels(Defect.JPEG_END_ABSENT)
    return Codestream(
        data=data[: end + 2],
        coding=coding,
        rows=int.from_bytes(header[3:5], "big"),
        columns=int.from_bytes(header[5:7], "big"),
        components=header[7],
        precision=header[2],
    )


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Return marker and position of each segment up to the first scan; a segment begins with its length."""
    position = 2
    for _ in range(_MAX_MARKERS):
        head = data[position : position + 4]
        if len(head) < 4 or head[0] != 0xFF:
            return
        if head[1] == 0xFF:  # fill byte
            position += 1
            continue
        yield head[1], position + 2
        if head[1] == _START_OF_SCAN:
            return
        position += 2 + int.from_bytes(head[2:4], "big")


def _read_jpeg_2000(data: bytes) -> Codestream:
    """Read the SIZ segment (ISO/IEC 15444-1 A.5.1), and find every tile-part."""
    size = data[4 : 4 + 39]  # from Lsiz on, as far as the first component
    if len(size) < 39:
        raise UndecodablePixels(Defect.JPEG_2000_SIZE_ABSENT)
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = (
        int.from_bytes(size[at : at + 4], "big") for at in range(4, 36, 4)
    )
    stream = Codestream(
        data=data,
        coding=Coding.JPEG_2000,
        rows=bottom - top,
        columns=right - left,
        components=int.from_bytes(size[36:38], "big"),
        precision=(size[38] & 0x7F) + 1,
        signed=bool(size[38] & 0x80),
    )
    if not (tile_width and tile_height) or (tile_left > left or tile_top > top):
        raise UndecodablePixels(Defect.JPEG_2000_TILES_ABSENT)
    if data[43:45] not in (b"\x01\x01", b""):  # XRsiz, YRsiz
        raise UndecodablePixels(Defect.JPEG_2000_SUBSAMPLED)
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    if not 0 < tiles <= _MAX_TILES or len(_whole_tiles(data)) != tiles:
        raise UndecodablePixels(Defect.JPEG_2000_TILES_MISSING)
    return stream


def _whole_tiles(data: bytes) -> set[int]:
    """Return the indices of the tiles whose tile-parts are all there (ISO/IEC 15444-1 A.4.2).

    Raises
    ------
    UndecodablePixels
        A tile-part says that it is longer than what is left.
    """
    tiles: set[int] = set()
    position = _first_tile_part(data)
    while int.from_bytes(data[position : position + 2], "big") == _START_OF_TILE_PART:
        header = data[position : position + 12]
        length = int.from_bytes(header[6:10], "big") or len(data) - position  # 0: to the end
        if len(header) < 12 or length < 12 or position + length > len(data):
            raise UndecodablePixels(Defect.JPEG_2000_TILE_SHORT)
        tiles.add(int.from_bytes(header[4:6], "big"))
        position += length
    return tiles


def _first_tile_part(data: bytes) -> int:
    """Return where the main header ends."""
    position = 2
    for _ in range(_MAX_MARKERS):
        marker = int.from_bytes(data[position : position + 2], "big")
        if marker in {_START_OF_TILE_PART, _JPEG_2000_END} or marker < 0xFF00:
            break
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return position
