"""Finds the members of a variant. This module reads how variants are named on the command line."""

import re
from collections.abc import Iterable

from models.bundle.manifest import Manifest
from models.errors import ModelError
from models.evaluation.evaluation import ENSEMBLE
from models.networks.ensembles import ENSEMBLES, possible_ensembles

# Asks for all of the paper's variants whose members the bundle has.
PAPER = "paper"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


class VariantImpossible(ModelError):
    """A variant was asked for that cannot be made of the members of the bundle."""


def variants_of(wanted: Iterable[str], manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """Return the members of each variant, by its name.

    Parameters
    ----------
    wanted
        Each is the name of a variant of the paper, such as "B", whose members are found by architecture;
        "NAME=MEMBER,MEMBER" for another one; or "paper" for all of the paper's that are possible.

    Raises
    ------
    VariantImpossible
        A name is unknown, taken or given twice, or the bundle has not the members, or has several of one
        architecture.
    """
    found: dict[str, tuple[str, ...]] = {}
    for words in sorted(wanted, key=PAPER.__eq__):  # last: it takes nobody's name
        if words == PAPER:
            found |= possible_ensembles(_architectures(manifest))
            continue
        name, separator, listed = words.partition("=")
        _require_new_name(name, found, manifest)
        found[name] = _listed(name, listed.split(","), manifest) if separator else _of_paper(name, manifest)
    return found


def _architectures(manifest: Manifest) -> dict[str, str]:
    return {member.name: member.architecture for member in manifest.members}


def _of_paper(name: str, manifest: Manifest) -> tuple[str, ...]:
    if name not in ENSEMBLES:
        raise VariantImpossible(
            f"no variant of the paper is called {name!r}; there are {', '.join(ENSEMBLES)}, {PAPER!r} for "
            "all that the bundle allows, and NAME=MEMBER,MEMBER for your own"
        )
    possible = possible_ensembles(_architectures(manifest))
    if name not in possible:
        raise VariantImpossible(
            f"variant {name} needs one member each of {', '.join(ENSEMBLES[name])}; {_members(manifest)}"
        )
    return possible[name]


def _listed(name: str, members: list[str], manifest: Manifest) -> tuple[str, ...]:
    known = {member.name for member in manifest.members}
    if not set(members) <= known or len(set(members)) < len(members):
        raise VariantImpossible(
            f"variant {name} names the members {', '.join(members)}; each must be one of the bundle's, once; "
            f"{_members(manifest)}"
        )
    return tuple(members)


def _require_new_name(name: str, found: dict[str, tuple[str, ...]], manifest: Manifest) -> None:
    taken = {ENSEMBLE, *found, *(member.name for member in manifest.members)}
    if name in taken or not _NAME.fullmatch(name):
        raise VariantImpossible(
            f"a variant cannot be called {name!r}: choose a name of letters, digits, '.', '_', '+' and '-' "
            f"that is not one of {', '.join(sorted(taken))}"
        )


def _members(manifest: Manifest) -> str:
    each = ", ".join(f"{member.name} ({member.architecture})" for member in manifest.members)
    return f"the bundle has {each}"
