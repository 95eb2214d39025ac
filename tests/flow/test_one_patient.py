"""Results are of one patient, whose name archives can read."""

from pathlib import Path

import pytest

from daemon.study.lifecycle import StudyState
from sr_templates.reason import Withheld
from tests.flow.orthanc import Orthanc
from tests.flow.radiographs import study_uid, wrist_study, wrist_view
from tests.flow.service import Service, ulna

pytestmark = pytest.mark.flow

NAMES = {
    20: ("\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    21: ("\\ISO 2022 IR 149", "Hong^Gildong=洪^吉洞=홍^길동"),
    22: ("\\ISO 2022 IR 58", "Zhang^XiaoDong=张^小东"),
    23: ("GB18030", "Wang^XiaoDong=王^小东"),
    24: ("ISO_IR 144", "Люксембург"),
}


def test_names_in_results_are_read_by_an_archive(service: Service, orthanc: Orthanc, tmp_path: Path) -> None:
    files = [
        wrist_view(tmp_path, study, 1, SpecificCharacterSet=terms.split("\\"), PatientName=name)
        for study, (terms, name) in NAMES.items()
    ]
    assert service.storescu(files).returncode == 0
    service.wait_until_done(*map(study_uid, NAMES))
    for study, (_, name) in NAMES.items():
        results = orthanc.instances_of(study_uid(study))
        assert [result["PatientName"] for result in results] == [name, name]


def test_an_instance_without_a_patient_id_takes_that_of_its_study(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    nameless = {"PatientID": "", "PatientName": ""}
    files = [wrist_view(tmp_path, 25, 1, **nameless), wrist_view(tmp_path, 25, 2)]
    assert service.storescu(files).returncode == 0
    service.wait_until_done(study_uid(25))
    results = orthanc.instances_of(study_uid(25))
    assert sorted(result["Modality"] for result in results) == ["OT", "OT", "SR"]
    assert {(result["PatientID"], result["PatientName"]) for result in results} == {
        ("TEST-25", "Testcase^Wrist")
    }


def test_one_id_of_two_issuers_is_two_patients(service: Service, orthanc: Orthanc, tmp_path: Path) -> None:
    files = [
        wrist_view(tmp_path, 26, 1, IssuerOfPatientID="NORTH"),
        wrist_view(tmp_path, 26, 2, IssuerOfPatientID="SOUTH"),
        *wrist_study(tmp_path, 27, views=1),
    ]
    assert service.storescu(files).returncode == 0
    service.wait_until_done(study_uid(26), study_uid(27))
    entry = service.study(study_uid(26)).entry
    assert (entry.state, entry.reason) == (StudyState.FAILED, "patient_mismatch")
    assert orthanc.instances_of(study_uid(26)) == []


def test_study_of_two_patients_is_reported_once_it_is_corrected(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    right = wrist_view(tmp_path, 28, 1)
    wrong = wrist_view(tmp_path / "wrong", 28, 2, PatientID="TEST-99", PatientName="Testcase^Elbow")
    assert service.storescu([right, wrong]).returncode == 0
    service.wait_until_done(study_uid(28))
    assert service.study(study_uid(28)).entry.state is StudyState.FAILED
    assert service.storescu([wrist_view(tmp_path, 28, 2)]).returncode == 0
    service.wait_until_done(study_uid(28))
    detail = service.study(study_uid(28))
    assert detail.entry.state is StudyState.DELIVERED
    assert [one.exclusion for one in detail.instances] == ["", Withheld.REPLACED, ""]
    assert sorted(result["PatientID"] for result in orthanc.instances_of(study_uid(28))) == ["TEST-28"] * 3


def test_study_that_is_corrected_after_its_delivery_waits_for_a_person(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    assert service.storescu([wrist_view(tmp_path, 29, 1)]).returncode == 0
    service.wait_until_done(study_uid(29))
    corrected = wrist_view(tmp_path / "corrected", 29, 1, PatientID="TEST-99", PatientName="Testcase^Elbow")
    assert service.storescu([corrected]).returncode == 0
    assert service.study(study_uid(29)).entry.state is StudyState.FAILED
    config = "--config", str(service.config_path)
    refused = ulna("requeue", *config, study_uid(29))
    assert refused.returncode == 1
    assert "--confirm-patient" in refused.stderr
    assert ulna("requeue", *config, study_uid(29), "--confirm-patient").returncode == 0
    service.wait_until_done(study_uid(29))
    results = orthanc.instances_of(study_uid(29))
    assert sorted(result["PatientID"] for result in results) == ["TEST-29"] * 2 + ["TEST-99"] * 2
    assert not any("PredecessorDocumentsSequence" in result for result in results)
