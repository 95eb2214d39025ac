"""Which instances are views, and why the others are not."""

from dataclasses import replace

import pytest
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)

from dicom_io.identity import ULNA_IMAGE_TYPE, ULNA_MANUFACTURER, ULNA_MODEL_NAME
from dicom_io.reading.instance import read_header
from dicom_io.reading.values import CodedTerm
from dicom_io.selection.age import AgeCaution, AgeRule, Ages
from dicom_io.selection.eligibility import Eligibility, assess, is_own_result
from dicom_io.selection.exclusion import Exclusion
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.projection import Projection
from dicom_io.selection.regions import Region, conflict_words
from tests.dicom_io.headers import header
from tests.factories import encode, make_instance

JPIP = "1.2.840.10008.1.2.4.94"


@pytest.mark.parametrize(
    "sop_class_uid", ["1.2.840.10008.5.1.4.1.1.1", DigitalXRayImageStorageForPresentation]
)
def test_a_radiograph_of_a_known_region_is_a_view(sop_class_uid):
    instance = make_instance(sop_class_uid=sop_class_uid)
    assert assess(read_header(encode(instance)), unknown_region="exclude") == Eligibility(
        region=Region.WRIST, laterality=Laterality.RIGHT, projection=Projection.FRONTAL, exclusion=None
    )


@pytest.mark.parametrize(
    ("values", "exclusion"),
    [
        ({"sop_class_uid": SecondaryCaptureImageStorage}, Exclusion.NOT_RADIOGRAPH),
        ({"sop_class_uid": DigitalMammographyXRayImageStorageForPresentation}, Exclusion.NOT_RADIOGRAPH),
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.88.34"}, Exclusion.NOT_RADIOGRAPH),
        ({"sop_class_uid": "1.2.3.4"}, Exclusion.NOT_RADIOGRAPH),
        ({"sop_class_uid": DigitalXRayImageStorageForProcessing}, Exclusion.FOR_PROCESSING),
        ({"presentation_intent_type": "FOR PROCESSING"}, Exclusion.FOR_PROCESSING),
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, Exclusion.LOCALIZER),
        ({"image_type": ("ORIGINAL", "PRIMARY", "REJECTED")}, Exclusion.REJECTED_IMAGE),
        ({"series_description": "Rejected"}, Exclusion.REJECTED_IMAGE),
        ({"series_description": "Wrist PA deleted"}, Exclusion.REJECTED_IMAGE),
        ({"image_type": ("ORIGINAL", "PRIMARY", "DELETED")}, Exclusion.REJECTED_IMAGE),
        ({"series_description": "写損"}, Exclusion.REJECTED_IMAGE),
        ({"series_description": "TEST"}, Exclusion.QUALITY_CONTROL),
        ({"series_description": "Testbild"}, Exclusion.QUALITY_CONTROL),
        ({"quality_control_image": "YES"}, Exclusion.QUALITY_CONTROL),
        ({"quality_control_subject": "YES"}, Exclusion.QUALITY_CONTROL),
        ({"anatomic_regions": (CodedTerm(scheme="SCT", value="706342009"),)}, Exclusion.QUALITY_CONTROL),
        ({"series_description": "QC Phantom"}, Exclusion.QUALITY_CONTROL),
        ({"protocol_name": "Konstanzprüfung"}, Exclusion.QUALITY_CONTROL),
        ({"body_part_examined": "PHANTOM"}, Exclusion.QUALITY_CONTROL),
        ({"has_pixel_data": False}, Exclusion.NO_PIXEL_DATA),
        ({"pixel_data_problem": "PixelData is truncated: ..."}, Exclusion.TRUNCATED_PIXEL_DATA),
        ({"transfer_syntax_uid": JPIP}, Exclusion.TRANSFER_SYNTAX),
        ({"number_of_frames": 2}, Exclusion.MULTI_FRAME),
        ({"samples_per_pixel": 3, "photometric_interpretation": "RGB"}, Exclusion.COLOR),
        ({"photometric_interpretation": "PALETTE COLOR"}, Exclusion.COLOR),
        ({"rows": 127}, Exclusion.TOO_SMALL),
        ({"columns": 127}, Exclusion.TOO_SMALL),
        ({"rows": 0}, Exclusion.TOO_SMALL),
        ({"body_part_examined": "CHEST"}, Exclusion.REGION_OTHER),
        ({"body_part_examined": "LOW_EXM"}, Exclusion.REGION_OTHER),
        ({"body_part_examined": "HAND WRIST"}, Exclusion.REGION_MULTIPLE),
        ({"body_part_examined": "UP_EXM"}, Exclusion.REGION_UNKNOWN),
        ({"manufacturer": "ULNA"}, Exclusion.OWN_RESULT),
        ({"manufacturer_model_name": "ulna-ensemble200 0.1.0"}, Exclusion.OWN_RESULT),
        ({"manufacturer_model_name": "ulna"}, Exclusion.OWN_RESULT),
        ({"image_type": ULNA_IMAGE_TYPE}, Exclusion.OWN_RESULT),
    ],
)
def test_each_reason_excludes(values, exclusion):
    given = {"body_part_examined": "WRIST", **values}
    assert assess(header(**given), unknown_region="exclude").exclusion is exclusion


