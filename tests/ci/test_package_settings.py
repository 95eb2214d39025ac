"""uv fetches packages as pip is told to on this machine, and trusts whom this machine trusts."""

import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.package_index import Authority, make_authority, serving, write_index, write_wheel

SCRIPT = Path(__file__).parents[2] / ".ci" / "package_settings.py"
UV = Path(sys.executable).parent / "uv"
NOWHERE = "http://127.0.0.1:1/simple"  # nobody listens there


class Machine:
    """A user with pip's settings, an index behind a foreign authority, and uv."""

    def __init__(self, folder: Path, port: int, authority: Authority, wheel: Path) -> None:
        self.folder = folder
        self.index = f"https://localhost:{port}"
        self.certificate = authority.certificate
        self.wheel = wheel

    def settings(self, pip_conf: str = "", **variables: object) -> dict[str, str]:
        """Give what the script prints, for a pip.conf and the user's variables."""
        shell = subprocess.run(
            [sys.executable, SCRIPT],
            env=self.environment(pip_conf, variables),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        commands = [shlex.split(line) for line in shell.splitlines()]
        assert all(len(words) == 2 and words[0] == "export" for words in commands), shell
        return dict(words[1].split("=", 1) for words in commands)

    def install(self, pip_conf: str = "", **variables: object) -> str:
        """Let uv install the wheel with these settings; give what it said, empty when all went well."""
        settings = self.settings(pip_conf, **variables)
        return self.install_with(self.environment(pip_conf, variables) | settings)

    def install_with(self, environment: dict[str, str]) -> str:
        target = self.folder / "target"
        options = ["--quiet", "--no-cache", "--target", str(target), "--python", sys.executable]
        ended = subprocess.run(
            [UV, "pip", "install", *options, "tiny==1.0"],
            env=environment | {"UV_HTTP_RETRIES": "0"},
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert (ended.returncode == 0) == (target / "tiny.py").is_file()
        return ended.stderr if ended.returncode else ""

    def environment(self, pip_conf: str, variables: dict[str, object]) -> dict[str, str]:
        """Give an environment of nothing but these; without a pip.conf no file of pip's counts."""
        path = self.folder / "pip.conf"
        path.write_text(pip_conf)
        basis = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder)}
        told = {name: str(value) for name, value in variables.items()}
        return basis | {"PIP_CONFIG_FILE": str(path) if pip_conf else "/dev/null"} | told


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Authority, Path]]:
    folder = tmp_path_factory.mktemp("index")
    authority = make_authority(folder / "authority")
    wheel = write_wheel(folder / "wheels", "tiny", "1.0", {"tiny.py": ""})
    with serving(write_index(folder / "simple", wheel), authority) as port:
        yield port, authority, wheel


@pytest.fixture
def machine(tmp_path: Path, served: tuple[int, Authority, Path]) -> Machine:
    return Machine(tmp_path, *served)


def test_a_foreign_authority_is_not_trusted_unless_somebody_says_so(machine):
    assert "UnknownIssuer" in machine.install(PIP_INDEX_URL=machine.index)


def test_without_the_settings_uv_knows_nothing_of_pip(machine):
    environment = machine.environment(
        "", {"PIP_CERT": machine.certificate, "UV_DEFAULT_INDEX": machine.index}
    )
    assert "UnknownIssuer" in machine.install_with(environment)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_that_a_variable_names_are_trusted(machine, name):
    assert machine.install(PIP_INDEX_URL=machine.index, **{name: machine.certificate}) == ""


def test_certificates_that_pips_file_names_are_trusted(machine):
    assert machine.install(f"[global]\nindex-url = {machine.index}\ncert = {machine.certificate}\n") == ""


def test_a_trusted_host_needs_no_certificate(machine):
    assert machine.install(f"[install]\nindex-url = {machine.index}\ntrusted-host = localhost\n") == ""


def test_the_machines_own_certificates_are_trusted_when_nothing_else_is_said(machine):
    said = machine.settings()
    assert Path(said.pop("PIP_CERT")).exists()
    assert said == {"UV_SYSTEM_CERTS": "true"}


