"""Results are of one patient, whose name archives can read."""

from pathlib import Path

import pytest

from daemon.study.lifecycle import StudyState
from tests.flow.orthanc import Orthanc
from tests.flow.radiographs import study_uid, wrist_study, wrist_view
from tests.flow.service import Service

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