@pytest.mark.parametrize(
    "values",
    [
        {"rows": 128, "columns": 128},
        {"photometric_interpretation": "MONOCHROME1"},
        {"photometric_interpretation": ""},
        {"manufacturer": "Ulnar Medical"},
        {"manufacturer_model_name": "Ulnascope"},
        {"series_description": "ULNA AP"},
        {"study_description": "Repeat wrist, phantom pain"},
        {"image_type": ("DERIVED", "PRIMARY")},
        {"image_type": ("ORIGINAL", "PRIMARY", "REPEAT")},
        {"series_description": "Wrist PA REPEAT"},
        {"series_description": "Handgelenk dp Wiederholung"},
        {"series_description": "AP WITH CALIBRATION BALL"},
        {"series_description": "WRIST STRESS TEST"},
        {"series_description": "AP after hardware removal"},
    ],
)
def test_what_is_near_to_a_reason_is_still_a_view(values):
    assert assess(header(body_part_examined="WRIST", **values), unknown_region="exclude").eligible


def test_a_conflict_of_parts_names_both_sources_and_no_word_of_them():
    found = assess(
        header(study_description="XR FOOT LT", series_description="5th digit oblique"),
        unknown_region="analyze",
    )
    assert found.exclusion is Exclusion.REGION_MULTIPLE
    conflict = "SeriesDescription FINGER, StudyDescription other"
    assert found.details == {"conflict": conflict}
    assert conflict_words(conflict) == (
        "SeriesDescription names finger, StudyDescription names a part that is not analyzed"
    )


def test_a_conflict_of_sides_is_told_beside_the_side():
    found = assess(
        header(body_part_examined="HAND", laterality="R", series_description="LEFT HAND"),
        unknown_region="exclude",
    )
    assert found.laterality is Laterality.UNKNOWN
    assert found.laterality_conflict == ("SeriesDescription",)
    assert found.eligible


def test_what_an_instance_is_comes_before_what_is_wrong_with_it():
    own = header(
        sop_class_uid=SecondaryCaptureImageStorage, manufacturer=ULNA_MANUFACTURER, samples_per_pixel=3
    )
    assert assess(own, unknown_region="exclude").exclusion is Exclusion.OWN_RESULT


@pytest.mark.parametrize(
    ("body_part_examined", "exclusion"),
    [
        ("UP_EXM", None),
        ("HAND WRIST", None),
        ("HAND KNEE", Exclusion.REGION_MULTIPLE),
        ("CHEST", Exclusion.REGION_OTHER),
    ],
)
def test_a_site_may_analyze_unknown_regions_but_not_other_ones(body_part_examined, exclusion):
    found = assess(header(body_part_examined=body_part_examined), unknown_region="analyze")
    assert found.exclusion is exclusion
    assert found.region is None


def test_the_names_that_we_put_into_our_results_are_recognized():
    assert is_own_result(header(manufacturer=ULNA_MANUFACTURER))
    assert is_own_result(header(manufacturer_model_name=f"{ULNA_MODEL_NAME} ensemble200"))
    assert not is_own_result(header())


STRICT = AgeRule(minimum_age_years=16, below_minimum_age="exclude", max_age_days=30, beyond_max_age="exclude")
KIND = replace(STRICT, below_minimum_age="caution", beyond_max_age="low")


@pytest.mark.parametrize(
    ("ages", "exclusion", "details"),
    [
        (
            {"caution": AgeCaution.YOUNGER},
            Exclusion.PATIENT_YOUNGER,
            {"years": 16},
        ),
        (
            {"caution": AgeCaution.UNKNOWN},
            Exclusion.PATIENT_AGE_UNKNOWN,
            {},
        ),
        (
            {"is_old": True},
            Exclusion.STUDY_OLD,
            {"days": 30},
        ),
    ],
)
def test_a_site_may_exclude_by_age_and_the_details_hold_its_limit(ages, exclusion, details):
    wrist = header(body_part_examined="WRIST")
    found = assess(wrist, unknown_region="exclude", ages=Ages(rule=STRICT, **ages))
    assert (found.exclusion, found.details) == (exclusion, details)
    assert assess(wrist, unknown_region="exclude", ages=Ages(rule=KIND, **ages)).eligible


def test_what_an_image_shows_comes_before_how_old_it_is():
    chest = header(body_part_examined="CHEST")
    found = assess(chest, unknown_region="exclude", ages=Ages(rule=STRICT, is_old=True))
    assert found.exclusion is Exclusion.REGION_OTHER
