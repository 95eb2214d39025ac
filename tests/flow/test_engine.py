"""The daemon computes with OpenVINO, and with torch where it cannot, and says so."""

from pathlib import Path

import pytest

from daemon.store.stages import stage_records
from tests.flow.radiographs import study_uid, wrist_study
from tests.flow.service import Service, running_service

pytestmark = pytest.mark.flow


def engines_of(service: Service, study: int) -> set[str]:
    return {instance.engine for instance in service.study(study_uid(study)).instances}


def maps_torch(service: Service) -> bool:
    (pid,) = [pid for pid, stage in service.stages() if stage == "analyzer"]
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def notices(service: Service) -> set[str]:
    return {record.notice for record in stage_records(service.store) if record.notice}


def test_openvino_computes_in_a_daemon_that_never_loads_torch(small_bundle: Path, tmp_path: Path) -> None:
    with running_service(tmp_path / "ulna", small_bundle, destinations=[], engine="auto") as service:
        assert service.storescu(wrist_study(tmp_path, 1)).returncode == 0
        service.wait_until_done(study_uid(1))

        assert engines_of(service, 1) == {"openvino float32"}
        assert not maps_torch(service)
        assert notices(service) == set()

        # An export that cannot be read and cannot be made anew: the analyzer starts all the same.
        exports = service.config.storage.exports
        assert exports.stat().st_mode & 0o777 == 0o700
        service.stop()
        for file in exports.iterdir():
            file.unlink()
        exports.rmdir()
        exports.write_text("no folder")
        service.start()
        assert service.storescu(wrist_study(tmp_path, 2)).returncode == 0
        service.wait_until_done(study_uid(2))

        assert engines_of(service, 2) == {"torch float32"}
        (notice,) = notices(service)
        assert notice.startswith("torch computes in place of OpenVINO")
        assert notice in service.log.read_text()
