"""Why an instance is not in use: a code with its details, and at the end the words for it.

Every output takes its words from here, so that a second language is a second table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from dicom_io.defects import DEFECT_WORDS, Defect
from dicom_io.details import Detail, Details, details_of, in_words
from dicom_io.selection.exclusion import Exclusion
from dicom_io.selection.regions import conflict_words
from models.reference.drift import InputWarning


class Withheld(StrEnum):
    """Why an instance is not in use that is a view, and sound as far as it can be read."""

    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    REPLACED = "replaced"
    TOO_MANY_VIEWS = "too_many_views"
    FILE_LOST = "file_lost"
    NO_NUMBER = "no_number"
    UNLIKE_RADIOGRAPH = "unlike_radiograph"
    BEGUN_TOO_OFTEN = "begun_too_often"
    TOLD = "told"


Code = Exclusion | Withheld | Defect


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an instance is not in use.

    Attributes
    ----------
    details
        What the words need beside the code, by the names that stand in `CLAUSES`.
    """

    code: Code
    details: Details = field(default_factory=dict)

    @classmethod
    def because(cls, code: Code, **details: Detail) -> Self:
        """Return the reason with these details."""
        return cls(code, MappingProxyType(details))

    @classmethod
    def stored(cls, code: str, details: str) -> Self | None:
        """Return the reason that the store keeps as its code and `details_text`; None where there is none."""
        return cls(_CODES[code], details_of(details)) if code else None


def clause(reason: Reason | None) -> str:
    """Return the reason as a clause that can follow "because" and ends no sentence; empty without one."""
    return "" if reason is None else CLAUSES[reason.code].format_map(_in_words(reason.details))


def sentence(reason: Reason | None) -> str:
    """Return the reason as a sentence; empty without one."""
    said = clause(reason)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _in_words(details: Details) -> dict[str, Detail]:
    words = in_words(details)
    if "warning" in details:
        words["warning"] = InputWarning(str(details["warning"])).clause
    if "conflict" in details:
        conflict = conflict_words(str(details["conflict"]))
        words["conflict"] = f": {conflict}" if conflict else ""
    return words


_CODES: Mapping[str, Code] = MappingProxyType(
    {code.value: code for codes in (Exclusion, Withheld, Defect) for code in codes}
)

CLAUSES: Mapping[str, str] = MappingProxyType(
    {
        Exclusion.OWN_RESULT: "this is a result of ulna itself, not a radiograph",
        Exclusion.NOT_RADIOGRAPH: "this is not a CR or DX radiograph",
        Exclusion.FOR_PROCESSING: "this is raw detector data, not an image for presentation",
        Exclusion.LOCALIZER: "this is a localizer, not a diagnostic view",
        Exclusion.REJECTED_IMAGE: "this image is marked as rejected or deleted",
        Exclusion.QUALITY_CONTROL: "this is a quality control, phantom or test image",
        Exclusion.MULTI_FRAME: "this image has several frames; only single radiographs are analyzed",
        Exclusion.COLOR: "this is a color image; only grayscale radiographs are analyzed",
        Exclusion.TOO_SMALL: "this image is smaller than {least} x {least} pixels",
        Exclusion.NO_PIXEL_DATA: "this object contains no image",
        Exclusion.TRUNCATED_PIXEL_DATA: "this image is incomplete: part of its pixel data is missing",
        Exclusion.TRANSFER_SYNTAX: "this image is compressed in a way that ulna cannot read",
        Exclusion.REGION_OTHER: "this image shows a body part that ulna does not analyze",
        Exclusion.REGION_MULTIPLE: "this image names more than one body part{conflict}",
        Exclusion.REGION_UNKNOWN: "this image does not say which body part it shows",
        Exclusion.PATIENT_YOUNGER: "this patient is younger than {years} years (study.minimum_age_years)",
        Exclusion.PATIENT_AGE_UNKNOWN: "this patient's age is not known (study.minimum_age_years)",
        Exclusion.STUDY_OLD: "this study is older than {days} days (study.max_age_days)",
        Withheld.CONFLICTING_DUPLICATE: "the same SOP Instance UID came before with other content; "
        "the first stays in use",
        Withheld.REPLACED: "the same SOP Instance UID came again, corrected; the newer content is in use",
        Withheld.TOO_MANY_VIEWS: "this study has more than {most} views (study.max_views_per_study)",
        Withheld.FILE_LOST: "its file in the spool cannot be read: {error}",
        Withheld.NO_NUMBER: "member {member} gives no finite number for this view",
        Withheld.UNLIKE_RADIOGRAPH: "the view {warning}, so its low score says nothing",
        Withheld.BEGUN_TOO_OFTEN: "the analysis ended without an answer twice; the view is set aside",
        Withheld.TOLD: "{words}",
        **DEFECT_WORDS,
    }
)
"""The words of each code, in English."""
