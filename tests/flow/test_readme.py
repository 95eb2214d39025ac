"""What README.md tells an owner of an Orthanc to write works, word for word."""

import json
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.demo.studies import DemoStudy, demo_studies
from daemon.study.lifecycle import StudyState
from dicom_io.selection.regions import Region
from tests.documents import blocks, written_by_the_readme
from tests.flow.orthanc import AE_TITLE, Orthanc, running_orthanc
from tests.flow.ports import free_port
from tests.flow.service import Service, configured_service, ulna

pytestmark = [pytest.mark.flow, pytest.mark.slow]

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"


def test_an_orthanc_as_in_the_readme_gets_the_results_once(tmp_path: Path) -> None:
    ulna_port, orthanc_port = free_port(), free_port()
    config = _config(tmp_path / "ulna", ulna_port, orthanc_port)
    forwarding = _orthanc_configuration(tmp_path, ulna_port)
    study = _complete_study(tmp_path / "studies")
    with running_orthanc(tmp_path / "orthanc", dicom_port=orthanc_port, extra=forwarding) as orthanc:
        checked = ulna("check", "--config", str(config))
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert not (config.parent / "data").exists()
        (config.parent / "data").mkdir(mode=0o700)  # this test looks into the store before the daemon does
        with configured_service(config) as service:
            _store(study.paths, orthanc)
            results = study.views + 1
            uid = study.study_instance_uid
            service.wait_for(
                lambda: len(orthanc.instances_of(uid)) >= study.views + results, "back", every=0.2
            )
            service.wait_for(
                lambda: _exclusions(service, uid)["own_result"] >= results, "sent back", every=0.2
            )

            assert _exclusions(service, uid) == {"": study.views, "own_result": results}
            entry = service.study(uid).entry
            assert (entry.revision, entry.state) == (1, StudyState.DELIVERED)
            held = Counter(tags["SOPClassUID"] for tags in orthanc.instances_of(uid))
            assert (held[SECONDARY_CAPTURE], held[COMPREHENSIVE_3D_SR]) == (study.views, 1)


def _config(folder: Path, port: int, orthanc_port: int) -> Path:
    """Write my.toml as the README does, then with other ports and another data_dir; return its path."""
    folder.mkdir(parents=True)
    path = written_by_the_readme(folder)
    text = path.read_text()
    for said, meant in (
        ('data_dir = "data"', f'data_dir = "{folder}/data"'),
        ("[receiver]", f"[receiver]\nport = {port}"),
        ("port = 4242", f"port = {orthanc_port}"),
    ):
        assert text.count(said) == 1
        text = text.replace(said, meant)
    path.write_text(f"{text}[web]\nport = {free_port()}\n")
    return path


def _orthanc_configuration(folder: Path, port: int) -> dict[str, Any]:
    """Give the README's addition to Orthanc's configuration, with another port and path of the script."""
    script = folder / "ulna.lua"
    script.write_text(_block("lua"))
    added: dict[str, Any] = json.loads(f"{{{_block('json')}}}")
    assert added["DicomModalities"]["ulna"] == ["ULNA", "127.0.0.1", 11112]
    added["DicomModalities"]["ulna"][2] = port
    return added | {"LuaScripts": [str(script)], "StableAge": 1}


def _block(language: str) -> str:
    """Give the README's only block of code in a language."""
    ((_, block),) = blocks(language)
    return block


def _complete_study(folder: Path) -> DemoStudy:
    """Write the demo's forearm: with all its expected views it closes at once, not after quiet_seconds."""
    studies = demo_studies(folder, now=datetime.now(UTC))
    return next(study for study in studies if study.region is Region.FOREARM)


def _store(files: tuple[Path, ...], orthanc: Orthanc) -> None:
    command = ["storescu", "-aec", AE_TITLE, "127.0.0.1", str(orthanc.dicom_port)]
    subprocess.run([*command, *map(str, files)], check=True, capture_output=True, timeout=60)


def _exclusions(service: Service, study_instance_uid: str) -> Counter[str]:
    return Counter(instance.exclusion for instance in service.study(study_instance_uid).instances)
