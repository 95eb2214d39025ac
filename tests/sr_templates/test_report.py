"""The Structured Report, as receivers read it."""

import re
import subprocess
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from highdicom.sr import (
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    MeasurementReport,
)
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_io.objects.common import to_bytes
from dicom_io.reading.instance import read_header
from dicom_io.selection.eligibility import is_own_result
from dicom_io.selection.laterality import Laterality
from sr_templates.content import ReportContent, SetAside
from sr_templates.reason import clause
from sr_templates.report import structured_report
from tests.dicom_io.validators import dciodvfy_errors
from tests.sr_templates.builders import (
    ANALYZED_AT,
    analyzed,
    bundle,
    report_content,
    source,
    three_views,
    view_finding,
    why,
)
from tests.sr_templates.golden import GOLDEN_KINDS, LOCALIZER, dump, golden_path, reports

KINDS = tuple(reports())


def report_bytes(content: ReportContent) -> bytes:
    return to_bytes(structured_report(content))


def report(content: ReportContent) -> Dataset:
    """Return the report as it is read back."""
    return dcmread(BytesIO(report_bytes(content)))


def measurement_report(ds: Dataset) -> MeasurementReport:
    """Return the content tree as highdicom reads it, which raises where it is no TID 1500."""
    content = Comprehensive3DSR.from_dataset(ds).content
    assert isinstance(content, MeasurementReport)
    return content


@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_no_error(kind, tmp_path):
    assert dciodvfy_errors(report_bytes(reports()[kind]), tmp_path) == []


@pytest.mark.parametrize("kind", GOLDEN_KINDS)
def test_dsrdump_shows_what_was_agreed(kind, tmp_path):
    assert dump(report_bytes(reports()[kind]), tmp_path) == golden_path(kind).read_text(encoding="ascii")


@pytest.mark.parametrize("kind", KINDS)
def test_the_summary_is_the_first_text_of_the_page(kind, tmp_path):
    path = tmp_path / "report.dcm"
    path.write_bytes(report_bytes(reports()[kind]))
    page = subprocess.run(["dsr2html", path], capture_output=True, check=True, text=True, encoding="utf-8")
    body = re.sub(r"<[^>]*>", "", page.stdout.split("Imaging Measurement Report")[-1])
    assert "Summary:" in body
    first_text = body.split("Summary:")[1].strip()
    assert first_text.startswith(("ulna", "No fracture suspected by ulna"))
    assert not re.search(r"Probability|Finding:|Measurement Group", body.split("Summary:")[0])


@pytest.mark.parametrize("kind", KINDS)
def test_highdicom_reads_the_tree_as_tid_1500(kind):
    content = reports()[kind]
    groups = measurement_report(report(content)).get_image_measurement_groups()
    reasons = {clause(other.reason) for other in content.set_aside}
    parts = () if content.finding is None or len(content.finding.parts) == 1 else content.finding.parts
    assert len(groups) == bool(content.analyzed) + len(parts) + len(content.analyzed) + len(reasons)
    if content.finding is not None:
        study, *others = groups
        values = {m.name.meaning: m.value for m in study.get_measurements()}
        expected = {"Probability": content.finding.score, "Threshold of the operating point": 0.5}
        assert values == pytest.approx(expected, rel=5e-3)
        for group, part in zip(others[: len(parts)], parts, strict=True):
            assert [m.value for m in group.get_measurements()] == pytest.approx([part.score], rel=5e-3)
            assert [s.referenced_sop_instance_uid for s in group.source_images] == [
                view.view_id for view in part.views
            ]
        for group, view in zip(others[len(parts) :], content.analyzed, strict=False):
            ensemble, *members = group.get_measurements()
            assert ensemble.value == pytest.approx(view.finding.probability, rel=5e-3)
            assert [m.value for m in members] == pytest.approx(
                [m.probability for m in view.finding.members], rel=5e-3
            )
            assert {m.name.value for m in members} == {"MEMBER"}  # or four numbers of a view had one name
            assert [s.referenced_sop_instance_uid for s in group.source_images] == [view.finding.view_id]


