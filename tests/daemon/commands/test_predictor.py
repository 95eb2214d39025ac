"""``ulna predictor``: one command, and a page on which a radiograph is judged."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from daemon.cli import main
from tests.factories import encode, make_instance


@pytest.fixture
def program(bundle: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    words = ["predictor", "--port", "0", "--allow-untrained", "--device", "cpu", "--bundle", str(bundle)]
    with subprocess.Popen(
        [sys.executable, "-m", "daemon", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONUNBUFFERED": "1", "TMPDIR": str(tmp_path)},
    ) as running:
        yield running
        running.kill()


def address_of(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    found = re.match(r"predictor: (http://127\.0\.0\.1:\d+)/predictor ", program.stdout.readline())
    assert found is not None
    return found[1]


def test_one_command_judges_a_radiograph_and_leaves_nothing(
    program: subprocess.Popen[str], tmp_path: Path
) -> None:
    address = address_of(program)
    with httpx.Client(base_url=address, headers={"Origin": address}, timeout=60) as client:
        assert client.get("/", follow_redirects=True).url.path == "/predictor"
        token = client.post("/predictor/uploads", content=encode(make_instance())).json()["token"]
        result = client.post(f"/predictor/{token}/prediction").json()["address"]
        assert "UNTRAINED" in client.get(result).text
    program.send_signal(signal.SIGINT)
    said, _ = program.communicate(timeout=20)
    assert program.returncode == 0
    assert "the models are ready" in said
    assert "Testcase" not in said
    assert [path for path in tmp_path.iterdir() if path.name != "bundles"] == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--host", "0.0.0.0"], "no login"),
        (["--port", "70000"], "no TCP port"),
        (["--port", "http"], "no TCP port"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["predictor", *words])
    assert reason in capsys.readouterr().err


def test_random_weights_are_refused_unless_they_are_asked_for(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predictor", "--bundle", str(bundle)]) == 2
    assert "random weights" in capsys.readouterr().err
