"""The ways to be no view that ulna analyzes: a code for the store and a sentence for people."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

MIN_SIDE = 128
"""Pixels; a smaller image is an icon or a preview."""


class Exclusion(StrEnum):
    """Why an instance is not analyzed."""

    OWN_RESULT = "own_result"
    NOT_RADIOGRAPH = "not_radiograph"
    FOR_PROCESSING = "for_processing"
    LOCALIZER = "localizer"
    REJECTED_IMAGE = "rejected_image"
    QUALITY_CONTROL = "quality_control"
    MULTI_FRAME = "multi_frame"
    COLOR = "color"
    TOO_SMALL = "too_small"
    NO_PIXEL_DATA = "no_pixel_data"
    TRUNCATED_PIXEL_DATA = "truncated_pixel_data"
    TRANSFER_SYNTAX = "transfer_syntax"
    REGION_OTHER = "region_other"
    REGION_MULTIPLE = "region_multiple"
    REGION_UNKNOWN = "region_unknown"
    PATIENT_YOUNGER = "patient_younger"
    PATIENT_AGE_UNKNOWN = "patient_age_unknown"
    STUDY_OLD = "study_old"

    @property
    def sentence(self) -> str:
        """The reason in one sentence that a radiologist understands."""
        return _SENTENCES[self]

    def sentence_with(self, *, years: int, days: int) -> str:
        """Return the sentence with the limit that the site has set: a patient's years or a study's days."""
        return _SENTENCES_WITH_LIMIT.get(self, self.sentence).format(years=years, days=days)


_SENTENCES: Mapping[Exclusion, str] = MappingProxyType(
    {
        Exclusion.OWN_RESULT: "This is a result of ulna itself, not a radiograph.",
        Exclusion.NOT_RADIOGRAPH: "This is not a CR or DX radiograph.",
        Exclusion.FOR_PROCESSING: "This is raw detector data, not an image for presentation.",
        Exclusion.LOCALIZER: "This is a localizer, not a diagnostic view.",
        Exclusion.REJECTED_IMAGE: "This image is marked as rejected or deleted.",
        Exclusion.QUALITY_CONTROL: "This is a quality control, phantom or test image.",
        Exclusion.MULTI_FRAME: "This image has several frames; only single radiographs are analyzed.",
        Exclusion.COLOR: "This is a color image; only grayscale radiographs are analyzed.",
        Exclusion.TOO_SMALL: f"This image is smaller than {MIN_SIDE} x {MIN_SIDE} pixels.",
        Exclusion.NO_PIXEL_DATA: "This object contains no image.",
        Exclusion.TRUNCATED_PIXEL_DATA: "This image is incomplete: part of its pixel data is missing.",
        Exclusion.TRANSFER_SYNTAX: "This image is compressed in a way that ulna cannot read.",
        Exclusion.REGION_OTHER: "This image shows a body part that ulna does not analyze.",
        Exclusion.REGION_MULTIPLE: "This image names more than one body part.",
        Exclusion.REGION_UNKNOWN: "This image does not say which body part it shows.",
        Exclusion.PATIENT_YOUNGER: "This patient is younger than study.minimum_age_years.",
        Exclusion.PATIENT_AGE_UNKNOWN: "This patient's age is not known (study.minimum_age_years).",
        Exclusion.STUDY_OLD: "This study is older than study.max_age_days.",
    }
)

_SENTENCES_WITH_LIMIT: Mapping[Exclusion, str] = MappingProxyType(
    {
        Exclusion.PATIENT_YOUNGER: "This patient is younger than {years} years (study.minimum_age_years).",
        Exclusion.STUDY_OLD: "This study is older than {days} days (study.max_age_days).",
    }
)
