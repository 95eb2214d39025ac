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

from dicom_io.derived import to_bytes
from dicom_io.eligibility import is_own_result
from dicom_io.instance import read_header
from sr_templates.content import ReportContent, SetAside
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
    assert first_text.startswith("ulna")
    assert not re.search(r"Probability|Finding:|Measurement Group", body.split("Summary:")[0])


@pytest.mark.parametrize("kind", KINDS)
def test_highdicom_reads_the_tree_as_tid_1500(kind):
    content = reports()[kind]
    groups = measurement_report(report(content)).get_image_measurement_groups()
    reasons = {other.reason for other in content.set_aside}
    assert len(groups) == bool(content.analyzed) + len(content.analyzed) + len(reasons)
    if content.finding is not None:
        study, *views = groups
        values = {m.name.meaning: m.value for m in study.get_measurements()}
        assert values == pytest.approx({"Probability": content.finding.score, "Threshold Value": 0.5})
        for group, view in zip(views, content.analyzed, strict=False):
            ensemble, *members = group.get_measurements()
            assert ensemble.value == pytest.approx(view.finding.probability)
            assert [m.value for m in members] == pytest.approx([m.probability for m in view.finding.members])
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
    assert not any(re.search(r"\bnormal\b(?! studies can be flagged)", text) for text in texts)


@pytest.mark.parametrize(
    ("kind", "abnormal", "triage"),
    [
        ("suspected", True, "SUSPECTED"),
        ("likely", True, "LIKELY"),
        ("not_flagged", False, "NOFLAG"),
        ("not_analyzed", False, "NOTANALYZED"),
    ],
)
def test_the_verdict_is_coded(kind, abnormal, triage):
    found = codes_in(report(reports()[kind]))
    assert ("263654008" in found) == abnormal
    assert ("371934000" in found) != abnormal
    assert triage in found


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


def named(item: Dataset) -> str:
    """Return the code of a content item's name."""
    return str(item.ConceptNameCodeSequence[0].CodeValue) if "ConceptNameCodeSequence" in item else ""


def test_a_score_below_its_threshold_never_reads_as_equal():
    score = 0.5 - 2**-30
    content = report_content([analyzed(source(1), score)])
    values = [
        item.MeasuredValueSequence[0] for item in nested(report(content)) if "MeasuredValueSequence" in item
    ]
    assert values[0].FloatingPointValue == score
    assert float(values[0].NumericValue) < float(values[1].NumericValue) == 0.5


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
    content = report_content(set_aside=[SetAside(source=keyless, reason="it is no image", failed=False)])
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
    assert ds.SeriesInstanceUID != report_content().facts.uid(
        "secondary-capture-series", [ds.StudyInstanceUID]
    )


def test_it_is_recognized_when_it_comes_back():
    assert is_own_result(read_header(report_bytes(report_content())))


def test_patient_is_named_in_the_patient_module_only():
    data = report_bytes(report_content(three_views(PatientName="Zebra^Quagga", PatientID="ZQ-77")))
    assert data.count(b"Zebra") == data.count(b"ZQ-77") == 1


def test_text_that_is_not_ascii_is_escaped():
    content = report_content(
        set_aside=[SetAside(source=source(4), reason="\N{LATIN SMALL LETTER E WITH ACUTE}", failed=True)]
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
