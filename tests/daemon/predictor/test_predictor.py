"""Files in, findings out, by a real process that holds a real bundle."""

import io
import os
import signal
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.config.sections import Study
from daemon.pipeline.files import analyze_file
from daemon.pipeline.gathering import studies_of
from daemon.predictor import predictor as module
from daemon.predictor.errors import PredictionFailed, PredictorBusy, SeveralStudies
from daemon.predictor.kept import UploadedStudy
from daemon.predictor.messages import WorkerSetting
from daemon.predictor.predictor import Predictor
from daemon.study_json import file_study_values
from dicom_io.decoding.decoder import Decoder
from models.bundle.loading import load_bundle
from models.bundle.manifest import read_identity
from models.ensemble import open_ensemble
from sr_templates.reason import clause
from tests.factories import encode, make_instance, ramp


def setting_of(bundle: Path) -> WorkerSetting:
    return WorkerSetting(bundle=bundle, operating_point="sensitive", device="cpu", study=Study())


@pytest.fixture(scope="module")
def predictor(bundle: Path) -> Iterator[Predictor]:
    with closing(Predictor(setting_of(bundle), read_identity(bundle))) as opened:
        yield opened


def drop(predictor: Predictor, *files: bytes) -> UploadedStudy:
    token = None
    for file in files:
        with predictor.uploads.receiving(token) as incoming:
            incoming.append(file)
            token = incoming.keep().token
    assert token is not None
    return predictor.uploads.find(token)


def picture(form: str = "PNG", mode: str = "L", size: tuple[int, int] = (200, 256)) -> bytes:
    gray = ramp(*size, 8).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(gray).convert(mode).save(buffer, form)
    return buffer.getvalue()


def reasons(predictor: Predictor, *files: bytes) -> list[str]:
    return [clause(file.reason) for file in predictor.predict(drop(predictor, *files)).files]


def test_the_numbers_are_those_of_ulna_analyze(predictor: Predictor, bundle: Path, tmp_path: Path) -> None:
    contents = [
        encode(make_instance(instance=1)),
        encode(make_instance(instance=2, photometric="MONOCHROME1")),
    ]
    paths = [tmp_path / name for name in ("1", "2")]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    with Decoder() as decoder:
        ensemble = open_ensemble(load_bundle(bundle), "cpu")
        files = [analyze_file(path, decoder, ensemble, operating_point="sensitive") for path in paths]
        (expected,) = studies_of(files, ensemble.identity, operating_point="sensitive")
    values = file_study_values(expected)
    for instance, name in zip(values["instances"], "12", strict=True):
        instance["path"] = name
    found = predictor.predict(drop(predictor, *contents)).judged()
    assert file_study_values(found) == values
    assert values["view_count"] == 2


def test_pictures_are_one_study(predictor: Predictor) -> None:
    files = picture(), picture("JPEG", "RGB")
    study = predictor.predict(drop(predictor, *files)).judged()
    assert study.finding is not None
    assert len(study.finding.views) == 2
    assert study.is_picture


@pytest.mark.parametrize(
    "content",
    [
        picture(mode="RGBA"),
        picture(mode="I;16"),
        picture("JPEG", "CMYK"),
        picture(mode="P"),
        picture(mode="1"),
    ],
    ids=["RGBA", "16 bits", "CMYK", "palette", "1 bit"],
)
def test_pictures_of_every_kind_are_read(predictor: Predictor, content: bytes) -> None:
    assert reasons(predictor, content) == [""]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(rows: int, columns: int, data: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content",
    [
        png_of(100_000, 100_000, bytes(1000)),
        png_of(200, 200, bytes(50_000_000)[:1000]),
        picture()[:300],
        b"\xff\xd8\xff" + os.urandom(3000),
        b"\x89PNG\r\n\x1a\n",
        encode(make_instance())[:400],
        encode(make_instance(rows=8, columns=8)),
        bytes(128) + b"DICM" + b"<script>alert(1)</script>" * 40,
        picture()[:60].ljust(128, b"\0") + b"DICM" + picture(),
    ],
    ids=["huge", "short", "truncated", "noise", "empty", "cut header", "small", "markup", "polyglot"],
)
def test_bad_files_are_set_aside_with_a_reason(predictor: Predictor, content: bytes) -> None:
    (reason,) = reasons(predictor, content)
    assert reason
    assert [word for word in ("<script", "/proc/", "Testcase") if word in reason] == []


