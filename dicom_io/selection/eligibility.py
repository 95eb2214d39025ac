"""Which instances are views that ulna analyzes, and why the others are not.

This module decides on the header alone, and on how old the site says that patients and studies may be.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
)

from dicom_io.details import NO_DETAILS, Details
from dicom_io.identity import ULNA_IMAGE_TYPE, ULNA_MANUFACTURER, ULNA_MODEL_NAME
from dicom_io.reading.instance import InstanceHeader
from dicom_io.reading.transfer_syntaxes import DECODABLE_TRANSFER_SYNTAXES
from dicom_io.selection.age import NOT_ASKED, AgeCaution, Ages
from dicom_io.selection.exclusion import MIN_SIDE, Exclusion
from dicom_io.selection.laterality import Laterality, laterality_match
from dicom_io.selection.projection import Projection, projection_match
from dicom_io.selection.regions import Region, RegionMatch, region_of
from dicom_io.selection.statements import exclusions_said
from dicom_io.selection.words import Words, shipped_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """What an instance shows, and whether it is analyzed.

    `region` is None where it is not known or not one; an eligible instance may then still be analyzed
    if the site wants it. `exclusion` is None exactly if the instance is eligible. `region_conflict` says
    which sources name which part where they do not agree. `laterality_conflict` are the keywords of the
    sources that contradict the others about the side; `laterality` is then unknown, or what the sources say
    that are nearest to the image. `ages` is what the site makes of the ages of patient and study.
    """

    region: Region | None
    laterality: Laterality
    projection: Projection
    exclusion: Exclusion | None
    region_conflict: str = ""
    laterality_conflict: tuple[str, ...] = ()
    ages: Ages = NOT_ASKED

    @property
    def eligible(self) -> bool:
        """Whether the instance is analyzed."""
        return self.exclusion is None

    @property
    def details(self) -> Details:
        """What the words for the exclusion need beside: a limit, or who names which part."""
        rule = self.ages.rule
        known: Mapping[Exclusion, Details] = {
            Exclusion.TOO_SMALL: {"least": MIN_SIDE},
            Exclusion.REGION_MULTIPLE: {"conflict": self.region_conflict},
            Exclusion.PATIENT_YOUNGER: {"years": rule.minimum_age_years},
            Exclusion.STUDY_OLD: {"days": rule.max_age_days},
        }
        return NO_DETAILS if self.exclusion is None else known.get(self.exclusion, NO_DETAILS)


def assess(
    header: InstanceHeader,
    *,
    unknown_region: Literal["exclude", "analyze"],
    words: Words | None = None,
    ages: Ages = NOT_ASKED,
) -> Eligibility:
    """Decide whether an instance is analyzed.

    Parameters
    ----------
    header : InstanceHeader
        What is known of it.
    unknown_region : {"exclude", "analyze"}
        What to do with a radiograph that names no region, or several of those that are analyzed. One that
        names another region is always excluded.
    words : Words, optional
        What the words and codes of headers mean; those of the shipped table if not given.
    ages : Ages
        What the site makes of the ages of patient and study; nothing if not given.
    """
    words = words or shipped_words()
    match = region_of(header, words)
    side = laterality_match(header, words)
    return Eligibility(
        region=match.region,
        laterality=side.laterality,
        projection=projection_match(header, words).projection,
        exclusion=_exclusion(header, words)
        or _region_exclusion(match, analyze_unknown=unknown_region == "analyze")
        or _age_exclusion(ages),
        region_conflict=match.conflict,
        laterality_conflict=side.against,
        ages=ages,
    )


def is_own_result(header: InstanceHeader) -> bool:
    """Return whether an instance is one of our outputs, come back through the archive."""
    model = header.manufacturer_model_name.casefold().replace("-", " ").split(" ")
    return (
        header.manufacturer.casefold() == ULNA_MANUFACTURER
        or model[0] == ULNA_MODEL_NAME
        or ULNA_IMAGE_TYPE[-1] in header.image_type
    )


def _exclusion(header: InstanceHeader, words: Words) -> Exclusion | None:
    """Return the first reason not to analyze an instance, whatever it shows."""
    return next(
        (
            reason
            for reason, holds in _RULES.items()
            if holds(header) or (reason in _SAID and reason in exclusions_said(header, words))
        ),
        None,
    )


def _region_exclusion(match: RegionMatch, *, analyze_unknown: bool) -> Exclusion | None:
    if match.region is not None:
        return None
    if match.ambiguous:
        return None if analyze_unknown and not match.other else Exclusion.REGION_MULTIPLE
    if match.other:
        return Exclusion.REGION_OTHER
    return None if analyze_unknown else Exclusion.REGION_UNKNOWN


def _age_exclusion(ages: Ages) -> Exclusion | None:
    """Return why the ages exclude an instance that ulna would analyze otherwise."""
    if ages.is_old and ages.rule.beyond_max_age == "exclude":
        return Exclusion.STUDY_OLD
    if ages.caution is None or ages.rule.below_minimum_age == "caution":
        return None
    return _OF_CAUTION[ages.caution]


_OF_CAUTION: Mapping[AgeCaution, Exclusion] = MappingProxyType(
    {
        AgeCaution.YOUNGER: Exclusion.PATIENT_YOUNGER,
        AgeCaution.UNKNOWN: Exclusion.PATIENT_AGE_UNKNOWN,
    }
)
_FOR_PROCESSING_CLASS: str = DigitalXRayImageStorageForProcessing  # a radiograph, excluded by its intent
_RADIOGRAPH_CLASSES: frozenset[str] = frozenset(
    {ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation, _FOR_PROCESSING_CLASS}
)
_GRAYSCALE = frozenset({"MONOCHROME1", "MONOCHROME2", ""})  # an absent one is the decoder's problem
_PHANTOM = "706342009"  # SCT, CID 4031
_REJECTED_IMAGE_TYPES = frozenset({"REJECTED", "REJECT", "DELETED"})
_SAID = frozenset({Exclusion.REJECTED_IMAGE, Exclusion.QUALITY_CONTROL})  # that words may say, too


def _is_not_radiograph(header: InstanceHeader) -> bool:
    return header.sop_class_uid not in _RADIOGRAPH_CLASSES


def _is_for_processing(header: InstanceHeader) -> bool:
    return (
        header.sop_class_uid == _FOR_PROCESSING_CLASS or header.presentation_intent_type == "FOR PROCESSING"
    )


def _is_localizer(header: InstanceHeader) -> bool:
    return "LOCALIZER" in header.image_type


def _is_rejected(header: InstanceHeader) -> bool:
    return not _REJECTED_IMAGE_TYPES.isdisjoint(header.image_type)


def _is_quality_control(header: InstanceHeader) -> bool:
    return "YES" in {header.quality_control_image, header.quality_control_subject} or any(
        term.value == _PHANTOM for term in header.anatomic_regions
    )


def _is_multi_frame(header: InstanceHeader) -> bool:
    return header.number_of_frames > 1


def _is_color(header: InstanceHeader) -> bool:
    return header.samples_per_pixel > 1 or header.photometric_interpretation not in _GRAYSCALE


def _has_no_pixel_data(header: InstanceHeader) -> bool:
    return not header.has_pixel_data


def _is_too_small(header: InstanceHeader) -> bool:
    return min(header.rows, header.columns) < MIN_SIDE


def _has_truncated_pixel_data(header: InstanceHeader) -> bool:
    return header.pixel_data_problem != ""


def _has_other_transfer_syntax(header: InstanceHeader) -> bool:
    return header.transfer_syntax_uid not in DECODABLE_TRANSFER_SYNTAXES


# The first rule that holds gives the reason: what an instance is comes before what is wrong with it.
_RULES: Mapping[Exclusion, Callable[[InstanceHeader], bool]] = MappingProxyType(
    {
        Exclusion.OWN_RESULT: is_own_result,
        Exclusion.NOT_RADIOGRAPH: _is_not_radiograph,
        Exclusion.FOR_PROCESSING: _is_for_processing,
        Exclusion.LOCALIZER: _is_localizer,
        Exclusion.REJECTED_IMAGE: _is_rejected,
        Exclusion.QUALITY_CONTROL: _is_quality_control,
        Exclusion.NO_PIXEL_DATA: _has_no_pixel_data,
        Exclusion.TRUNCATED_PIXEL_DATA: _has_truncated_pixel_data,
        Exclusion.TRANSFER_SYNTAX: _has_other_transfer_syntax,
        Exclusion.MULTI_FRAME: _is_multi_frame,
        Exclusion.COLOR: _is_color,
        Exclusion.TOO_SMALL: _is_too_small,
    }
)
