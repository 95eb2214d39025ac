"""Destinations that are down, slow, or refuse."""

from pathlib import Path

import pytest

from daemon.study.lifecycle import DeliveryState, StudyState
from tests.flow.orthanc import AE_TITLE, Orthanc, running_orthanc
from tests.flow.ports import free_port
from tests.flow.radiographs import study_uid, wrist_study
from tests.flow.service import Service, running_service, ulna

pytestmark = pytest.mark.flow


def _states(service: Service, study: int, destination: str) -> set[str]:
    return {
        delivery.state
        for result in service.study(study_uid(study)).results
        for delivery in result.deliveries
        if delivery.destination == destination
    }


def test_a_destination_that_is_down_delays_no_other_and_gets_its_results_when_it_is_up(
    small_bundle: Path, orthanc: Orthanc, tmp_path: Path
) -> None:
    late_port = free_port()
    destinations = [("late", AE_TITLE, late_port), ("orthanc", AE_TITLE, orthanc.dicom_port)]
    with running_service(tmp_path / "ulna", small_bundle, destinations=destinations) as service:
        assert service.storescu(wrist_study(tmp_path, 51)).returncode == 0
        service.wait_for(
            lambda: service.study(study_uid(51)).entry.state is StudyState.DELIVERING, "being delivered"
        )
        service.wait_for(lambda: _states(service, 51, "orthanc") == {DeliveryState.SENT}, "sent to the other")
        service.wait_for(lambda: _states(service, 51, "late") == {DeliveryState.WAITING}, "waiting")
        with running_orthanc(tmp_path / "late", dicom_port=late_port) as late:
            service.wait_until_done(study_uid(51))
            assert len(late.instances_of(study_uid(51))) == 4
        assert service.study(study_uid(51)).entry.state is StudyState.DELIVERED


def test_a_destination_that_refuses_makes_a_dead_letter_that_a_person_revives(
    small_bundle: Path, orthanc: Orthanc, tmp_path: Path
) -> None:
    # Orthanc checks by what title it is called, so another one is rejected for good.
    destinations = [("orthanc", "WRONG", orthanc.dicom_port)]
    with running_service(tmp_path / "ulna", small_bundle, destinations=destinations) as service:
        assert service.storescu(wrist_study(tmp_path, 52)).returncode == 0
        service.wait_until_done(study_uid(52))
        entry = service.study(study_uid(52)).entry
        assert entry.state is StudyState.FAILED
        assert "called AE title not recognized" in entry.reason
        assert _states(service, 52, "orthanc") == {DeliveryState.DEAD}

        service.stop()
        text = service.config_path.read_text().replace("WRONG", AE_TITLE)
        service.config_path.write_text(text)
        service.start()
        requeued = ulna("requeue", "--config", str(service.config_path), study_uid(52))
        assert requeued.returncode == 0, requeued.stderr
        service.wait_for(
            lambda: service.study(study_uid(52)).entry.state is StudyState.DELIVERED, "delivered"
        )
        assert len(orthanc.instances_of(study_uid(52))) == 4
