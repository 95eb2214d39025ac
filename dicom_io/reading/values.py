"""The values of a data set's elements, by keyword.

This module reads text, numbers, UIDs and coded terms out of raw elements without ever raising on what
they hold, except for UIDs, which are checked.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import tag_for_keyword

from dicom_io.errors import InvalidUid, MissingUid
from dicom_io.reading.items import Item
from dicom_io.reading.text import codecs_of, decode_text
from dicom_io.uids import is_uid

_LARGEST_DECIMAL = 1e9  # far beyond any gray or Hounsfield unit, and safe to calculate with

OVERLAY_BIT_POSITIONS = tuple(0x60000102 + 0x20000 * plane for plane in range(16))
"""Tags of (60xx,0102) *Overlay Bit Position*; 0 belongs to planes that are not in the samples."""

_INTEGER_STRING = "NumberOfFrames"  # VR IS; the other numbers are US
_PADDING = b" \0\t\r\n"
_INTEGER = re.compile(rb"[+-]?[0-9]{1,12}")
# DS (PS3.5 6.2). Writers that format by the habits of their country put a comma for the point; no writer is
# known to group thousands. One comma between digits is therefore a decimal comma. It errs by less than one
# where somebody separated two whole numbers by it; two separators leave no way to tell what is meant.
_DECIMAL = re.compile(rb"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedTerm:
    """An item of a code sequence (PS3.3 8.8): coding scheme, value, and its meaning as text."""

    scheme: str
    value: str
    meaning: str = ""


@lru_cache(maxsize=256)
def tag_of(keyword: str) -> int:
    """Return the tag of an element's keyword.

    Raises
    ------
    ValueError
        No element of the standard has this keyword.
    """
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no keyword of the data dictionary")
    return tag


class Values:
    """Typed access to the wanted elements of one data set.

    Parameters
    ----------
    item : Item
        The raw elements.
    little_endian : bool
        Byte order of the data set.
    codecs : Sequence[str], optional
        For the text; from the item's own character set if not given (items of sequences inherit).
    fallback : str, optional
        The codec for text that contradicts its character set.
    """

    def __init__(
        self,
        item: Item,
        *,
        little_endian: bool,
        codecs: Sequence[str] | None = None,
        fallback: str = "latin_1",
    ) -> None:
        own = item.values.get(tag_of("SpecificCharacterSet"))
        self._codecs = codecs_of(own) if own is not None else tuple(codecs or ())
        self._fallback = fallback
        self._item = item
        self._little_endian = little_endian
        self._byte_order: Literal["little", "big"] = "little" if little_endian else "big"

    def text(self, keyword: str) -> str:
        """Return a text value, ``""`` if absent; several values keep their backslashes."""
        value = self._item.values.get(tag_of(keyword), b"")
        return decode_text(value, self._codecs, fallback=self._fallback)

    def code_strings(self, keyword: str) -> tuple[str, ...]:
        """Return the code strings (CS) of an element in capitals; empty ones are left out."""
        values = (value.strip() for value in self.text(keyword).upper().split("\\"))
        return tuple(value for value in values if value)

    def code_string(self, keyword: str) -> str:
        """Return a code string in capitals, ``""`` if absent; several keep backslashes between them."""
        return "\\".join(self.code_strings(keyword))

    def number(self, keyword: str) -> int:
        """Return a whole number that is not negative (US or IS); 0 if absent, unreadable or negative.

        Of several values of an IS the first that is a number counts.
        """
        if keyword == _INTEGER_STRING:
            matches = map(_INTEGER.fullmatch, self._parts(keyword))
            return max(0, next((int(match.group()) for match in matches if match), 0))
        value = self._item.values.get(tag_of(keyword), b"")
        return int.from_bytes(value[:2], self._byte_order)

    def word(self, keyword: str, *, signed: bool) -> int | None:
        """Return a 16-bit number (US or SS, as the pixels are); None if absent or too short."""
        value = self._item.values.get(tag_of(keyword), b"")
        return int.from_bytes(value[:2], self._byte_order, signed=signed) if len(value) >= 2 else None

    def overlay_bits(self) -> int:
        """Return a mask of the bits of a sample that hold overlay planes."""
        values = (self._item.values.get(tag, b"")[:2] for tag in OVERLAY_BIT_POSITIONS)
        positions = (int.from_bytes(value, self._byte_order) for value in values)
        return sum({1 << position for position in positions if 0 < position < 16})

    def words(self, keyword: str) -> NDArray[np.uint16]:
        """Return all 16-bit numbers of an element (US or OW); none if absent."""
        value = self._item.values.get(tag_of(keyword), b"")
        return np.frombuffer(value[: len(value) // 2 * 2], "<u2" if self._little_endian else ">u2")

    def octets(self, keyword: str) -> NDArray[np.uint8]:
        """Return the bytes of an element of words (OW), the low byte of each word first."""
        return self.words(keyword).astype("<u2").view(np.uint8)

    def decimals(self, keyword: str) -> tuple[float | None, ...]:
        """Return the decimal strings (DS) of an element, each in its place.

        None stands where a value is empty, no number, or beyond all reason: it harms no other. A decimal
        comma is understood; none are returned if the element is absent.
        """
        return tuple(map(_decimal, self._parts(keyword)))

    def decimal(self, keyword: str) -> float | None:
        """Return the first decimal string of an element that is a number; None if there is none."""
        return next((number for number in self.decimals(keyword) if number is not None), None)

    def uid(self, keyword: str) -> str:
        """Return a UID.

        Raises
        ------
        MissingUid, InvalidUid
            The element is absent or empty, or no UID.
        """
        text = self._item.values.get(tag_of(keyword), b"").decode("latin-1").strip(" \0")
        if not text:
            raise MissingUid(keyword)
        if not is_uid(text):
            raise InvalidUid(keyword)
        return text

    def items(self, *keywords: str) -> list["Values"]:
        """Return the items of a sequence, of a sequence in all its items, and so on along `keywords`."""
        level = [self]
        for keyword in keywords:
            level = [nested for values in level for nested in values._items(tag_of(keyword))]
        return level

    def coded_terms(self, *keywords: str) -> tuple[CodedTerm, ...]:
        """Return the coded terms of a sequence, found along `keywords`; empty items are left out."""
        terms = (values._coded_term() for values in self.items(*keywords))
        return tuple(term for term in terms if term.value or term.meaning)

    def _parts(self, keyword: str) -> tuple[bytes, ...]:
        """Return the values of an element of numbers in text, without padding; none if it is absent."""
        value = self._item.values.get(tag_of(keyword))
        return () if value is None else tuple(part.strip(_PADDING) for part in value.split(b"\\"))

    def _items(self, tag: int) -> Iterable["Values"]:
        for item in self._item.sequences.get(tag, ()):
            yield Values(
                item, little_endian=self._little_endian, codecs=self._codecs, fallback=self._fallback
            )

    def _coded_term(self) -> CodedTerm:
        return CodedTerm(
            scheme=self.text("CodingSchemeDesignator"),
            value=self.text("CodeValue"),
            meaning=self.text("CodeMeaning"),
        )


def _decimal(value: bytes) -> float | None:
    if not _DECIMAL.fullmatch(value):
        return None
    number = float(value.replace(b",", b"."))
    return number if abs(number) < _LARGEST_DECIMAL else None
