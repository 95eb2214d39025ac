"""A study comes in by C-STORE; Secondary Captures and a Structured Report go back."""

import io
from collections import Counter
from pathlib import Path

import pytest
from imagecodecs import jpeg8_decode
from pydicom import dcmread
from pydicom.encaps import generate_frames

from daemon.store.result_kind import ResultKind
from daemon.study.lifecycle import StudyState
from tests.flow.orthanc import Orthanc
from tests.flow.radiographs import study_uid, wrist_study, wrist_view
from tests.flow.service import Service

pytestmark = pytest.mark.flow

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"


def test_a_wrist_study_comes_back_and_a_late_view_supersedes_its_report(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    sent = service.storescu(wrist_study(tmp_path, 1))
    assert sent.returncode == 0, sent.stderr
    service.wait_until_done(study_uid(1))

    first = orthanc.instances_of(study_uid(1))
    assert Counter(tags["SOPClassUID"] for tags in first) == {SECONDARY_CAPTURE: 3, COMPREHENSIVE_3D_SR: 1}
    assert {tags["PatientID"] for tags in first} == {"TEST-1"}
    assert all(tags["SeriesDescription"].startswith("ulna ") for tags in first)
    report = next(tags for tags in first if tags["SOPClassUID"] == COMPREHENSIVE_3D_SR)
    assert "PredecessorDocumentsSequence" not in report

    late = service.storescu([wrist_view(tmp_path, 1, 4)])
    assert late.returncode == 0, late.stderr
    assert service.study(study_uid(1)).entry.revision == 2
    service.wait_until_done(study_uid(1))

    known = {tags["SOPInstanceUID"] for tags in first}
    added = [tags for tags in orthanc.instances_of(study_uid(1)) if tags["SOPInstanceUID"] not in known]
    assert Counter(tags["SOPClassUID"] for tags in added) == {SECONDARY_CAPTURE: 4, COMPREHENSIVE_3D_SR: 1}
    second = next(tags for tags in added if tags["SOPClassUID"] == COMPREHENSIVE_3D_SR)
    (study,) = second["PredecessorDocumentsSequence"]
    (series,) = study["ReferencedSeriesSequence"]
    (predecessor,) = series["ReferencedSOPSequence"]
    assert predecessor["ReferencedSOPInstanceUID"] == report["SOPInstanceUID"]


def test_what_the_pacs_holds_is_what_was_stored(service: Service, orthanc: Orthanc, tmp_path: Path) -> None:
    assert service.storescu(wrist_study(tmp_path, 2)).returncode == 0
    service.wait_until_done(study_uid(2))
    results = service.study(study_uid(2)).results
    assert len(results) == 4
    for result in results:
        stored = dcmread(service.config.storage.data_dir / result.path)
        held = dcmread(io.BytesIO(orthanc.file_of(result.sop_instance_uid)))
        if result.kind == ResultKind.SECONDARY_CAPTURE:
            (codestream,) = generate_frames(held.PixelData, number_of_frames=1)
            assert jpeg8_decode(codestream).tobytes() == stored.PixelData[: held.Rows * held.Columns * 3]
            del held.PixelData, stored.PixelData
        assert held == stored


def test_the_same_study_again_changes_nothing(service: Service, orthanc: Orthanc, tmp_path: Path) -> None:
    files = wrist_study(tmp_path, 3)
    assert service.storescu(files).returncode == 0
    service.wait_until_done(study_uid(3))
    before = service.study(study_uid(3))
    assert service.storescu(files).returncode == 0
    assert service.study(study_uid(3)) == before
    assert len(orthanc.instances_of(study_uid(3))) == 4


def test_our_own_results_coming_back_are_answered_with_nothing(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    assert service.storescu(wrist_study(tmp_path, 4)).returncode == 0
    service.wait_until_done(study_uid(4))
    results = [service.config.storage.data_dir / r.path for r in service.study(study_uid(4)).results]
    assert service.storescu(results, "--required").returncode == 0
    detail = service.study(study_uid(4))
    assert Counter(instance.exclusion for instance in detail.instances) == {"": 3, "own_result": 4}
    assert (detail.entry.revision, detail.entry.state) == (1, StudyState.DELIVERED)
    assert len(orthanc.instances_of(study_uid(4))) == 4


def test_forty_studies_at_once_are_each_delivered_once(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    numbers = range(100, 140)
    sent = service.storescu([file for number in numbers for file in wrist_study(tmp_path, number, views=2)])
    assert sent.returncode == 0, sent.stderr
    service.wait_until_done(*map(study_uid, numbers), seconds=240)
    for number in numbers:
        detail = service.study(study_uid(number))
        assert (detail.entry.state, detail.entry.revision) == (StudyState.DELIVERED, 1)
        held = {tags["SOPInstanceUID"] for tags in orthanc.instances_of(study_uid(number))}
        assert held == {result.sop_instance_uid for result in detail.results}
        assert len(held) == 3
