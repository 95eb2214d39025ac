"""Keeps compiled networks in a folder, and gives back only what agreed with torch and is still that.

An export is two files: the network, and a record with its hash and the answers that torch gave to one view.
They are named by a hash of all that shapes the network, so that another bundle, release, library or processor
has another export. Torch is not needed here.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.bundle.manifest import BundleIdentity
from models.engines.agreement import Answer, answers_of, probes, require_agreement
from models.engines.openvino_engine import OpenVinoEngine, library_version
from models.errors import EngineUnusable

_FORMAT = 1
"""Rises with each change of how a network is made, or of what a record holds."""

_KEPT = 3
"""How many exports stay: as many bundles as an operator might go back and forth between."""


class Record(BaseModel):
    """What is known of a network: its SHA-256, and torch's answers to the first of the `probes`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sha256: str
    answers: Mapping[str, Answer]


def open_export(folder: Path, identity: BundleIdentity, *, threads: int) -> OpenVinoEngine:
    """Make the export of a bundle ready to run; it has answered one view as torch did.

    Raises
    ------
    EngineUnusable
        There is no export of this bundle for this machine, or it is not what agreed with torch.
    """
    network_path, record_path = _paths(folder, identity)
    try:
        record = Record.model_validate_json(record_path.read_bytes())
        network = network_path.read_bytes()
    except (OSError, ValidationError) as exc:
        raise EngineUnusable("there is no export of the bundle for this machine") from exc
    # What was hashed is what is loaded.
    if hashlib.sha256(network).hexdigest() != record.sha256:
        raise EngineUnusable(f"the export {network_path.name} is damaged")
    engine = usable_engine(network, identity, threads=threads)
    first = probes(identity.preprocessing)[:1]
    require_agreement(answers_of(engine.run(first), 0), record.answers)
    return engine


def usable_engine(network: bytes, identity: BundleIdentity, *, threads: int | None = None) -> OpenVinoEngine:
    """Make a network ready to run; raise EngineUnusable where OpenVINO cannot."""
    try:
        return OpenVinoEngine(network, identity.members, threads=threads)
    except RuntimeError as exc:
        raise EngineUnusable("OpenVINO cannot load the network that it has compiled") from exc


def keep_export(
    folder: Path, identity: BundleIdentity, network: bytes, answers: Mapping[str, Answer]
) -> None:
    """Write an export, and remove the oldest of too many.

    Parameters
    ----------
    answers
        Torch's, to the first of the `probes`.

    Raises
    ------
    OSError
        It cannot be written; no part of it will be taken for an export.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    network_path, record_path = _paths(folder, identity)
    record = Record(sha256=hashlib.sha256(network).hexdigest(), answers=answers)
    _write_whole(network_path, network)
    _write_whole(record_path, record.model_dump_json().encode())
    newest_first = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in newest_first[_KEPT:]:
        old.unlink(missing_ok=True)
        old.with_suffix(network_path.suffix).unlink(missing_ok=True)


def _paths(folder: Path, identity: BundleIdentity) -> tuple[Path, Path]:
    """Return where the network and the record of a bundle are."""
    shapes = {
        "format": _FORMAT,
        "bundle": identity.digest,
        "openvino": library_version(),
        "torch": version("torch"),
        "engine": OpenVinoEngine.label,
        "processor": _processor(),
    }
    key = hashlib.sha256(json.dumps(shapes, sort_keys=True).encode()).hexdigest()[:32]
    return folder / f"{key}.network", folder / f"{key}.json"


def _processor() -> str:
    """Return the model and the abilities of the first CPU, which the compiler looked at."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    except OSError:
        return ""
    said = ("vendor_id", "cpu family", "model", "flags", "CPU part", "Features")
    return "\n".join(line for line in first.splitlines() if line.startswith(said))


def _write_whole(target: Path, content: bytes) -> None:
    """Write a file so that it is there complete or not at all, and still there after a power cut."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).rename(target)
    except OSError:
        Path(temporary).unlink(missing_ok=True)  # on a full disk it is in the way
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
