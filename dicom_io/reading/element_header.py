"""The header of an element: tag, value representation and length (PS3.5 7.1).

This module unpacks headers, and lists the ways to read one whose VR is none: two spaces, ``??``, lower case,
NUL. Which of them is meant, what follows tells.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

UNDEFINED_LENGTH = 0xFFFFFFFF  # PS3.5 7.1.1
ITEM = 0xFFFEE000
ITEM_DELIMITATION = 0xFFFEE00D
SEQUENCE_DELIMITATION = 0xFFFEE0DD

HEADER_BYTES = 8
LONG_HEADER_BYTES = 12

# PS3.5 7.1.2: a 16-bit length follows these VRs; two reserved bytes and a 32-bit length follow all others
_SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
)  # fmt: skip
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_VRS = _SHORT_VRS | _LONG_VRS


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How a data set is laid out (PS3.5 A): explicit or implicit VR, byte order."""

    explicit_vr: bool
    little_endian: bool = True


@dataclass(frozen=True, slots=True)
class ElementHeader:
    """What the header of an element says; `vr` is empty where it is implicit or unknown."""

    tag: int
    vr: bytes
    length: int
    is_implicit: bool
    size: int

    @property
    def has_items(self) -> bool:
        """Whether only a delimiter tells where the value ends."""
        return self.length == UNDEFINED_LENGTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around a header that cannot be read by itself.

    Attributes
    ----------
    peek
        Gives up to so many bytes (second) from a position (first) on.
    start, end
        Positions of the header, and of the end of what holds its element.
    after_vrs
        Whether elements with VRs stand before it in the same data set or item.
    """

    peek: Callable[[int, int], bytes]
    start: int
    end: int
    after_vrs: bool


class HeaderFormat:
    """Headers in one byte order."""

    def __init__(self, *, little_endian: bool) -> None:
        order = "<" if little_endian else ">"
        self._explicit = struct.Struct(f"{order}HH2sH")
        self._implicit = struct.Struct(f"{order}HHL")
        self._length = struct.Struct(f"{order}L")
        self._item = struct.pack(f"{order}HH", ITEM >> 16, ITEM & 0xFFFF)

    def tag(self, head: bytes) -> int:
        """Return the tag at the beginning of 8 bytes."""
        group, element, _ = self._implicit.unpack(head)
        return int(group << 16 | element)

    def implicit(self, head: bytes) -> ElementHeader:
        """Read 8 bytes as a header without VR."""
        length = self._implicit.unpack(head)[2]
        return ElementHeader(self.tag(head), b"", length, is_implicit=True, size=HEADER_BYTES)

    def explicit(self, head: bytes, more: bytes) -> ElementHeader | None:
        """Read 8 bytes, and 4 more if its VR asks for them, as a header with VR; None if the VR is none."""
        vr = head[4:6]
        if vr in _SHORT_VRS:
            return self._short(head, vr)
        return self._long(head, vr, more) if vr in _LONG_VRS else None

    def likeliest(self, head: bytes, place: Surroundings) -> ElementHeader:
        """Read a header whose VR is none: in the way upon which another header, or the end, follows."""
        readings = self._readings(head, place)
        vr = head[4:6]
        return next((each for each in readings if self._leads_on(each, vr, place)), readings[0])

    def _readings(self, head: bytes, place: Surroundings) -> list[ElementHeader]:
        """Return the ways to read a header whose VR is none, the likeliest first.

        Unknown capitals are a VR of the future, which has a long header; other bytes stand before a short
        one, as DCMTK takes them. Lower case is the VR. Some writers leave VRs out within sequences; where
        there were some, that is not to be expected.
        """
        vr, more = head[4:6], place.peek(place.start + HEADER_BYTES, 4)
        known = vr.upper() if vr.upper() in _VRS else b""
        short, implicit = self._short(head, known), self.implicit(head)
        explicit = [short]
        if short.length == 0 and len(more) == 4:  # these were the reserved bytes
            is_new = not known and vr.isalpha() and vr.isupper()
            explicit.insert(0 if is_new or known in _LONG_VRS else 1, self._long(head, known, more))
        # The upper half of a length without VR stands where the short length does.
        if implicit.has_items or (short.length == 0 and not place.after_vrs):
            return [implicit, *explicit]
        return [*explicit, implicit]

    def _leads_on(self, header: ElementHeader, vr: bytes, place: Surroundings) -> bool:
        value_position = place.start + header.size
        if header.has_items:
            return place.peek(value_position, 4) == self._item
        end = value_position + header.length
        head = place.peek(end, HEADER_BYTES)
        if end >= place.end or len(head) < HEADER_BYTES:
            return end == place.end
        tag = self.tag(head)
        if tag == ITEM_DELIMITATION:
            return True
        if tag <= header.tag or tag >> 16 == ITEM >> 16:
            return False
        if header.is_implicit:
            following = self.implicit(head)
            return following.has_items or following.length <= place.end - end - HEADER_BYTES
        return head[4:6].upper() in _VRS or head[4:6] == vr

    def _short(self, head: bytes, vr: bytes) -> ElementHeader:
        length = self._explicit.unpack(head)[3]
        return ElementHeader(self.tag(head), vr, length, is_implicit=False, size=HEADER_BYTES)

    def _long(self, head: bytes, vr: bytes, more: bytes) -> ElementHeader:
        length = self._length.unpack(more)[0]
        return ElementHeader(self.tag(head), vr, length, is_implicit=False, size=LONG_HEADER_BYTES)


def is_long(head: bytes) -> bool:
    """Return whether the VR in 8 bytes asks for 4 more."""
    return head[4:6] in _LONG_VRS
