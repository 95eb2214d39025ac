"""Whatever is killed, at whatever step: nothing is lost and nothing is doubled."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, Table, func, select

from daemon.store.tables import deliveries, instances, studies
from daemon.study.lifecycle import DeliveryState, InstanceState, StudyState
from tests.flow.orthanc import Orthanc
from tests.flow.radiographs import study_uid, wrist_study
from tests.flow.service import Service
from tests.processes import is_alive

pytestmark = [pytest.mark.flow, pytest.mark.slow]

_numbers: Iterator[int] = iter(range(500, 1000))


def _exists(service: Service, table: Table, *conditions: ColumnElement[bool]) -> bool:
    with service.store.read() as connection:
        count = connection.scalar(select(func.count()).select_from(table).where(*conditions))
    return bool(count)


STEPS: dict[str, tuple[str, Callable[[Service], bool]]] = {
    "an instance is recorded": (
        "receiver",
        lambda service: _exists(service, instances, instances.c.state == InstanceState.RECEIVED),
    ),
    "views are claimed": (
        "analyzer",
        lambda service: _exists(service, instances, instances.c.lease_owner.is_not(None)),
    ),
    "a report is being built": (
        "reporter",
        lambda service: _exists(service, studies, studies.c.state == StudyState.REPORTING),
    ),
    "results are being sent": (
        "sender",
        lambda service: _exists(
            service,
            deliveries,
            deliveries.c.lease_owner.is_not(None),
            deliveries.c.state == DeliveryState.PENDING,
        ),
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_stage_killed_at_its_step_loses_and_doubles_nothing(
    service: Service, orthanc: Orthanc, tmp_path: Path, step: str
) -> None:
    stage, has_come = STEPS[step]
    number = next(_numbers)
    files = wrist_study(tmp_path, number)
    sent = service.start_storescu(files)
    service.wait_for(lambda: has_come(service), step)
    service.kill_stage(stage)
    _send_until_acknowledged(service, sent, files)
    _expect_delivered_once(service, orthanc, number)


@pytest.mark.parametrize("step", STEPS)
def test_a_power_cut_loses_and_doubles_nothing(
    service: Service, orthanc: Orthanc, tmp_path: Path, step: str
) -> None:
    _stage, has_come = STEPS[step]
    number = next(_numbers)
    files = wrist_study(tmp_path, number)
    sent = service.start_storescu(files)
    service.wait_for(lambda: has_come(service), step)
    service.kill_everything()
    service.start()
    _send_until_acknowledged(service, sent, files)
    _expect_delivered_once(service, orthanc, number)


def test_a_service_started_at_once_takes_over_from_the_stages_of_a_killed_supervisor(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    number = next(_numbers)
    files = wrist_study(tmp_path, number)
    sent = service.start_storescu(files)
    service.wait_for(lambda: STEPS["views are claimed"][1](service), "views are claimed")
    orphans = [pid for pid, _name in service.stages()]
    service.process.kill()
    service.process.wait()
    service.start()
    service.wait_for(lambda: not any(map(is_alive, orphans)), "the end of its stages", 10)
    _send_until_acknowledged(service, sent, files)
    _expect_delivered_once(service, orthanc, number)
    assert service.process.poll() is None


def _send_until_acknowledged(service: Service, sent: subprocess.Popen[str], files: list[Path]) -> None:
    """Do what a PACS does: what was not acknowledged is sent again."""
    sent.communicate(timeout=60)
    if sent.returncode != 0:
        service.wait_for(lambda: service.storescu(files).returncode == 0, "acknowledged")


def _expect_delivered_once(service: Service, orthanc: Orthanc, number: int) -> None:
    service.wait_until_done(study_uid(number))
    detail = service.study(study_uid(number))
    assert detail.entry.state is StudyState.DELIVERED
    assert [instance.state for instance in detail.instances] == [InstanceState.ANALYZED] * 3
    newest = [result for result in detail.results if result.revision == detail.entry.revision]
    assert len(newest) == 4
    held = [tags["SOPInstanceUID"] for tags in orthanc.instances_of(study_uid(number))]
    assert sorted(held) == sorted(result.sop_instance_uid for result in detail.results)