def test_a_bomb_of_a_picture_costs_no_memory_here(predictor: Predictor) -> None:
    before = _peak_bytes()
    (reason,) = reasons(predictor, png_of(9_000, 9_000, bytes(9_001 * 9_000)))
    assert _peak_bytes() - before < 300_000_000
    assert reason == "" or "picture" in reason


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def test_a_bad_file_harms_no_other(predictor: Predictor) -> None:
    good = encode(make_instance())
    found = reasons(predictor, good[:400], good)
    assert found[0]
    assert found[1] == ""


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([encode(make_instance(study=1)), encode(make_instance(study=2))], "2 studies"),
        ([encode(make_instance()), picture()], "apart"),
    ],
)
def test_files_of_several_studies_are_refused(predictor: Predictor, files: list[bytes], words: str) -> None:
    with pytest.raises(SeveralStudies, match=words):
        predictor.predict(drop(predictor, *files))


def test_two_patients_in_one_study_have_no_finding(predictor: Predictor) -> None:
    files = [encode(make_instance(instance=n, PatientID=f"P{n}", PatientName=f"N{n}^X")) for n in (1, 2)]
    assert predictor.predict(drop(predictor, *files)).judged().judged is None


def test_a_study_is_analyzed_once(predictor: Predictor) -> None:
    study = drop(predictor, picture())
    assert predictor.predict(study) is predictor.predict(study)


def test_a_worker_that_is_killed_harms_one_prediction(predictor: Predictor) -> None:
    study = drop(predictor, picture())
    predictor.predict(drop(predictor, picture()))
    worker = predictor._running()
    os.kill(worker.process_id, signal.SIGSTOP)
    killer = threading.Timer(0.3, os.kill, (worker.process_id, signal.SIGKILL))
    killer.start()
    with pytest.raises(PredictionFailed, match="ended without an answer"):
        predictor.predict(study)
    killer.join()
    assert predictor.predict(study).judged().finding is not None


def test_the_worker_gives_way_to_everything_else(predictor: Predictor) -> None:
    predictor.predict(drop(predictor, picture()))
    assert os.getpriority(os.PRIO_PROCESS, predictor._running().process_id) == 19


def test_live_views_go_first(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.2)
    with closing(Predictor(setting_of(bundle), read_identity(bundle), lambda: True)) as waiting:
        with pytest.raises(PredictorBusy, match="live views"):
            waiting.predict(drop(waiting, picture()))
        assert waiting._worker is None


def test_an_idle_worker_ends(bundle: Path) -> None:
    seconds = [0.0]
    with closing(Predictor(setting_of(bundle), read_identity(bundle), clock=lambda: seconds[0])) as idle:
        idle.start()
        worker = idle._running()
        seconds[0] = 599
        idle.forget_old()
        assert worker.is_usable
        seconds[0] = 1200
        idle.forget_old()
        assert idle._worker is None
        assert not Path(f"/proc/{worker.process_id}").exists()


def test_a_bundle_that_cannot_be_loaded_is_told(bundle: Path, tmp_path: Path) -> None:
    with closing(Predictor(setting_of(tmp_path / "none"), read_identity(bundle))) as broken:
        with pytest.raises(PredictionFailed, match=r"manifest\.toml"):
            broken.predict(drop(broken, picture()))
        assert "manifest.toml" in broken.loading.problem
