"""Names the engines. This module is the one place where a name becomes an engine.

What an engine computes with takes long to load, so that each is imported when it is opened.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from models.engines.engine import Engine
from models.errors import DeviceUnavailable

if TYPE_CHECKING:  # it loads torch
    from models.bundle.loading import Bundle


class EngineBuilder(Protocol):
    """Makes an engine of a bundle; parameters as for `open_engine`."""

    def __call__(self, bundle: "Bundle", *, device: str, threads: int | None) -> Engine:
        """Make it; nothing is left to load when the first batch comes."""


def _open_torch(bundle: "Bundle", *, device: str, threads: int | None) -> Engine:
    from models.engines.torch_engine import TorchEngine

    return TorchEngine(bundle, device=device, threads=threads)


def _open_openvino(bundle: "Bundle", *, device: str, threads: int | None) -> Engine:
    from models.engines.openvino_engine import OpenVinoEngine, compiled_network

    if device != "cpu":
        raise DeviceUnavailable(f'engine "openvino" runs on the CPU, not on "{device}"; choose device "cpu"')
    return OpenVinoEngine(compiled_network(bundle), tuple(bundle.members), threads=threads)


ENGINES: Mapping[str, EngineBuilder] = MappingProxyType(
    {
        "torch": _open_torch,
        "openvino": _open_openvino,
    }
)


def open_engine(bundle: "Bundle", *, device: str, threads: int | None = None, name: str = "torch") -> Engine:
    """Make the members of a bundle ready to run.

    Parameters
    ----------
    bundle
        The loaded bundle. It belongs to the engine from here on, which may move its members.
    device
        "cpu" or "cuda", see `models.engines.device.choose_device`.
    threads
        How many CPU threads the engine may use; None leaves the engine's own choice.
    name
        One of `ENGINES`.

    Raises
    ------
    ValueError
        There is no engine of that name.
    DeviceUnavailable
        The engine does not run on that device.
    """
    if name not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")
    return ENGINES[name](bundle, device=device, threads=threads)
