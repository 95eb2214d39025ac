"""Names the architectures.

This module is the one place where a name in a manifest, a configuration or a command becomes a network.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from models.errors import UnknownArchitecture
from models.networks.backbone import Backbone
from models.networks.densenet import densenet169, densenet201
from models.networks.ensembles import ENSEMBLES
from models.networks.mobilenet import MobileNet
from models.networks.nasnet import NASNetMobile
from models.networks.xception import Xception


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A backbone by name.

    `build` makes it with torch's random initial weights, drawn from torch's global generator.
    """

    name: str
    build: Callable[[], Backbone]


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        architecture.name: architecture
        for architecture in (
            Architecture(name="densenet201", build=densenet201),
            Architecture(name="densenet169", build=densenet169),
            Architecture(name="mobilenet", build=MobileNet),
            Architecture(name="nasnetmobile", build=NASNetMobile),
            Architecture(name="xception", build=Xception),
        )
    }
)


def architecture_named(name: str) -> Architecture:
    """Return the architecture called `name`.

    Raises
    ------
    UnknownArchitecture
        There is none; the message lists those that exist.
    """
    try:
        return ARCHITECTURES[name]
    except KeyError as exc:
        known = ", ".join(ARCHITECTURES)
        raise UnknownArchitecture(f"no architecture is called {name!r}; there are: {known}") from exc


def members_of(ensemble: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of the architectures in an ensemble.

    Parameters
    ----------
    ensemble
        The name of an ensemble, of one architecture, or the names of several architectures.

    Raises
    ------
    UnknownArchitecture
        A name is neither; the message lists those that exist.
    ValueError
        The list is empty or names an architecture twice.

    Examples
    --------
    >>> members_of("B")
    ('nasnetmobile', 'mobilenet')
    >>> members_of(["xception"])
    ('xception',)
    """
    if isinstance(ensemble, str):
        if ensemble in ENSEMBLES:
            return ENSEMBLES[ensemble]
        if ensemble not in ARCHITECTURES:
            known = ", ".join((*ENSEMBLES, *ARCHITECTURES))
            raise UnknownArchitecture(
                f"no ensemble or architecture is called {ensemble!r}; there are: {known}"
            )
        return (ensemble,)
    members = tuple(architecture_named(name).name for name in ensemble)
    if not members or len(set(members)) < len(members):
        found = ", ".join(members) or "none"
        raise ValueError(f"an ensemble has at least one member and each once, found: {found}")
    return members
