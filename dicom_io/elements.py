"""The elements of an encoded data set, read one after the other.

The receiver looks at a header while the sender waits, and that header may be hostile. This module
therefore has a reader of its own, with three promises that a general one does not give: it holds only
the elements that were asked for, its work and depth are bounded (sequences do not recurse), and whatever
the bytes are it returns or raises one of two exceptions, without a warning on the way.
"""

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import BinaryIO

from dicom_io.errors import NotDicom, TruncatedDataSet

MAX_VALUE_BYTES = 2**17
"""A longer value of a wanted element is passed over: none is longer than a lookup table of 65536 entries."""

MAX_DEPTH = 64
"""Levels of nested sequences; the deepest IODs of the standard use about ten."""

MAX_ELEMENTS = 250_000
"""Elements and items visited in one header: less than a second of work, reached only on purpose."""

MAX_ITEMS = 100
"""Items of one wanted sequence that are kept."""

UNDEFINED_LENGTH = 0xFFFFFFFF  # PS3.5 7.1.1
ITEM = 0xFFFEE000
ITEM_DELIMITATION = 0xFFFEE00D
SEQUENCE_DELIMITATION = 0xFFFEE0DD

# PS3.5 7.1.2: two reserved bytes and a 32-bit length follow these VRs, a 16-bit length all others
_LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
_RAW_VRS = frozenset({b"OB", b"OW"})  # of undefined length they hold fragments, not data sets (PS3.5 A.4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How a data set is laid out (PS3.5 A): explicit or implicit VR, byte order."""

    explicit_vr: bool
    little_endian: bool = True


@dataclass(slots=True)
class Item:
    """The wanted elements of one data set: raw values and the items of sequences, by tag."""

    values: dict[int, bytes] = field(default_factory=dict)
    sequences: dict[int, list["Item"]] = field(default_factory=dict)

    def new_item(self, tag: int) -> "Item | None":
        """Append an item to a sequence and return it; None if the sequence has enough of them."""
        items = self.sequences.setdefault(tag, [])
        if len(items) == MAX_ITEMS:
            return None
        items.append(Item())
        return items[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The element before whose value the reading ended.

    `position` is where its tag starts, `value_position` where its value would; `vr` is empty where implicit.
    """

    tag: int
    vr: bytes
    length: int
    position: int
    value_position: int


@dataclass(slots=True)
class _Level:
    """A data set or sequence that is being read; `end` is None while only a delimiter can tell."""

    end: int | None
    explicit_vr: bool
    is_sequence: bool
    is_raw: bool
    item: Item | None  # where wanted elements go; None below a sequence that nobody asked for
    tag: int


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
        order = "<" if encoding.little_endian else ">"
        self._explicit_header = struct.Struct(f"{order}HH2sH")
        self._implicit_header = struct.Struct(f"{order}HHL")
        self._long_length = struct.Struct(f"{order}L")
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
            tag, vr, length = self._read_header()
            if len(self._levels) == 1 and stop_at(tag):
                at = self._position
                return self._root, Stop(tag=tag, vr=vr, length=length, position=start, value_position=at)
            if tag >> 16 == 0xFFFE:
                self._read_item_tag(tag, length)
            elif self._levels[-1].is_sequence:
                raise NotDicom("a sequence holds something that is no item")
            else:
                self._read_value(tag, vr, length)
        raise NotDicom(f"more than {MAX_ELEMENTS} elements before the pixel data")

    def _leave_finished_levels(self) -> None:
        level = self._levels[-1]
        while level.end is not None and self._position >= level.end:
            if self._position > level.end:  # an element claimed more than its parent holds
                self._skip_to(level.end)
            self._levels.pop()
            level = self._levels[-1]

    def _read_header(self) -> tuple[int, bytes, int]:
        """Return tag, VR (empty where implicit) and length; the position is then that of the value."""
        header = self._take(8)
        group, element, vr, length = self._explicit_header.unpack(header)
        tag = group << 16 | element
        # Some writers switch to implicit VR inside sequences: two capital letters make a VR.
        if not self._levels[-1].explicit_vr or group == 0xFFFE or not (vr.isalpha() and vr.isupper()):
            return tag, b"", self._implicit_header.unpack(header)[2]
        if vr in _LONG_VRS:
            length = self._long_length.unpack(self._take(4))[0]
        return tag, vr, length

    def _read_item_tag(self, tag: int, length: int) -> None:
        level = self._levels[-1]
        if tag == ITEM and level.is_sequence:
            self._enter_item(level, length)
        elif len(self._levels) > 1 and tag == _delimitation_of(level):
            self._levels.pop()
        else:
            raise NotDicom("an item or a delimiter stands where none can")

    def _enter_item(self, sequence: _Level, length: int) -> None:
        if sequence.is_raw:
            if length == UNDEFINED_LENGTH:
                raise NotDicom("a fragment has no length")
            self._skip_to(self._position + length)
            return
        item = None if sequence.item is None else sequence.item.new_item(sequence.tag)
        self._enter(_Level(self._end_of(length), sequence.explicit_vr, False, False, item, 0))

    def _read_value(self, tag: int, vr: bytes, length: int) -> None:
        if tag in self._wanted_sequences or length == UNDEFINED_LENGTH:
            self._enter_sequence(tag, vr, length)
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
            raise NotDicom(f"sequences are nested more than {MAX_DEPTH} deep")
        self._levels.append(level)

    def _end_of(self, length: int) -> int | None:
        if length == UNDEFINED_LENGTH:
            return None
        self._require(length)
        return self._position + length

    def _take(self, count: int) -> bytes:
        self._require(count)
        self._position += count
        taken = self._stream.read(count)
        if len(taken) < count:
            raise TruncatedDataSet("the file became shorter while it was read")
        return taken

    def _skip_to(self, position: int) -> None:
        self._require(position - self._position)
        self._position = position
        self._stream.seek(position)

    def _require(self, count: int) -> None:
        left = self._size - self._position
        if count > left:
            raise TruncatedDataSet(
                f"the header is truncated at byte {self._position}: {count} bytes expected, {left} present"
            )


def _delimitation_of(level: _Level) -> int:
    return SEQUENCE_DELIMITATION if level.is_sequence else ITEM_DELIMITATION
