"""This module is what is said of a delivery: a code with its details, and at the end the words for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from dicom_io.defects import Defect, defect_words
from dicom_io.details import Detail, Details, details_of
from dicom_io.faults import Fault, fault_words


class Note(StrEnum):
    """What there is to say of a delivery besides what went wrong with the peer or the file."""

    WARNING_STATUS = "warning_status"
    THERE_ALREADY = "there_already"
    DESTINATION_GONE = "destination_gone"
    PATIENT_CHANGED = "patient_changed"
    TOLD = "told"


Code = Note | Fault | Defect


@dataclass(frozen=True, slots=True)
class Remark:
    """Why a result was not sent; where it was, what there is to note. Without patient data.

    Attributes
    ----------
    details
        What the words need beside the code.
    """

    code: Code
    details: Details = field(default_factory=dict)

    @classmethod
    def that(cls, code: Code, **details: Detail) -> Self:
        """Return the remark with these details."""
        return cls(code, MappingProxyType(details))

    @classmethod
    def stored(cls, code: str, details: str) -> Self | None:
        """Return the remark that the store keeps as its code and `details_text`; None where there is none."""
        return cls(_CODES[code], details_of(details)) if code else None


def remark_words(remark: Remark | None) -> str:
    """Return a remark as one plain clause; empty without one."""
    if remark is None:
        return ""
    if isinstance(remark.code, Fault):
        return fault_words(remark.code, remark.details)
    if isinstance(remark.code, Defect):
        return defect_words(remark.code, remark.details)
    return NOTE_WORDS[remark.code].format_map(remark.details)


_CODES: Mapping[str, Code] = MappingProxyType(
    {code.value: code for codes in (Note, Fault, Defect) for code in codes}
)

NOTE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        Note.WARNING_STATUS: "warning status 0x{status:04X}",
        Note.THERE_ALREADY: "it was there already (status 0x{status:04X})",
        Note.DESTINATION_GONE: "the destination is no longer in the configuration",
        Note.PATIENT_CHANGED: "it names another patient than its study",
        Note.TOLD: "{words}",
    }
)