def test_the_device_observes_and_nobody_verifies():
    ds = report(report_content())
    context = measurement_report(ds).get_observer_contexts()
    (device,) = context
    assert isinstance(device.observer_identifying_attributes, DeviceObserverIdentifyingAttributes)
    assert device.observer_identifying_attributes.uid == report_content().facts.device_uid
    assert (ds.VerificationFlag, ds.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert "VerifyingObserverSequence" not in ds


def codes_in(ds: Dataset) -> set[str]:
    """Return the values of all coded concepts in a data set."""
    return {item.CodeValue for item in nested(ds) if "CodeValue" in item}


def nested(ds: Dataset) -> list[Dataset]:
    found = [ds]
    for element in ds:
        if element.VR == "SQ":
            found += [inner for item in element.value for inner in nested(item)]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_called_normal(kind):
    ds = report(reports()[kind])
    assert "17621005" not in codes_in(ds)
    texts = [str(item.TextValue) for item in nested(ds) if "TextValue" in item]
    assert not any(re.search(r"\bnormal\b", text) for text in texts)


@pytest.mark.parametrize(
    ("kind", "certainty", "triage"),
    [
        ("suspected", "415684004", "SUSPECTED"),
        ("likely", "410592001", "LIKELY"),
        ("not_flagged", None, "NOFLAG"),
        ("not_analyzed", None, "NOTANALYZED"),
    ],
)
def test_what_is_flagged_is_a_finding_with_how_surely_it_is_there(kind, certainty, triage):
    ds = report(reports()[kind])
    found = [item for item in nested(ds) if named(item) == "121071"]
    contexts = [inner for item in found for inner in item.ContentSequence]
    assert {code_of(item) for item in found} == ({"125605004"} if certainty else set())
    assert {(named(item), code_of(item)) for item in contexts} == (
        {("408729009", certainty)} if certainty else set()
    )
    assert triage in codes_in(ds)


@pytest.mark.parametrize("kind", ["suspected", "likely", "not_flagged", "two_parts"])
def test_every_group_with_a_probability_says_of_what(kind):
    ds = report(reports()[kind])
    groups = [item for item in nested(ds) if named(item) == "125007"]
    rated = [group for group in groups if any(named(item) == "122157" for item in group.ContentSequence)]
    assert len(rated) >= len(reports()[kind].analyzed) + 1
    for group in rated:
        assert [code_of(i) for i in group.ContentSequence if named(i) == "TARGET"] == ["125605004"]


def test_only_the_flagged_of_two_parts_is_a_finding():
    views = [analyzed(source(1), 0.9), analyzed(source(2), 0.1, laterality=Laterality.RIGHT)]
    ds = report(report_content(views))
    found = {
        group.ContentSequence[0].TextValue
        for group in nested(ds)
        if named(group) == "125007" and "121071" in {named(item) for item in group.ContentSequence}
    }
    assert found == {"Study", "Part: left wrist"}


def test_numbers_have_three_significant_digits():
    ds = report(report_content([analyzed(source(1), 0.123456789)]))
    values = [item.MeasuredValueSequence[0] for item in nested(ds) if "MeasuredValueSequence" in item]
    assert [float(value.NumericValue) for value in values[:3]] == [0.123, 0.5, 0.123]


def test_image_library_entries_name_no_concept():
    library = [item for item in nested(report(report_content())) if named(item) == "126200"]
    entries = [item for group in library for item in group.ContentSequence]
    assert len(entries) == 3
    assert not any("ConceptNameCodeSequence" in item for item in entries)  # TID 1601


def test_the_model_has_a_version_of_its_own():
    (equipment,) = report(report_content()).ContributingEquipmentSequence
    assert equipment.ManufacturerModelName == "ensemble200-untrained UNTRAINED"
    assert equipment.SoftwareVersions == bundle().version


def test_a_warning_stands_in_the_group_of_its_view_and_changes_no_number():
    unusual = reports()["unusual_input"]
    ds = report(unusual)
    groups = [item for item in nested(ds) if item.get("ContentSequence") and named(item) == "125007"]
    warned = [
        [i.ConceptCodeSequence[0].CodeValue for i in g.ContentSequence if named(i) == "INPUT"] for g in groups
    ]
    assert warned == [[], [], ["INVERTED"]]
    *_, second = measurement_report(ds).get_image_measurement_groups()
    assert second.get_measurements()[0].value == pytest.approx(unusual.analyzed[1].finding.probability)


def code_of(item: Dataset) -> str:
    """Return the code that is a content item's value; empty where it has none."""
    return str(item.ConceptCodeSequence[0].CodeValue) if "ConceptCodeSequence" in item else ""


def named(item: Dataset) -> str:
    """Return the code of a content item's name."""
    return str(item.ConceptNameCodeSequence[0].CodeValue) if "ConceptNameCodeSequence" in item else ""


def test_a_score_below_its_threshold_never_reads_as_equal():
    score = 0.5 - 2**-30
    content = report_content([analyzed(source(1), score)])
    values = [
        item.MeasuredValueSequence[0] for item in nested(report(content)) if "MeasuredValueSequence" in item
    ]
    assert float(values[0].NumericValue) < float(values[1].NumericValue) == 0.5
    assert float(values[0].NumericValue) == pytest.approx(score)


def test_all_instances_are_evidence():
    content = reports()["not_flagged"]
    (study,) = report(content).CurrentRequestedProcedureEvidenceSequence
    listed = {
        (series.SeriesInstanceUID, item.ReferencedSOPInstanceUID)
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert listed == {(s.SeriesInstanceUID, s.SOPInstanceUID) for s in content.sources}
    assert len(study.ReferencedSeriesSequence) == 2


def test_every_image_in_the_tree_is_evidence():
    ds = report(reports()["not_flagged"])
    evidence = {
        item.ReferencedSOPInstanceUID
        for item in nested(ds.CurrentRequestedProcedureEvidenceSequence[0])
        if "ReferencedSOPInstanceUID" in item
    }
    shown = {
        i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for i in nested(ds)
        if i.get("ValueType") == "IMAGE"
    }
    assert shown == evidence


def test_an_instance_without_pixels_is_no_image():
    keyless = source(6, SOPClassUID="1.2.840.10008.5.1.4.1.1.11.1", Rows=None, Columns=None)
    content = report_content(set_aside=[SetAside(source=keyless, reason=why("it is no image"), failed=False)])
    assert "COMPOSITE" in {item.get("ValueType") for item in nested(report(content))}


def test_a_view_that_failed_makes_the_report_partial():
    ds = report(reports()["not_flagged"])
    assert ds.CompletionFlag == "PARTIAL"
    assert ds.CompletionFlagDescription == "1 instance could not be analyzed"
    assert report(report_content(set_aside=[LOCALIZER])).CompletionFlag == "COMPLETE"


def test_a_later_revision_names_its_predecessor():
    (study,) = report(reports()["not_analyzed"]).PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == "1.2.3"
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"
    assert "PredecessorDocumentsSequence" not in report(report_content())


def test_the_same_content_gives_the_same_bytes():
    assert report_bytes(report_content()) == report_bytes(report_content())


def test_uids_follow_from_sources_bundle_revision_and_time():
    base = structured_report(report_content())
    assert base.SOPInstanceUID == structured_report(report_content()).SOPInstanceUID
    others = [
        report_content(analyzed_at=ANALYZED_AT + timedelta(hours=1)),
        report_content(revision=2),
        report_content(identity=bundle(digest="f" * 64)),
        report_content(three_views()[:2]),
        report_content(set_aside=[LOCALIZER]),
    ]
    uids = {structured_report(content).SOPInstanceUID for content in others}
    assert len(uids | {base.SOPInstanceUID}) == 6


def test_it_shares_nothing_with_the_captures_series():
    ds = structured_report(report_content())
    assert (ds.Modality, ds.SeriesNumber) == ("SR", 9902)
    assert ds.SeriesInstanceUID != report_content().facts.uid("secondary-capture-series", ds.StudyInstanceUID)


def test_it_is_recognized_when_it_comes_back():
    assert is_own_result(read_header(report_bytes(report_content())))


def test_patient_is_named_in_the_patient_module_only():
    data = report_bytes(report_content(three_views(PatientName="Zebra^Quagga", PatientID="ZQ-77")))
    assert data.count(b"Zebra") == data.count(b"ZQ-77") == 1


def test_text_that_is_not_ascii_is_escaped():
    content = report_content(
        set_aside=[SetAside(source=source(4), reason=why("\N{LATIN SMALL LETTER E WITH ACUTE}"), failed=True)]
    )
    assert b"because \\xe9" in report_bytes(content)


def test_content_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        report_content([])
    with pytest.raises(ValueError, match="one study"):
        report_content([analyzed(source(1)), analyzed(source(2, StudyInstanceUID="1.2.3"))])
    content = report_content()
    with pytest.raises(ValueError, match="agree"):
        replace(content, finding=None)
    other = replace(content.analyzed[0], finding=view_finding(source(9), 0.1))
    with pytest.raises(ValueError, match="agree"):
        replace(content, analyzed=(other, *content.analyzed[1:]))
