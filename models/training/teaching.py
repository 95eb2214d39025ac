"""Those who teach a member, and what they say of a batch. Here `ulna train --teacher` is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import torch

from models.bundle.manifest import read_manifest
from models.errors import TrainingRefused
from models.networks.backbone import Level
from models.networks.member import Member, build_member
from models.training.recipe import Recipe
from models.training.start import Start, start_member


class Lesson(NamedTuple):
    """What is said of a batch: features at all levels (B, C, h, w), and P(abnormal) of each cell (B, h, w).

    There are no levels where features are not taught.
    """

    levels: Sequence[torch.Tensor]
    probabilities: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A member of a bundle that teaches as it is."""

    architecture: str
    start: Start

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "MEMBER=bundle:BUNDLE"; raise TrainingRefused for others."""
        architecture, _, found = text.partition("=")
        start = Start.parse(found)
        if start.kind != "bundle":
            raise TrainingRefused(f"a teacher comes from a bundle, not from {start.label}")
        if not architecture:
            raise TrainingRefused(
                f"which member of {start.label} is to teach? name it before the bundle: MEMBER=bundle:BUNDLE"
            )
        return cls(architecture=architecture, start=start)

    @property
    def label(self) -> str:
        """What it is called in a manifest."""
        return f"{self.architecture} of {self.start.label}"

    def fingerprint(self) -> str:
        """Return what decides its answers."""
        return f"{self.architecture} {self.start.fingerprint()}"

    def invited(self, recipe: Recipe) -> Member:
        """Return it with its weights, for those who learn by `recipe`.

        Raises
        ------
        TrainingRefused
            It sees other inputs than they do, or the bundle has no such member.
        BundleRefused
            The bundle is not what its manifest says.
        """
        found = read_manifest(Path(str(self.start.path))).preprocessing
        if found != recipe.preprocessing:
            raise TrainingRefused(
                f"the teacher {self.label} sees other inputs ({found}) than the members that learn from it "
                f"({recipe.preprocessing}); take a teacher of the same recipe"
            )
        member = build_member(self.architecture, sharpness=recipe.sharpness)
        start_member(member, self.architecture, self.start, seed=0)
        return member.requires_grad_(False)


class Teachers:
    """Trained members that say the mean of what each says of a cell; the first says its features too.

    Members that learned apart err apart, and their mean is a better teacher than each of them (Hinton et al.
    2015, section 5). Features of several would be different languages for the same things.

    Parameters
    ----------
    members
        At least one, in evaluation mode, on the device of the views.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members

    @property
    def levels(self) -> Sequence[Level]:
        """Where the taught features are."""
        return self._members[0].backbone.levels

    @torch.no_grad()
    def lesson(self, x: torch.Tensor, *, features: bool) -> Lesson:
        """Say what is in a batch (B, 3, H, W); `features`: whether with the features that it rests on."""
        first, *others = self._members
        levels = tuple(first.backbone.walk(x)) if features else (first.backbone(x),)
        said = [_probabilities(first, levels[-1])]
        said += [_probabilities(member, member.backbone(x)) for member in others]
        return Lesson(levels if features else (), torch.stack(said).mean(dim=0))


def _probabilities(member: Member, features: torch.Tensor) -> torch.Tensor:
    activation = member.judge(features).activation
    return torch.sigmoid(activation.float() + member.head.bias.float())
