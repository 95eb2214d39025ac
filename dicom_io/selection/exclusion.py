"""The ways to be no view that ulna analyzes, as codes; words are made where people read them."""

from enum import StrEnum

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
