"""The header of a source, made fit to be inherited.

This module turns what modalities really write into the few elements that results take over from their
sources. Names and the keys by which archives file a result (patient, study, accession) pass byte by byte:
there a match counts for more than conformance. Other values that break their VR are left out, and each
alteration is told.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dicom_io.errors import MissingUid
from dicom_io.objects.inheritable import FORMS
from dicom_io.reading.character_set import declared_character_set
from dicom_io.reading.items import Item
from dicom_io.reading.part10 import opened, read_part10_header
from dicom_io.reading.text import codecs_of, decode_text, fits_character_set
from dicom_io.reading.values import Values, tag_of

UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
"""What an instance must have; kept as received, even where it is no valid UID."""

# PS3.3 C.7.1.1 Patient and C.7.2.1 General Study: Type 2, so present even if empty
_TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
)

# Compared by archives, or names: never shortened, never repaired. Only control characters go.
_VERBATIM = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "AccessionNumber",
    "StudyID",
    "ReferringPhysicianName",
)

_CODE = ("CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning")
_ISSUER = ("LocalNamespaceEntityID", "UniversalEntityID", "UniversalEntityIDType")

# Sequence -> what is kept of an item, and without which of it the item says nothing
_SEQUENCES: Mapping[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "ProcedureCodeSequence": (_CODE, frozenset(_CODE) - {"CodingSchemeVersion"}),
    "IssuerOfAccessionNumberSequence": (_ISSUER, frozenset()),
}

_MAX_DESCRIPTION = 64  # PS3.5 6.2: LO


def sanitized_source(source: Path | bytes | BinaryIO) -> tuple[Dataset, tuple[str, ...]]:
    """Return what results inherit from a Part 10 file, and a phrase per value that could not be inherited.

    Parameters
    ----------
    source : Path, bytes or BinaryIO
        A stored instance, its content, or a seekable stream; pixel data is not read.

    Returns
    -------
    tuple[Dataset, tuple[str, ...]]
        A data set of at most: SpecificCharacterSet; the four `UIDS`; the elements of the patient and the
        study, those of Type 2 always present; Modality, BodyPartExamined, BurnedInAnnotation,
        LossyImageCompression, PatientOrientation, ImagerPixelSpacing, Rows, Columns,
        TimezoneOffsetFromUTC. The phrases name keywords, never values.

    Raises
    ------
    MissingUid
        One of `UIDS` is absent or empty.
    NotDicom, TruncatedDataSet, InvalidUid, OSError
        As from `dicom_io.reading.instance.read_header`; an instance that was taken in raises none of them.
    """
    with opened(source) as stream:
        header = read_part10_header(stream, wanted=_WANTED, wanted_sequences=_WANTED_SEQUENCES)
    heir = _Heir(header.data_set, little_endian=header.little_endian)
    return heir.sanitized(), tuple(heir.problems)


class _Heir:
    """One pass over the elements of a source; `problems` grow on the way."""

    def __init__(self, item: Item, *, little_endian: bool) -> None:
        declared = item.values.get(tag_of("SpecificCharacterSet"), b"")
        self._item = item
        self._values = Values(item, little_endian=little_endian)
        self._codecs = codecs_of(declared)
        self._character_set = declared_character_set(declared)
        self.problems: list[str] = list(self._character_set.problems)

    def sanitized(self) -> Dataset:
        clean = Dataset()
        if self._character_set.terms:
            put(clean, "SpecificCharacterSet", list(self._character_set.terms))
        for keyword in UIDS:
            put(clean, keyword, self._uid(keyword))
        for keyword in (*_VERBATIM, "StudyDescription"):
            self._inherit_text(self._item, clean, keyword)
        for keyword in FORMS:
            self._inherit_checked(clean, keyword)
        for keyword in _SEQUENCES:
            self._inherit_sequence(clean, keyword)
        self._inherit_size(clean)
        for keyword in _TYPE_2:
            if keyword not in clean:
                put(clean, keyword, "")
        return clean

    def _inherit_size(self, clean: Dataset) -> None:
        for keyword in ("Rows", "Columns"):
            if number := self._values.number(keyword):
                put(clean, keyword, number)

    def _uid(self, keyword: str) -> str:
        value = self._ascii(keyword)
        if not value:
            raise MissingUid(keyword)
        return value

    def _inherit_text(self, item: Item, clean: Dataset, keyword: str) -> None:
        value = item.values.get(tag_of(keyword), b"").rstrip(b" \0")
        kept = self._character_set.without_controls(value)
        if not kept:
            return
        if kept != value:
            self.problems.append(f"{keyword} holds control characters, which were dropped")
        text = decode_text(kept, self._codecs)
        if not fits_character_set(kept, self._codecs):
            self.problems.append(f"{keyword} does not decode in the declared character set")
        if keyword == "StudyDescription" and len(text) > _MAX_DESCRIPTION:
            self.problems.append(f"{keyword} is longer than {_MAX_DESCRIPTION} characters and was left out")
        else:
            _put_encoded(clean, keyword, text.encode() if self._character_set.is_replaced else kept)

    def _inherit_checked(self, clean: Dataset, keyword: str) -> None:
        value = self._ascii(keyword)
        if not value:
            return
        if FORMS[keyword](value):
            put(clean, keyword, value.split("\\") if "\\" in value else value)
        else:
            self.problems.append(f"{keyword} is no valid value and was left out")

    def _inherit_sequence(self, clean: Dataset, keyword: str) -> None:
        kept, needed = _SEQUENCES[keyword]
        items = []
        for item in self._item.sequences.get(tag_of(keyword), ()):
            copy = Dataset()
            for inner in kept:
                self._inherit_text(item, copy, inner)
            if len(copy) and all(inner in copy for inner in needed):
                items.append(copy)
            else:
                self.problems.append(f"an item of {keyword} is incomplete and was left out")
        if items:
            put(clean, keyword, items)

    def _ascii(self, keyword: str) -> str:
        return self._item.values.get(tag_of(keyword), b"").decode("ascii", "replace").strip(" \0")


def put(ds: Dataset, keyword: str, value: object) -> None:
    """Set an element without validation: an inherited value may be one that breaks its VR on purpose."""
    ds.add(DataElement(Tag(keyword), dictionary_VR(keyword), value, validation_mode=IGNORE))


def _put_encoded(ds: Dataset, keyword: str, value: bytes) -> None:
    """Set a text element to bytes that are written as they are, whatever they decode to."""
    padded = value + b" " * (len(value) % 2)
    ds[keyword] = RawDataElement(
        tag=Tag(keyword),
        VR=dictionary_VR(keyword),
        length=len(padded),
        value=padded,
        value_tell=0,
        is_implicit_VR=False,
        is_little_endian=True,
    )


_WANTED_SEQUENCES = frozenset(map(tag_of, _SEQUENCES))
_WANTED = frozenset(
    map(
        tag_of,
        (
            "SpecificCharacterSet",
            *UIDS,
            *_VERBATIM,
            "StudyDescription",
            *FORMS,
            *_CODE,
            *_ISSUER,
            "Rows",
            "Columns",
        ),
    )
)
