"""The service as an operator sees it."""

from pathlib import Path

import pytest

from daemon.store.tables import deliveries, instances, studies
from models.bundle.shipped import DEFAULT_BUNDLE, bundle_folder
from tests.flow.radiographs import study_uid, wrist_study
from tests.flow.service import Service, resident_bytes, running_service, ulna
from tests.processes import children_of

pytestmark = pytest.mark.flow


def test_the_shipped_bundle_on_cpu_stays_within_its_memory(tmp_path: Path) -> None:
    with running_service(tmp_path / "ulna", bundle_folder(DEFAULT_BUNDLE), destinations=[]) as service:
        files = [file for number in range(1, 5) for file in wrist_study(tmp_path / "send", number)]
        assert service.storescu(files).returncode == 0
        service.wait_until_done(*map(study_uid, range(1, 5)))
        resident = {name: resident_bytes(pid) for pid, name in service.stages()}
        resident["supervisor"] = resident_bytes(service.process.pid)
        decoders = [child for pid, _name in service.stages() for child in children_of(pid)]
        resident["decoders"] = sum(map(resident_bytes, decoders))
        assert len(decoders) == 2, "the analyzer's and the reporter's"
        assert resident["receiver"] < 150_000_000, resident
        assert sum(resident.values()) < 2_500_000_000, resident


def test_sigterm_ends_it_cleanly_and_leaves_no_claim(service: Service, tmp_path: Path) -> None:
    before = len(service.log.read_text())
    files = [file for number in range(40, 48) for file in wrist_study(tmp_path / "send", number)]
    assert service.storescu(files).returncode == 0
    assert service.stop() == 0
    assert "killed" not in service.log.read_text()[before:]
    assert _claims(service) == []
    service.start()
    service.wait_until_done(*map(study_uid, range(40, 48)))


def test_commands_tell_what_the_daemon_knows(service: Service, tmp_path: Path) -> None:
    assert service.storescu(wrist_study(tmp_path, 30)).returncode == 0
    service.wait_until_done(study_uid(30))
    config = ("--config", str(service.config_path))
    listed = ulna("worklist", *config)
    assert listed.returncode == 0, listed.stderr
    assert study_uid(30) in listed.stdout
    unknown = ulna("requeue", *config, "1.2.3")
    assert (unknown.returncode, "no study 1.2.3" in unknown.stderr) == (1, True)


def test_an_untrained_bundle_is_refused_unless_it_is_allowed(small_bundle: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[storage]\ndata_dir = "{tmp_path}"\n[analysis]\nbundle = "{small_bundle}"\n')
    refused = ulna("serve", "--config", str(config))
    assert refused.returncode == 2
    assert "allow_untrained" in refused.stderr


def _claims(service: Service) -> list[str]:
    with service.store.read() as connection:
        return [
            row.lease_owner
            for table in (instances, studies, deliveries)
            for row in connection.execute(table.select().where(table.c.lease_owner.is_not(None)))
        ]
