"""Takes trained members out of bundles, to be put together anew.

This module averages the weights of one member where several bundles are named for it. Networks that were
trained from the same start often lie in one valley of the loss, and the mean of their weights generalizes
better than either, at the cost of one (Wortsman et al. 2022).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from models.bundle.loading import Bundle, load_bundle
from models.bundle.manifest import MemberEntry, Preprocessing, Target
from models.errors import TrainingRefused
from models.networks.member import Member, build_member
from models.training.assembly import Trained


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gathered:
    """Members, how all of them want their images, what they learned to find, and in words where from.

    `targets` are what their bundles look for.
    """

    members: tuple[Trained, ...]
    preprocessing: Preprocessing
    targets: frozenset[Target]
    origin: str


def gather(sources: Mapping[str, Sequence[Path]]) -> Gathered:
    """Read the members named in `sources`, each from one bundle, or as the mean of several bundles' weights.

    Parameters
    ----------
    sources
        The folders of the bundles, at least one, by the name of the member.

    Raises
    ------
    BundleRefused
        A bundle is not what its manifest says.
    TrainingRefused
        A bundle has no such member, or the bundles differ in preprocessing, architecture or pooling.
    """
    bundles = {folder: load_bundle(folder) for folders in sources.values() for folder in folders}
    preprocessing = _common_preprocessing(bundles)
    members = tuple(
        _trained(name, [(folder, bundles[folder]) for folder in folders]) for name, folders in sources.items()
    )
    targets = frozenset(bundle.manifest.target for bundle in bundles.values())
    origin = "; ".join(
        f"{name}: {' and '.join(bundles[folder].identity.label for folder in folders)}"
        for name, folders in sources.items()
    )
    return Gathered(
        members=members,
        preprocessing=preprocessing,
        targets=targets,
        origin=origin,
    )


def mean_state(states: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return the mean of the weights and statistics of networks of one architecture, each as it was typed.

    Counters, which are whole numbers, are those of the first.
    """
    return {
        key: torch.stack([state[key].double() for state in states]).mean(dim=0).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor
        for key, tensor in states[0].items()
    }


def _common_preprocessing(bundles: Mapping[Path, Bundle]) -> Preprocessing:
    (first, wanted), *others = ((folder, bundle.manifest.preprocessing) for folder, bundle in bundles.items())
    for folder, found in others:
        if found != wanted:
            raise TrainingRefused(
                f"{folder} does not prepare images as {first} does ({found} instead of {wanted}); "
                "members of one bundle see the same input, so take bundles of one recipe"
            )
    return wanted


def _trained(name: str, sources: Sequence[tuple[Path, Bundle]]) -> Trained:
    (first, wanted), *others = [(folder, _entry(name, folder, bundle)) for folder, bundle in sources]
    for folder, found in others:
        if (found.architecture, found.sharpness) != (wanted.architecture, wanted.sharpness):
            raise TrainingRefused(
                f"{name} of {folder} is {found.architecture} of sharpness {found.sharpness:g}, that of "
                f"{first} is {wanted.architecture} of sharpness {wanted.sharpness:g}; only equal networks "
                "have a mean"
            )
    member: Member = build_member(wanted.architecture, sharpness=wanted.sharpness)
    member.load_state_dict(mean_state([bundle.members[name].state_dict() for _, bundle in sources]))
    return Trained(
        name=name,
        architecture=wanted.architecture,
        member=member.requires_grad_(False),
        kept=" and ".join(str(folder) for folder, _ in sources),
    )


def _entry(name: str, folder: Path, bundle: Bundle) -> MemberEntry:
    for entry in bundle.manifest.members:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in bundle.manifest.members)
    raise TrainingRefused(f"{folder} has no member called {name}; it has {known}")
