"""Names the engines. This module is the one place where a name becomes an engine."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from models.bundle.loading import Bundle
from models.engines.engine import Engine
from models.engines.torch_engine import TorchEngine


class EngineBuilder(Protocol):
    """Makes an engine of a bundle; parameters as for `open_engine`."""

    def __call__(self, bundle: Bundle, *, device: str, threads: int | None) -> Engine:
        """Make it; nothing is left to load when the first batch comes."""


ENGINES: Mapping[str, EngineBuilder] = MappingProxyType(
    {
        "torch": TorchEngine,
    }
)


def open_engine(bundle: Bundle, *, device: str, threads: int | None = None, name: str = "torch") -> Engine:
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
    """
    if name not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")
    return ENGINES[name](bundle, device=device, threads=threads)
