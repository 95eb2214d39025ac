"""Makes a bundle ready to serve on the engine that was asked for, and on torch where that one cannot.

Torch is the reference and costs the most: time, memory, and seconds to load. OpenVINO computes the same
numbers from an export (`models.engines.exports`), which is made once for a bundle; torch is not loaded then.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.bundle.files import describe, verify_files
from models.engines.threads import available_threads
from models.ensemble import Ensemble, open_ensemble
from models.errors import EngineUnusable

if TYPE_CHECKING:  # it loads OpenVINO, which not every machine has
    from models.engines.openvino_engine import OpenVinoEngine

_EXPORT_SECONDS = 120.0
"""An export takes 10 to 25 seconds. Who waits for the analyzer gives up after 180."""

_GPU_DEVICES = ("nvidiactl", "dxg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """An ensemble that is ready, the device it runs on, and what is not as it should be.

    `notice` says as a sentence without patient data why another engine runs than was meant to; empty where
    none does.
    """

    ensemble: Ensemble
    device: str
    notice: str = ""


def planned_engine(engine: str, device: str) -> str:
    """Return the engine that a configuration means here, "openvino" or "torch", as far as can be seen.

    Parameters
    ----------
    engine
        "auto", or one of `models.engines.registry.ENGINES`. "auto" is OpenVINO on a CPU: there it was the
        faster one on every machine measured so far (docs/performance.md).
    device
        "auto", "cpu" or "cuda", as for `models.engines.device.choose_device`.
    """
    if engine != "auto":
        return engine
    return "torch" if device == "cuda" or (device == "auto" and _may_have_gpu()) else "openvino"


def deploy(bundle: Path, *, engine: str, device: str, exports: Path, make_export: bool = True) -> Deployment:
    """Make the bundle in a folder ready to serve.

    Parameters
    ----------
    bundle
        Its folder.
    engine, device
        As for `planned_engine`.
    exports
        The folder of the exports.
    make_export
        Whether to make the export where it is missing or does not fit.

    Raises
    ------
    BundleRefused
        The bundle is not what its manifest says.
    DeviceUnavailable
        The device was named and is not there.
    """
    threads = available_threads()
    notice = ""
    if planned_engine(engine, device) == "openvino":
        try:
            ensemble = _on_openvino(bundle, exports, threads=threads, make_export=make_export)
        except EngineUnusable as error:
            notice = f"torch computes in place of OpenVINO, more slowly: {error}"
        else:
            return Deployment(ensemble=ensemble, device="cpu")
    return _on_torch(bundle, device, threads=threads, notice=notice)


def _on_torch(folder: Path, device: str, *, threads: int, notice: str) -> Deployment:
    from models.bundle.loading import load_bundle
    from models.engines.device import choose_device

    chosen = choose_device(device)
    ensemble = open_ensemble(load_bundle(folder, device=chosen), chosen, threads=threads)
    return Deployment(ensemble=ensemble, device=chosen, notice=notice)


def _on_openvino(folder: Path, exports: Path, *, threads: int, make_export: bool) -> Ensemble:
    verify_files(folder)
    try:
        engine = _open_export(folder, exports, threads=threads)
    except EngineUnusable:
        if not make_export:
            raise
        _make_export(folder, exports)
        engine = _open_export(folder, exports, threads=threads)
    return Ensemble(describe(folder, engine.embedding_lengths), engine)


def _open_export(folder: Path, exports: Path, *, threads: int) -> "OpenVinoEngine":
    from models.bundle.manifest import read_identity

    try:
        from models.engines.exports import open_export
    except ImportError as error:
        raise EngineUnusable(f"OpenVINO cannot be loaded here ({type(error).__name__})") from error
    return open_export(exports, read_identity(folder), threads=threads)


def _make_export(folder: Path, exports: Path) -> None:
    command = [sys.executable, "-m", "models.engines.exporting", str(folder), str(exports)]
    try:
        made = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=_EXPORT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineUnusable(f"the export was not made within {_EXPORT_SECONDS:.0f} seconds") from error
    except OSError as error:
        raise EngineUnusable(f"no process could be started to make the export: {error.strerror}") from error
    if made.returncode:
        said = made.stdout.strip().splitlines()
        reason = said[-1] if said else f"the export ended with status {made.returncode}"
        raise EngineUnusable(reason)


def _may_have_gpu() -> bool:
    """Say whether the driver of an NVIDIA GPU shows here; whether torch can use one takes torch to tell."""
    return any(Path("/dev", name).exists() for name in _GPU_DEVICES)
