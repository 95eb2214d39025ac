"""Bad input gets a reason that people see, and harms nothing else."""

import os
import shutil
import signal
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless

from daemon.store.worklist import recent_rejections
from daemon.study.lifecycle import InstanceState, StudyState
from dicom_io.defects import Defect
from sr_templates.reason import Reason
from tests.dicom_io.decoding.compressed import jpeg_2000, with_frame
from tests.factories import encode, make_instance, uid, write_instance
from tests.flow.orthanc import AE_TITLE, Orthanc
from tests.flow.radiographs import study_uid, wrist_study, wrist_view
from tests.flow.service import Service, running_service
from tests.processes import children_of

pytestmark = pytest.mark.flow

CHEST = {
    "BodyPartExamined": "CHEST",
    "StudyDescription": "XR chest",
    "SeriesDescription": "Chest PA",
    "AnatomicRegionSequence": None,
}


def test_a_study_without_a_view_to_analyze_ends_in_a_report_that_says_why(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    assert service.storescu(wrist_study(tmp_path, 10, views=2, **CHEST)).returncode == 0
    service.wait_until_done(study_uid(10))
    entry = service.study(study_uid(10)).entry
    assert entry.state is StudyState.NOT_ANALYZED
    assert "body part that ulna does not analyze" in entry.reason
    (report,) = orthanc.instances_of(study_uid(10))
    assert report["Modality"] == "SR"
    assert "not analyzed" in report["SeriesDescription"]


def test_two_patients_in_one_study_are_never_reported(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    files = [wrist_view(tmp_path, 11, 1), wrist_view(tmp_path, 11, 2, PatientID="SOMEBODY-ELSE")]
    assert service.storescu(files).returncode == 0
    service.wait_until_done(study_uid(11))
    entry = service.study(study_uid(11)).entry
    assert (entry.state, entry.reason) == (StudyState.FAILED, "patient_mismatch")
    assert orthanc.instances_of(study_uid(11)) == []
    page = httpx.get(f"http://127.0.0.1:{service.config.web.port}/studies/{study_uid(11)}")
    assert "patient" in page.text.lower()
    assert "SOMEBODY-ELSE" not in service.log.read_text()


def test_a_broken_view_makes_the_report_partial_and_harms_no_other_view(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    compressed = make_instance(study=12, instance=3, ViewPosition="RLO")
    compressed.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    broken = bytearray(encode(compressed))
    broken[-400:-16] = b"\xff" * 384
    path = tmp_path / "broken.dcm"
    path.write_bytes(broken)
    assert service.storescu(wrist_study(tmp_path, 12, views=2)).returncode == 0
    assert service.storescu([path], "-xr").returncode == 0
    service.wait_until_done(study_uid(12))
    detail = service.study(study_uid(12))
    assert [i.state for i in detail.instances] == [
        InstanceState.ANALYZED,
        InstanceState.ANALYZED,
        InstanceState.UNREADABLE,
    ]
    assert detail.instances[2].reason
    newest = [result for result in detail.results if result.revision == detail.entry.revision]
    reports = [tags for tags in orthanc.instances_of(study_uid(12)) if tags["Modality"] == "SR"]
    report = next(t for t in reports if t["SOPInstanceUID"] == newest[-1].sop_instance_uid)
    assert report["CompletionFlag"] == "PARTIAL"


def test_a_view_that_crashes_its_decoder_is_set_aside_and_harms_no_other(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    ((analyzer, _),) = [stage for stage in service.stages() if stage[1] == "analyzer"]
    files = [*wrist_study(tmp_path, 16, views=2), _slow_view(tmp_path, 16, 3)]
    assert service.storescu(files, "-xv", "-R").returncode == 0
    _end_decoding(service, analyzer, signal.SIGSEGV)
    service.wait_until_done(study_uid(16))
    detail = service.study(study_uid(16))
    assert [instance.state for instance in detail.instances] == [
        InstanceState.ANALYZED,
        InstanceState.ANALYZED,
        InstanceState.UNREADABLE,
    ]
    assert detail.instances[2].reason == Reason.because(Defect.DECODING_CRASHED, signal="SIGSEGV")
    assert len(orthanc.instances_of(study_uid(16))) == 3
    assert (analyzer, "analyzer") in service.stages()


def _slow_view(folder: Path, study: int, number: int) -> Path:
    """Write a view whose decoding takes seconds."""
    pixels = np.random.default_rng(study).integers(0, 65536, (3000, 3000)).astype(np.uint16)
    plain = make_instance(study=study, instance=number, pixels=pixels, bits_stored=16, ViewPosition="RLO")
    return write_instance(with_frame(plain, jpeg_2000(pixels, 16), JPEG2000Lossless), folder / "slow.dcm")


def _end_decoding(service: Service, analyzer: int, number: signal.Signals) -> None:
    """Send a signal to the process that decodes a view for seconds."""
    seen: set[int] = set()

    def is_slow() -> bool:
        (decoder,) = children_of(analyzer)
        running = set(children_of(decoder))
        lasting = seen & running
        seen.clear()
        seen.update(running)
        return bool(lasting)

    service.wait_for(is_slow, "decoding", every=0.3)
    for process_id in seen:
        os.kill(process_id, number)


def test_a_study_uid_that_is_none_is_refused_and_shown(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "bad-uid.dcm"
    head, tag, tail = encode(make_instance(study=13)).partition(b"\x20\x00\x0d\x00UI")
    length = len(uid(13)) + len(uid(13)) % 2
    path.write_bytes(head + tag + tail[:2] + b"no-uid".ljust(length) + tail[2 + length :])
    sent = service.storescu([path], "-v")
    assert "CannotUnderstand" in sent.stdout + sent.stderr
    (rejection, *_) = recent_rejections(service.store, limit=1)
    assert "is not a UID" in rejection.reason
    page = httpx.get(f"http://127.0.0.1:{service.config.web.port}/")
    assert "is not a UID" in page.text


def test_files_in_a_watched_folder_come_in_and_rubbish_goes_to_quarantine(
    small_bundle: Path, orthanc: Orthanc, tmp_path: Path
) -> None:
    drop = tmp_path / "drop"
    with running_service(
        tmp_path / "ulna",
        small_bundle,
        destinations=[("orthanc", AE_TITLE, orthanc.dicom_port)],
        extra=f'[watcher]\nfolders = ["{drop}"]\nsettle_seconds = 0.3\n',
    ) as service:
        for file in wrist_study(tmp_path / "send", 14):
            shutil.copy(file, drop)
        (drop / "Doe^Jane.txt").write_text("no radiograph")
        service.wait_for(lambda: not any(drop.iterdir()), "taken")
        service.wait_until_done(study_uid(14))
        assert len(orthanc.instances_of(study_uid(14))) == 4
        (reason,) = (service.config.storage.data_dir / "quarantine").glob("*.reason.txt")
        assert "preamble" in reason.read_text().lower() or "dicom" in reason.read_text().lower()
        assert "Doe" not in service.log.read_text()


def test_a_full_disk_is_answered_a700_and_the_service_resumes_by_itself(
    small_bundle: Path, tmp_path: Path
) -> None:
    free = shutil.disk_usage(tmp_path).free
    # Large, so that what other tests write and delete meanwhile does not decide.
    reserve = min(4_000_000_000, free // 2)
    keep_free = free - reserve // 2
    filler = tmp_path / "filler"
    with running_service(
        tmp_path / "ulna", small_bundle, destinations=[], min_free_bytes=keep_free
    ) as service:
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, reserve)
        refused = service.storescu(wrist_study(tmp_path / "send", 15, views=1), "-v", "-d")
        assert "a700" in (refused.stdout + refused.stderr).lower()
        filler.unlink()
        service.wait_for(
            lambda: service.storescu(wrist_study(tmp_path / "send", 15)).returncode == 0, "resumed"
        )
        service.wait_until_done(study_uid(15))
        assert service.study(study_uid(15)).entry.state is StudyState.DELIVERED


def test_a_study_of_nothing_but_results_of_ulna_gets_no_answer(
    service: Service, orthanc: Orthanc, tmp_path: Path
) -> None:
    own = wrist_view(tmp_path, 17, 1, Manufacturer="ulna", ManufacturerModelName="ulna")
    assert service.storescu([own]).returncode == 0
    service.wait_until_done(study_uid(17))
    detail = service.study(study_uid(17))
    assert (detail.entry.state, detail.results) == (StudyState.NOT_ANALYZED, ())
    assert "result of ulna itself" in detail.entry.reason
    assert orthanc.instances_of(study_uid(17)) == []
