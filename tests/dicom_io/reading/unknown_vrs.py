"""Data sets whose elements have value representations that are none."""

import struct

from pydicom.datadict import dictionary_VR, tag_for_keyword

UNKNOWN_VRS = [b"  ", b"??", b"--", b"\0\0", b"L1", b"ZZ"]


def vr_position(content: bytes, keyword: str, order: str = "<") -> int:
    """Return where the VR of the first element of its kind stands in an explicit VR file."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    group_and_element = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    starts = (content.find(group_and_element + vr.encode()) for vr in dictionary_VR(tag).split(" or "))
    return next(start for start in starts if start >= 0) + 4


def with_vr(content: bytes, keyword: str, vr: bytes, order: str = "<") -> bytes:
    """Return an explicit VR file in which one element, the first of its kind, has other bytes for its VR."""
    at = vr_position(content, keyword, order)
    return content[:at] + vr + content[at + 2 :]
