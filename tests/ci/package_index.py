"""A package index of one wheel on this machine, behind certificates that no list of roots knows."""

import hashlib
import ssl
import subprocess
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority of a test, and a server certificate for localhost."""

    certificate: Path
    server_certificate: Path
    server_key: Path


def make_authority(folder: Path) -> Authority:
    """Make an authority with OpenSSL, as a hospital does for the proxy that looks into TLS."""
    folder.mkdir(parents=True)
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl(
        folder, "req", "-x509", *new_key, "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem"
    )
    _openssl(folder, "req", *new_key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    signed_by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    _openssl(folder, "x509", "-req", "-in", "server.csr", *signed_by, "-out", "server.pem")
    return Authority(
        certificate=folder / "ca.pem",
        server_certificate=folder / "server.pem",
        server_key=folder / "server.key",
    )


def write_wheel(folder: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """Write a wheel of pure Python into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    contents = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in contents.items():
            info = zipfile.ZipInfo(member)
            info.external_attr = 0o100755 << 16  # pip makes a script executable that is so in its wheel
            wheel.writestr(info, text)
    return path


def sha256_of(path: Path) -> str:
    """Give the hash by which a lock file names a wheel."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_index(folder: Path, *wheels: Path) -> Path:
    """Write a simple index (PEP 503) of wheels; give its folder."""
    for wheel in wheels:
        project = folder / wheel.name.partition("-")[0]
        project.mkdir(parents=True, exist_ok=True)
        (project / wheel.name).write_bytes(wheel.read_bytes())
        (project / "index.html").write_text(
            f'<a href="{wheel.name}#sha256={sha256_of(wheel)}">{wheel.name}</a>'
        )
    return folder


@contextmanager
def serving(folder: Path, authority: Authority | None = None) -> Iterator[int]:
    """Serve a folder on the loopback interface; give the port. With an authority by HTTPS, as localhost."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
    if authority:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.server_certificate, authority.server_key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Files(SimpleHTTPRequestHandler):
    """Files, also where they are asked for as of a proxy: by a whole address, of whatever host."""

    def translate_path(self, path: str) -> str:
        return super().translate_path(urlsplit(path).path)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
