"""Names the ensembles of the paper. This module knows their architectures by name alone and loads none."""

from collections.abc import Mapping
from types import MappingProxyType

# The variants of the paper with the members that its Tables 3 and 4 print. C and D are printed with the same
# members and different figures; one of the two must be a misprint, and nothing says which, so both stay.
ENSEMBLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ensemble200": ("densenet201", "mobilenet", "nasnetmobile"),
        "A": ("nasnetmobile", "xception", "mobilenet"),
        "B": ("nasnetmobile", "mobilenet"),
        "C": ("xception", "mobilenet"),
        "D": ("xception", "mobilenet"),
        "E": ("xception", "densenet201"),
        "F": ("xception", "densenet201", "mobilenet"),
        "ALL": ("densenet201", "xception", "mobilenet", "nasnetmobile"),
    }
)


def possible_ensembles(architectures: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the members of each ensemble of the paper that a bundle can make, by its name.

    Parameters
    ----------
    architectures
        The architecture of each member, by the member's name. An ensemble is possible where the bundle has
        exactly one member of each of its architectures.

    Examples
    --------
    >>> possible_ensembles({"one": "mobilenet", "two": "nasnetmobile"})
    {'B': ('two', 'one')}
    """
    of_bundle = list(architectures.values())
    names = {architecture: name for name, architecture in architectures.items()}
    return {
        ensemble: tuple(names[wanted] for wanted in members)
        for ensemble, members in ENSEMBLES.items()
        if all(of_bundle.count(wanted) == 1 for wanted in members)
    }
