"""The file around a data set (PS3.10 7): preamble, file meta information, header, extent of the pixel data.

This module reads such a file up to its pixel data and measures the rest without loading it.
"""

import os
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from dicom_io.defects import Defect
from dicom_io.errors import NotDicom, TruncatedDataSet
from dicom_io.reading.element_header import ITEM, SEQUENCE_DELIMITATION, Encoding
from dicom_io.reading.elements import ElementReader
from dicom_io.reading.items import Item, Stop
from dicom_io.reading.transfer_syntaxes import DEFLATED, encoding_of
from dicom_io.reading.values import Values, tag_of
from dicom_io.uids import SopClassUid, SopInstanceUid, TransferSyntaxUid

PREAMBLE_BYTES = 128
PREFIX = b"DICM"
MAX_INFLATED_HEADER_BYTES = 16 * 2**20
"""How much of a deflated data set is kept to find its header in."""

MAX_INFLATED_BYTES = 2**30
"""A deflated data set that grows beyond this is refused: it was made to fill the memory."""

MAX_FRAGMENTS = 100_000

_INFLATE_STEP = 2**20
_META_UIDS = frozenset(
    map(tag_of, ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID"))
)
_PIXEL_DATA_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})  # float, double float, integer


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMeta:
    """What the file meta information says, and `data_set_position`, the byte at which the data set begins.

    Each UID is checked when it is asked for: MissingUid or InvalidUid says what is wrong with it.
    """

    values: Values
    data_set_position: int

    @property
    def sop_class_uid(self) -> SopClassUid:
        """Return (0002,0002); the data set may name another class."""
        return SopClassUid(self.values.uid("MediaStorageSOPClassUID"))

    @property
    def sop_instance_uid(self) -> SopInstanceUid:
        """Return (0002,0003); the data set may name another instance."""
        return SopInstanceUid(self.values.uid("MediaStorageSOPInstanceUID"))

    @property
    def transfer_syntax_uid(self) -> TransferSyntaxUid:
        """Return (0002,0010), without which the data set cannot be read."""
        return TransferSyntaxUid(self.values.uid("TransferSyntaxUID"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelDataExtent:
    """Where pixel data starts, how much of it an instance declares and how much is there.

    `position` counts from the start of the file, or of the inflated data set; `vr` is empty where implicit.
    `declared` is None for encapsulated pixel data, whose end only its delimiter tells; `complete` says
    whether all that is declared, or the delimiter, was found. Sizes are in bytes.
    """

    position: int
    vr: bytes
    declared: int | None
    present: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part10Header:
    """What a Part 10 file holds before its pixel data, and the extent of that (None if it has none)."""

    transfer_syntax_uid: TransferSyntaxUid
    data_set: Item
    pixel_data: PixelDataExtent | None

    @property
    def little_endian(self) -> bool:
        """Return the byte order of the data set."""
        return encoding_of(self.transfer_syntax_uid).little_endian


@contextmanager
def opened(source: Path | bytes | BinaryIO) -> Iterator[BinaryIO]:
    """Open a file or its content as a stream; a seekable stream is given as it is and stays open."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield stream
    else:
        yield BytesIO(source) if isinstance(source, bytes) else source


def read_file_meta(stream: BinaryIO) -> FileMeta:
    """Read the file meta information, explicit little endian in every file (PS3.10 7.1), and leave it behind.

    It ends where its last element does. The group length is not believed: with a wrong one, bytes of the
    data set would count as file meta information, or the reverse.

    Raises
    ------
    NotDicom
        No ``DICM`` prefix, or bytes after it that are no elements.
    TruncatedDataSet
        The stream ends before a data set begins.
    """
    stream.seek(0)
    if stream.read(PREAMBLE_BYTES + len(PREFIX))[PREAMBLE_BYTES:] != PREFIX:
        raise NotDicom(Defect.PREFIX_ABSENT)
    reader = ElementReader(stream, _size(stream), encoding=Encoding(explicit_vr=True), wanted=_META_UIDS)
    item, stop = reader.read(stop_at=_is_beyond_file_meta)
    if stop is None:
        raise TruncatedDataSet(Defect.DATA_SET_ABSENT)
    stream.seek(stop.position)
    return FileMeta(values=Values(item, little_endian=True), data_set_position=stop.position)


def read_part10_header(
    stream: BinaryIO, *, wanted: Collection[int], wanted_sequences: Collection[int]
) -> Part10Header:
    """Read the wanted elements in front of the pixel data of a seekable Part 10 stream.

    Raises
    ------
    NotDicom
        No ``DICM`` prefix, or no data set after it.
    TruncatedDataSet
        The stream ends within the header.
    MissingUid, InvalidUid
        TransferSyntaxUID, without which the data set cannot be read.
    """
    transfer_syntax_uid = read_file_meta(stream).transfer_syntax_uid
    if transfer_syntax_uid == DEFLATED:
        stream, size = _inflated(stream, MAX_INFLATED_HEADER_BYTES)
    else:
        size = _size(stream)
    reader = ElementReader(
        stream,
        size,
        encoding=encoding_of(transfer_syntax_uid),
        wanted=wanted,
        wanted_sequences=wanted_sequences,
    )
    data_set, stop = reader.read(stop_at=_PIXEL_DATA_TAGS.__contains__)
    extent = None if stop is None else _pixel_data_extent(stream, size, stop)
    return Part10Header(transfer_syntax_uid=transfer_syntax_uid, data_set=data_set, pixel_data=extent)


def read_pixel_data(stream: BinaryIO, extent: PixelDataExtent, count: int) -> bytes:
    """Return the first `count` bytes of pixel data, or what there is of them, as they are encoded."""
    if read_file_meta(stream).transfer_syntax_uid == DEFLATED:
        stream, _ = _inflated(stream, extent.position + count)
    stream.seek(extent.position)
    return stream.read(min(count, extent.present))


def _size(stream: BinaryIO) -> int:
    position = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(position)
    return size


def _is_beyond_file_meta(tag: int) -> bool:
    return tag >> 16 != 0x0002


def _inflated(stream: BinaryIO, keep: int) -> tuple[BinaryIO, int]:
    """Return the first `keep` bytes of a deflated data set and the size of all of it (PS3.5 A.5)."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    head = bytearray()
    size = 0
    try:
        while not inflater.eof:
            deflated = inflater.unconsumed_tail or stream.read(_INFLATE_STEP)
            piece = inflater.decompress(deflated, _INFLATE_STEP)
            if not deflated and not piece:
                raise TruncatedDataSet(Defect.DEFLATED_TRUNCATED)
            size += len(piece)
            head += piece[: keep - len(head)]
            if size > MAX_INFLATED_BYTES:
                raise NotDicom(Defect.DEFLATED_TOO_LONG, most_bytes=MAX_INFLATED_BYTES)
    except zlib.error as exc:
        raise NotDicom(Defect.DEFLATED_BROKEN) from exc
    return BytesIO(head), size


def _pixel_data_extent(stream: BinaryIO, size: int, stop: Stop) -> PixelDataExtent:
    left, header = size - stop.value_position, stop.header
    if header.has_items:
        stream.seek(stop.value_position)
    return PixelDataExtent(
        position=stop.value_position,
        vr=header.vr,
        declared=None if header.has_items else header.length,
        present=min(left, header.length),
        complete=_fragments_are_complete(stream) if header.has_items else left >= header.length,
    )


def _fragments_are_complete(stream: BinaryIO) -> bool:
    """Return whether a sequence delimiter ends the fragments that follow (PS3.5 A.4)."""
    for _ in range(MAX_FRAGMENTS):
        header = stream.read(8)
        if len(header) < 8:
            return False
        tag = int.from_bytes(header[:2], "little") << 16 | int.from_bytes(header[2:4], "little")
        if tag == SEQUENCE_DELIMITATION:
            return True
        if tag != ITEM:
            return False
        stream.seek(int.from_bytes(header[4:], "little"), os.SEEK_CUR)
    return False
