"""`.ci/bootstrap` makes .venv behind a proxy that inspects TLS, and says what it is at.

The index has stand-ins: a uv that calls the real one, and a package that is all that the lock names and also
builds the checkout.
"""

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path

import pytest

from tests.ci.package_index import Authority, make_authority, serving, sha256_of, write_index, write_wheel

pytestmark = pytest.mark.slow

CI = Path(__file__).parents[2] / ".ci"
UV = Path(sys.executable).parent / "uv"

_BUILDER = """\
import shutil

def build_editable(folder, config_settings=None, metadata_directory=None):
    return shutil.copy("ulna-1.0-py3-none-any.whl", folder).rpartition("/")[2]
"""
_PROJECT = """\
[build-system]
requires = []
build-backend = "builder"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh checkout of something small that is made as ulna is."""
    folder = tmp_path / "checkout"
    shutil.copytree(CI, folder / ".ci")
    uv = write_wheel(tmp_path, "uv", "1.0", {"uv-1.0.data/scripts/uv": f'#!/bin/sh\nexec {UV} "$@"\n'})
    builder = write_wheel(tmp_path, "builder", "1.0", {"builder.py": _BUILDER})
    write_wheel(folder, "ulna", "1.0", {})
    (folder / "pyproject.toml").write_text(_PROJECT)
    (folder / "requirements-uv.lock").write_text(f"uv==1.0 --hash=sha256:{sha256_of(uv)}\n")
    (folder / "requirements.lock").write_text(f"builder==1.0 --hash=sha256:{sha256_of(builder)}\n")
    write_index(tmp_path / "simple", uv, builder)
    return folder


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path / "authority")


@pytest.fixture
def environment(tmp_path: Path, checkout: Path, authority: Authority) -> Iterator[Mapping[str, str]]:
    """The environment of a user whose index has a certificate of that authority."""
    with serving(tmp_path / "simple", authority) as port:
        yield {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "PYTHON": os.path.realpath(sys.executable),
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": f"https://localhost:{port}",
            "UV_HTTP_RETRIES": "0",
        }


def test_a_fresh_checkout_is_made_and_the_size_is_said_before(checkout, environment, authority):
    said = subprocess.run(
        [checkout / ".ci" / "bootstrap", "runtime"],
        env=environment | {"SSL_CERT_FILE": str(authority.certificate)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout
    assert (checkout / ".venv" / ".runtime").exists()
    first, *_, last = said.stdout.splitlines()
    assert "fetching into .venv what requirements.lock names" in first
    assert "3 GB to download" in said.stdout
    assert last == "ulna: .venv holds what requirements.lock names"
    assert "builder==1.0" not in said.stdout


def test_what_is_installed_is_compiled_whatever_python_may_write_later(checkout, environment, authority):
    (checkout / "old.py").write_text("print 'of another Python'")
    settings = {"SSL_CERT_FILE": str(authority.certificate), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [checkout / ".ci" / "bootstrap", "runtime"]
    subprocess.run(command, env=environment | settings, stdin=subprocess.DEVNULL, check=True)
    assert list((checkout / ".venv").rglob("builder.*.pyc")) != []


def test_a_terminal_shows_uvs_own_progress(checkout, environment, authority):
    terminal, its_end = pty.openpty()
    with FileIO(terminal) as screen:
        process = subprocess.Popen(
            [checkout / ".ci" / "bootstrap", "runtime"],
            env=environment | {"PIP_CERT": str(authority.certificate), "TERM": "xterm", "NO_COLOR": "1"},
            stdin=its_end,
            stdout=its_end,
            stderr=its_end,
        )
        os.close(its_end)
        said = _all_of(screen)
    assert process.wait() == 0, said
    assert "Resolving dependencies" in said
    assert "+ builder==1.0" in said


def _all_of(screen: FileIO) -> str:
    """Read a terminal until nobody writes to it any more, which Linux tells by EIO."""
    said = b""
    with suppress(OSError):
        while part := screen.read(4096):
            said += part
    return said.decode(errors="replace")
