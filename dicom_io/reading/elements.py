"""The elements of an encoded data set, read one after the other.

The receiver looks at a header while the sender waits, and that header may be hostile. This module
therefore has a reader of its own, with three promises that a general one does not give: it holds only
the elements that were asked for, its work and depth are bounded (sequences do not recurse), and whatever
the bytes are it returns or raises one of two exceptions, without a warning on the way.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import BinaryIO

from dicom_io.defects import Defect
from dicom_io.errors import NotDicom, TruncatedDataSet
from dicom_io.reading.element_header import (
    HEADER_BYTES,
    ITEM,
    ITEM_DELIMITATION,
    SEQUENCE_DELIMITATION,
    UNDEFINED_LENGTH,
    ElementHeader,
    Encoding,
    HeaderFormat,
    Surroundings,
    is_long,
)
from dicom_io.reading.items import Item, Stop

MAX_VALUE_BYTES = 2**17
"""A longer value of a wanted element is passed over: none is longer than a lookup table of 65536 entries."""

MAX_DEPTH = 64
"""Levels of nested sequences; the deepest IODs of the standard use about ten."""

MAX_ELEMENTS = 250_000
"""Elements and items visited in one header: less than a second of work, reached only on purpose."""

_RAW_VRS = frozenset({b"OB", b"OW"})  # of undefined length they hold fragments, not data sets (PS3.5 A.4)


@dataclass(slots=True)
class _Level:
    """A data set or sequence that is being read; `end` is None while only a delimiter can tell.

    None reaches beyond the end of what holds it, whatever its own length says.
    """

    end: int | None
    explicit_vr: bool
    is_sequence: bool
    is_raw: bool
    item: Item | None  # where wanted elements go; None below a sequence that nobody asked for
    tag: int
    has_vrs: bool = False  # of an element read so far


class ElementReader:
    """Read the wanted elements of one data set from a seekable stream.

    Parameters
    ----------
    stream : BinaryIO
        Positioned at the first element.
    size : int
        Bytes in the stream, counted from its start; no length that points beyond is believed.
    encoding : Encoding
        Layout of the data set.
    wanted : Collection[int]
        Tags to keep, at every level.
    wanted_sequences : Collection[int]
        Tags of the sequences to go into, at every level.
    """

    def __init__(
        self,
        stream: BinaryIO,
        size: int,
        *,
        encoding: Encoding,
        wanted: Collection[int],
        wanted_sequences: Collection[int] = (),
    ) -> None:
        self._format = HeaderFormat(little_endian=encoding.little_endian)
        self._stream = stream
        self._size = size
        self._wanted = wanted
        self._wanted_sequences = wanted_sequences
        self._position = stream.tell()
        self._root = Item()
        self._levels = [_Level(None, encoding.explicit_vr, False, False, self._root, 0)]

    def read(self, stop_at: Callable[[int], bool]) -> tuple[Item, Stop | None]:
        """Read up to the first top-level element for whose tag `stop_at` is true, or to the end.

        Raises
        ------
        TruncatedDataSet
            An element's header or value, or a sequence, goes on beyond the end of the stream.
        NotDicom
            The bytes cannot be a data set, or exceed the bounds of this module.
        """
        for _ in range(MAX_ELEMENTS):
            self._leave_finished_levels()
            start = self._position
            if start == self._size and len(self._levels) == 1:
                return self._root, None
            header = self._read_header()
            if len(self._levels) == 1 and stop_at(header.tag):
                return self._root, Stop(header=header, position=start)
            if header.tag >> 16 == 0xFFFE:
                self._read_item_tag(header.tag, header.length)
            elif self._levels[-1].is_sequence:
                self._abandon(Defect.ITEM_ABSENT)
            else:
                self._read_value(header.tag, header.vr, header.length)
        raise NotDicom(Defect.ELEMENTS_TOO_MANY, most=MAX_ELEMENTS)

    def _leave_finished_levels(self) -> None:
        level = self._levels[-1]
        while level.end is not None and self._position >= level.end:
            if self._position > level.end:  # an element claimed more than its parent holds
                self._skip_to(level.end)
            self._levels.pop()
            level = self._levels[-1]

    def _read_header(self) -> ElementHeader:
        """Read a header; the position is then that of the value."""
        level, start = self._levels[-1], self._position
        head = self._take(HEADER_BYTES)
        if not level.explicit_vr or self._format.tag(head) >> 16 == 0xFFFE:
            return self._format.implicit(head)
        header = self._format.explicit(head, self._take(4) if is_long(head) else b"")
        if header is None:
            end = self._size if level.end is None else level.end
            place = Surroundings(peek=self._peek, start=start, end=end, after_vrs=level.has_vrs)
            header = self._format.likeliest(head, place)
            self._skip_to(start + header.size)
        level.has_vrs |= not header.is_implicit
        return header

    def _peek(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes at a position, and stay where the reading is."""
        self._stream.seek(position)
        taken = self._stream.read(count)
        self._stream.seek(self._position)
        return taken

    def _read_item_tag(self, tag: int, length: int) -> None:
        level = self._levels[-1]
        if tag == ITEM and level.is_sequence:
            self._enter_item(level, length)
        elif len(self._levels) > 1 and tag == _delimitation_of(level):
            self._levels.pop()
        else:
            self._abandon(Defect.ITEM_MISPLACED)

    def _abandon(self, defect: Defect) -> None:
        """Leave what cannot be read further, if its length says where it ends."""
        end = self._levels[-1].end
        if end is None:
            raise NotDicom(defect)
        self._skip_to(end)

    def _enter_item(self, sequence: _Level, length: int) -> None:
        if sequence.is_raw:
            if length == UNDEFINED_LENGTH:
                raise NotDicom(Defect.FRAGMENT_WITHOUT_LENGTH)
            self._skip_to(self._position + length)
            return
        item = None if sequence.item is None else sequence.item.new_item(sequence.tag)
        self._enter(_Level(self._end_of(length), sequence.explicit_vr, False, False, item, 0))

    def _read_value(self, tag: int, vr: bytes, length: int) -> None:
        if tag in self._wanted_sequences or length == UNDEFINED_LENGTH:
            self._enter_sequence(tag, vr, length)
        elif self._levels[-1].end is not None and self._position + length > self._size:
            self._abandon(Defect.ELEMENT_BEYOND_FILE)
        elif tag in self._wanted and length <= MAX_VALUE_BYTES:
            value = self._take(length)
            item = self._levels[-1].item
            if item is not None:
                item.values[tag] = value
        else:
            self._skip_to(self._position + length)

    def _enter_sequence(self, tag: int, vr: bytes, length: int) -> None:
        parent = self._levels[-1]
        self._enter(
            _Level(
                end=self._end_of(length),
                explicit_vr=parent.explicit_vr and vr != b"UN",  # PS3.5 6.2.2 note 2: UN is implicit inside
                is_sequence=True,
                is_raw=vr in _RAW_VRS,
                item=parent.item if tag in self._wanted_sequences else None,
                tag=tag,
            )
        )

    def _enter(self, level: _Level) -> None:
        if len(self._levels) > 2 * MAX_DEPTH:  # a sequence and its item are two levels
            raise NotDicom(Defect.SEQUENCES_TOO_DEEP, most=MAX_DEPTH)
        self._levels.append(level)

    def _end_of(self, length: int) -> int | None:
        bound = self._levels[-1].end
        if length == UNDEFINED_LENGTH:
            return bound
        if bound is not None:
            return min(bound, self._position + length)
        self._require(length)
        return self._position + length

    def _take(self, count: int) -> bytes:
        self._require(count)
        self._position += count
        taken = self._stream.read(count)
        if len(taken) < count:
            raise TruncatedDataSet(Defect.FILE_SHRANK)
        return taken

    def _skip_to(self, position: int) -> None:
        self._require(position - self._position)
        self._position = position
        self._stream.seek(position)

    def _require(self, count: int) -> None:
        left = self._size - self._position
        if count > left:
            raise TruncatedDataSet(
                Defect.HEADER_TRUNCATED, position=self._position, expected_bytes=count, present_bytes=left
            )


def _delimitation_of(level: _Level) -> int:
    return SEQUENCE_DELIMITATION if level.is_sequence else ITEM_DELIMITATION
