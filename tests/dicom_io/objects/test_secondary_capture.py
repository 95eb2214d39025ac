"""The picture that goes back, as a receiver reads it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_io.objects.common import to_bytes
from dicom_io.objects.inheritance import sanitized_source
from dicom_io.objects.result_facts import ResultFacts, Verdict
from dicom_io.objects.secondary_capture import secondary_capture
from dicom_io.reading.instance import read_header
from dicom_io.selection.eligibility import is_own_result
from dicom_io.selection.laterality import Laterality
from tests.dicom_io.nasty_sources import CHARACTER_SETS, source_bytes
from tests.dicom_io.validators import dciodvfy_errors
from tests.factories import code_item, encode, make_instance, uid

FACTS = ResultFacts(
    verdict=Verdict.SUSPECTED,
    revision=1,
    claim="suspected fracture",
    target="fracture",
    sources=(uid(1, 1, 1),),
    engine="torch float32",
    model_name="ensemble200",
    model_version="0.1.0",
    bundle_digest="ab" * 32,
    trained=True,
    operating_point="sensitive 0.5",
    software_version="0.1.0",
    analyzed_at=datetime(2025, 1, 2, 23, 4, 5, 678, tzinfo=UTC),
)
PAGE = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)


def source(**elements) -> Dataset:
    return sanitized_source(encode(make_instance(**elements)))[0]


def capture_bytes(
    source_: Dataset | None = None, facts: ResultFacts = FACTS, laterality: Laterality = Laterality.LEFT
) -> bytes:
    source_ = source() if source_ is None else source_
    ds = secondary_capture(
        PAGE, source=source_, patient_source=source_, facts=facts, view_number=2, laterality=laterality
    )
    return to_bytes(ds)


def capture(
    source_: Dataset | None = None, facts: ResultFacts = FACTS, laterality: Laterality = Laterality.LEFT
) -> Dataset:
    """Return a capture as it is read back."""
    return dcmread(BytesIO(capture_bytes(source_, facts, laterality)))


def test_pixels_come_back():
    np.testing.assert_array_equal(capture().pixel_array, PAGE)


def test_patient_and_study_are_those_of_the_source():
    codes = [code_item("36643-5", "LN", "XR wrist")]
    instance = make_instance(
        IssuerOfPatientID="HOSPITAL", ProcedureCodeSequence=codes, ReferringPhysicianName="Doe^Jane"
    )
    ds = dcmread(BytesIO(capture_bytes(sanitized_source(encode(instance))[0])))
    for keyword in [
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyInstanceUID",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "StudyID",
        "StudyDescription",
        "ReferringPhysicianName",
        "ProcedureCodeSequence",
    ]:
        assert ds[keyword].value == instance[keyword].value, keyword


def test_it_is_a_series_of_its_own_that_says_what_it_is():
    ds = capture()
    assert ds.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert (ds.Modality, ds.SeriesNumber, ds.InstanceNumber, ds.ConversionType) == ("OT", 9901, 2, "WSD")
    assert ds.ImageType == ["DERIVED", "SECONDARY", "OTHER", "GRADCAM"]
    assert ds.SeriesDescription == "ulna flagged (suspected fracture), not for diagnostic use"
    assert ds.SeriesInstanceUID != make_instance().SeriesInstanceUID


@pytest.mark.parametrize("verdict", Verdict)
def test_series_description_fits_and_starts_with_ulna(verdict):
    description = capture(facts=replace(FACTS, verdict=verdict, trained=False)).SeriesDescription
    assert description.startswith(f"ulna {str(verdict).rstrip(')')}")
    assert "UNTRAINED" in description
    assert len(description) <= 64


def test_an_untrained_model_is_told():
    ds = capture(facts=replace(FACTS, trained=False))
    assert "UNTRAINED" in ds.ImageComments


def test_it_names_its_source_and_its_algorithm():
    ds = capture()
    (reference,) = ds.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == uid(1, 1, 1)
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert ds.ReferencedSeriesSequence[0].SeriesInstanceUID == uid(1, 1)
    (equipment,) = ds.ContributingEquipmentSequence
    assert (equipment.ManufacturerModelName, equipment.SoftwareVersions) == ("ensemble200", "0.1.0")
    assert "Probability of fracture" in equipment.ContributionDescription
    assert equipment.DeviceUID == FACTS.device_uid


def test_it_is_recognized_when_it_comes_back():
    assert is_own_result(read_header(capture_bytes()))


def test_the_same_input_gives_the_same_bytes():
    assert capture_bytes() == capture_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"revision": 2},
        {"bundle_digest": "cd" * 32},
        {"engine": "torch bfloat16"},
        {"operating_point": "specific 0.5"},
        {"operating_point": "sensitive 0.25"},
        {"settings": "long_side=512"},
        {"sources": (uid(1, 1, 1), uid(1, 1, 2))},
        {"software_version": "0.2.0"},
        {"analyzed_at": FACTS.analyzed_at + timedelta(microseconds=1)},
        {"replaces_report_of": FACTS.analyzed_at},
    ],
)
def test_whatever_shapes_the_content_gives_other_uids(change):
    one, other = capture(), capture(facts=replace(FACTS, **change))
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert one.SeriesInstanceUID != other.SeriesInstanceUID


def test_the_same_moment_in_another_zone_gives_the_same_uids():
    elsewhere = FACTS.analyzed_at.astimezone(timezone(timedelta(hours=-4)))
    assert capture().SOPInstanceUID == capture(facts=replace(FACTS, analyzed_at=elsewhere)).SOPInstanceUID


def test_another_bundle_is_another_device():
    assert FACTS.device_uid != replace(FACTS, bundle_digest="cd" * 32).device_uid
    assert FACTS.device_uid == replace(FACTS, revision=2).device_uid


def test_views_of_a_revision_share_their_series():
    one, other = capture(source(instance=1)), capture(source(instance=2))
    assert one.SeriesInstanceUID == other.SeriesInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID


def test_every_clock_shows_the_time_that_was_given():
    ds = capture()
    dates = {ds[k].value for k in ds.dir("Date") if k.endswith("Date")} - {ds.StudyDate, ds.PatientBirthDate}
    times = {ds[k].value for k in ds.dir("Time") if k.endswith("Time")} - {ds.StudyTime}
    assert dates == {"20250102", ds.DateOfSecondaryCapture}
    assert times == {"230405.000678", ds.TimeOfSecondaryCapture}
    assert (ds.DateOfSecondaryCapture, ds.TimeOfSecondaryCapture) == ("20250102", "230405.000678")
    assert ds.ContributingEquipmentSequence[0].ContributionDateTime == "20250102230405.000678+0000"


@pytest.mark.parametrize(
    ("zone", "day", "time"),
    [("+0530", "20250103", "043405.000678"), ("-0330", "20250102", "193405.000678")],
)
def test_clocks_follow_the_time_zone_that_the_source_declares(zone, day, time):
    ds = capture(source(TimezoneOffsetFromUTC=zone))
    assert (ds.TimezoneOffsetFromUTC, ds.ContentDate, ds.ContentTime) == (zone, day, time)


def test_clocks_are_in_the_time_zone_that_they_were_given_in_where_the_source_declares_none():
    local = FACTS.analyzed_at.astimezone(timezone(timedelta(hours=-4)))
    assert capture(facts=replace(FACTS, analyzed_at=local)).ContentTime == "190405.000678"


@pytest.mark.parametrize(("said", "inherited"), [("YES", "YES"), ("NO", "NO"), (None, None)])
def test_burned_in_annotation_is_what_the_source_says(said, inherited):
    assert capture(source(BurnedInAnnotation=said)).get("BurnedInAnnotation") == inherited


@pytest.mark.parametrize("laterality", Laterality)
def test_laterality_is_that_of_the_image_or_empty(laterality):
    ds = capture(laterality=laterality)
    if laterality is Laterality.UNKNOWN:
        assert "ImageLaterality" not in ds
        assert ds.Laterality is None or ds.Laterality == ""
    else:
        assert ds.ImageLaterality == laterality
        assert "Laterality" not in ds


@pytest.mark.parametrize("laterality", Laterality)
def test_dciodvfy_finds_no_error(laterality, tmp_path):
    assert dciodvfy_errors(capture_bytes(laterality=laterality), tmp_path) == []


@pytest.mark.parametrize("name", CHARACTER_SETS)
def test_our_own_text_is_ascii_in_every_character_set(name):
    term, patient_name = CHARACTER_SETS[name]
    source_, _ = sanitized_source(source_bytes({"SpecificCharacterSet": term, "PatientName": patient_name}))
    data = capture_bytes(source_)
    header = data[: data.index(b"\xe0\x7f\x10\x00OB")]
    assert patient_name in header
    elements = dcmread(BytesIO(data), stop_before_pixels=True)
    for keyword in ("SeriesDescription", "DerivationDescription", "ImageComments"):
        assert elements[keyword].value.isascii()


@pytest.mark.parametrize(
    "page",
    [np.zeros((3, 5), np.uint8), np.zeros((3, 5, 4), np.uint8), np.zeros((3, 5, 3), np.float32)],
)
def test_a_page_of_another_form_is_refused(page):
    with pytest.raises(ValueError, match="uint8"):
        secondary_capture(page, source=source(), patient_source=source(), facts=FACTS, view_number=1)


@pytest.mark.parametrize(
    ("change", "message"), [({"revision": 0}, "revision"), ({"analyzed_at": datetime(2025, 1, 2)}, "aware")]
)
def test_facts_that_cannot_be_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(FACTS, **change)


def test_a_later_revision_names_the_report_that_it_replaces():
    replaced = datetime(2025, 1, 2, 22, 30, tzinfo=UTC)
    second = capture(facts=replace(FACTS, revision=2, replaces_report_of=replaced))
    assert second.SeriesDescription.endswith(", revision 2")
    assert "revision 2, replaces the report of 2025-01-02 22:30" in second.ImageComments
    assert "revision" not in f"{capture().SeriesDescription} {capture().ImageComments}"


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("revision", [1, 2, 99])
def test_a_series_description_has_room_for_all_that_it_says(verdict, trained, revision):
    described = replace(FACTS, verdict=verdict, trained=trained, revision=revision).series_description
    assert len(described) <= 64  # VR LO
    assert described.startswith(f"ulna {str(verdict).rstrip(')')}")
    assert ("UNTRAINED" in described) is not trained
    assert "diagnos" in described
