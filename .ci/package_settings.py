"""Says for the shell how this machine fetches packages, so that uv fetches them as pip does.

This module prints in uv's variables what pip's files and PIP_* variables say, and lets both trust whom the
machine trusts: the certificate of a proxy that inspects TLS is in the machine's store, and in no list that a
program brings along. What the user has said to uv itself stays as it is.
"""

import ast
import math
import os
import shlex
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

# The sections of pip's settings that `pip install` heeds; a later one wins.
SECTIONS = ("global", "install", ":env:")
# The variables by which the user may have told uv the same in other words.
OTHER_NAMES = {
    "ALL_PROXY": ("all_proxy",),
    "SSL_CERT_DIR": ("SSL_CERT_FILE",),
    "SSL_CERT_FILE": ("SSL_CERT_DIR",),
    "UV_DEFAULT_INDEX": ("UV_INDEX_URL",),
    "UV_HTTP_TIMEOUT": ("UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT"),
    "UV_INDEX": ("UV_EXTRA_INDEX_URL",),
    "UV_SYSTEM_CERTS": ("UV_NATIVE_TLS",),
}
# uv knows no variable for pip's no-index; an index on the disk that has no package says the same.
NO_INDEX = (Path(sys.prefix) / "no-index").as_uri()


def main() -> None:
    """Print the variables as commands for a shell."""
    pip = pip_settings()
    wanted = trust(pip, os.environ, machine_store()) | connection(pip) | places(pip)
    for name, value in wanted.items():
        names = (name, *OTHER_NAMES.get(name, ()))
        if value and not any(os.environ.get(known) for known in names):
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def pip_settings() -> dict[str, str]:
    """Return what holds for `pip install`, by the name of the option; for pip an empty value is none."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.partition(".")
        if section in found:
            found[section][option] = ast.literal_eval(value)
    return {option: value for section in SECTIONS for option, value in found[section].items() if value}


def machine_store() -> str:
    """Return the file or folder of the certificates that this machine trusts; empty where it has none."""
    paths = ssl.get_default_verify_paths()
    candidates = (paths.cafile, "/etc/ssl/certs/ca-certificates.crt", paths.capath)
    return next((path for path in candidates if path and _has_content(Path(path))), "")


def trust(pip: Mapping[str, str], environment: Mapping[str, str], store: str) -> dict[str, str]:
    """Return whom to trust: the user's certificates where there are any, else the machine's.

    A pip older than 24.2 trusts its own list only, unless it is told otherwise.
    """
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    told = [pip.get("cert"), *(environment.get(name) for name in names)]
    chosen = next((path for path in told if path and Path(path).exists()), "")
    if not chosen:
        return {"UV_SYSTEM_CERTS": "true" if store else "", "PIP_CERT": pip.get("cert", store)}
    return {"SSL_CERT_DIR" if Path(chosen).is_dir() else "SSL_CERT_FILE": chosen, "PIP_CERT": chosen}


def connection(pip: Mapping[str, str]) -> dict[str, str]:
    """Return how to reach another machine."""
    timeout = pip.get("timeout") or pip.get("default-timeout")
    return {
        "ALL_PROXY": pip.get("proxy", ""),  # uv prefers HTTPS_PROXY and HTTP_PROXY where they are set
        "UV_HTTP_TIMEOUT": str(math.ceil(float(timeout))) if timeout else "",
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
    }


def places(pip: Mapping[str, str]) -> dict[str, str]:
    """Return where packages are.

    pip warns of a folder that is not there, and uv ends: so uv hears of those only that are there.
    """
    links = {"UV_FIND_LINKS": ",".join(_present(pip.get("find-links", "")))}
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on", "y", "t"):
        return links | {"UV_DEFAULT_INDEX": NO_INDEX}
    more = " ".join(_present(pip.get("extra-index-url", "")))
    return links | {
        "UV_DEFAULT_INDEX": " ".join(_present(pip.get("index-url", ""))),
        "UV_INDEX": more,
        # As pip does, look for a version in every index; the hash in the lock file tells the right file.
        "UV_INDEX_STRATEGY": "unsafe-best-match" if more else "",
    }


def _present(places: str) -> list[str]:
    expanded = [os.path.expanduser(place) for place in places.split()]
    return [place for place in expanded if _is_remote(place) or _local(place).is_dir()]


def _is_remote(place: str) -> bool:
    return urlsplit(place).scheme not in ("", "file")


def _local(place: str) -> Path:
    return Path(unquote(urlsplit(place).path))


def _has_content(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.is_file() and path.stat().st_size > 0


if __name__ == "__main__":
    main()
