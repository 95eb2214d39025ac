"""The command line as a whole."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.cli import COMMANDS, main

_HELP_OF_ALL = """
import contextlib, io, sys
from daemon.cli import COMMANDS, main
for name in COMMANDS:
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        main([name, "--help"])
    assert f"usage: ulna {name}" in shown.getvalue(), shown.getvalue()
print(sorted({"torch", "highdicom"} & sys.modules.keys()))
"""

_LOADED_BY = """
import contextlib, io, sys
from daemon.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(sys.argv[2:])
print(sorted(set(sys.argv[1].split(",")) & sys.modules.keys()))
"""


def loaded(packages: str, *words: object) -> str:
    """Say which of the packages a command loads in a process of its own."""
    command = [sys.executable, "-c", _LOADED_BY, packages, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("words", ["--help", "--version"])
def test_help_and_version_wait_for_no_package(words: str):
    assert loaded("sqlalchemy,pydicom,numpy,pydantic,rich,torch", words) == "[]"


def test_check_waits_for_torch_only_where_a_gpu_is_asked_for(tmp_path: Path):
    config = tmp_path / "config.toml"
    for device, needed in (("auto", "[]"), ("cuda", "['torch']")):
        config.write_text(f'[storage]\ndata_dir = "{tmp_path}/data"\n[analysis]\ndevice = "{device}"\n')
        assert loaded("torch", "check", "--config", config) == needed


def test_the_help_of_every_command_waits_neither_for_torch_nor_for_highdicom():
    shown = subprocess.run([sys.executable, "-c", _HELP_OF_ALL], capture_output=True, text=True, check=False)
    assert (shown.stdout, shown.stderr) == ("[]\n", "")


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(re.search(rf"\n    {name}\s", shown) for name in COMMANDS)
    assert "not for diagnostic use" in shown


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["diagnose"],
        ["serve", "--only", "kitchen"],
        ["send", "--to", "nowhere", "x"],
        ["send", "--to", "PACS@localhost:104", "--calling", "THIS TITLE IS FAR TOO LONG", "x"],
        ["send", "--to", "PACS@localhost:104", "--calling", "", "x"],
        ["bundle"],
    ],
)
def test_wrong_use_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: ulna" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "check", "worklist"])
def test_a_configuration_with_mistakes_is_told_whole_and_exits_with_2(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    config = tmp_path / "config.toml"
    config.write_text('[receiver]\nport = "x"\n[analysis]\ndevice = "abacus"\n[kitchen]\n')
    assert main([command, "--config", str(config)]) == 2
    shown = capsys.readouterr().err
    assert all(key in shown for key in ("receiver.port", "analysis.device", "kitchen"))


def test_a_path_that_does_not_exist_is_told_before_anything_is_loaded(capsys: pytest.CaptureFixture[str]):
    assert main(["analyze", "/nowhere/at/all"]) == 1
    assert "/nowhere/at/all does not exist" in capsys.readouterr().err