def test_a_machine_without_certificates_leaves_uv_its_own():
    trust = runpy.run_path(str(SCRIPT))["trust"]
    assert not any(trust({}, {}, "").values())


@pytest.mark.parametrize("name", ["UV_SYSTEM_CERTS", "UV_NATIVE_TLS"])
def test_a_user_who_wants_uvs_own_list_keeps_it(machine, name):
    assert "UV_SYSTEM_CERTS" not in machine.settings(**{name: "false"})


def test_what_pips_file_says_is_said_to_uv(machine, tmp_path):
    written = f"""\
[global]
index-url = https://index.invalid/simple
extra-index-url =
    https://more.invalid/simple
    {tmp_path.as_uri()}
find-links = {tmp_path} https://links.invalid/
trusted-host = index.invalid
    more.invalid:8443
proxy = http://proxy.invalid:3128
cert = {machine.certificate}
timeout = 62.5
[install]
index-url = https://install.invalid/simple
[download]
index-url = https://download.invalid/simple
"""
    assert machine.settings(written) == {
        "ALL_PROXY": "http://proxy.invalid:3128",
        "PIP_CERT": str(machine.certificate),
        "SSL_CERT_FILE": str(machine.certificate),
        "UV_DEFAULT_INDEX": "https://install.invalid/simple",
        "UV_FIND_LINKS": f"{tmp_path},https://links.invalid/",
        "UV_HTTP_TIMEOUT": "63",
        "UV_INDEX": f"https://more.invalid/simple {tmp_path.as_uri()}",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INSECURE_HOST": "index.invalid more.invalid:8443",
    }


def test_a_variable_of_pips_counts_more_than_its_file(machine):
    said = machine.settings(
        "[install]\nindex-url = https://file.invalid\n", PIP_INDEX_URL="https://name.invalid"
    )
    assert said["UV_DEFAULT_INDEX"] == "https://name.invalid"


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_what_the_user_said_to_uv_stays(machine, name):
    variables = {name: machine.index, "PIP_INDEX_URL": NOWHERE, "SSL_CERT_FILE": machine.certificate}
    assert "UV_DEFAULT_INDEX" not in machine.settings(**variables)
    assert machine.install(**variables) == ""


def test_quotes_and_blanks_come_through_the_shell(machine, tmp_path):
    folder = tmp_path / "it's"
    folder.mkdir()
    assert machine.settings(PIP_FIND_LINKS=folder)["UV_FIND_LINKS"] == str(folder)


def test_folders_that_are_not_there_stop_nothing(machine):
    gone = machine.folder / "gone"
    variables = {"PIP_FIND_LINKS": f"{gone} {gone.as_uri()}", "PIP_EXTRA_INDEX_URL": gone.as_uri()}
    trusted = {"PIP_INDEX_URL": machine.index, "SSL_CERT_FILE": machine.certificate}
    assert machine.install(**variables, **trusted) == ""


def test_an_extra_index_with_another_version_hides_nothing(machine):
    older = write_wheel(machine.folder, "tiny", "0.9", {"tiny.py": ""})
    more = write_index(machine.folder / "more", older).as_uri()
    trusted = {"PIP_INDEX_URL": machine.index, "SSL_CERT_FILE": machine.certificate}
    assert machine.install(PIP_EXTRA_INDEX_URL=more, **trusted) == ""


def test_without_an_index_packages_come_from_a_folder(machine):
    written = f"[global]\nno-index = true\nindex-url = {NOWHERE}\nfind-links = {machine.wheel.parent}\n"
    assert machine.install(written) == ""


def test_a_proxy_is_asked_for_hosts_that_only_it_knows(machine, tmp_path):
    with serving(write_index(tmp_path / "simple", machine.wheel)) as port:
        asked = {"PIP_INDEX_URL": "http://packages.invalid", "PIP_PROXY": f"http://127.0.0.1:{port}"}
        assert machine.install(**asked) == ""
