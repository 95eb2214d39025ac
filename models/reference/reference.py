"""Holds a bundle's reference: what its training data look like, and how far from them a view may be.

Three things are compared, each with its own limit. The gray tones catch what is inverted, blank or windowed
otherwise. The content, which is what the members' features say of a view before any judgment, catches what is
no such radiograph at all. The body part is the one difference that features can be asked for: where images of
other parts are known, the direction that leads to them is. Only numpy is needed once there are embeddings.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle.entries import DriftLimits
from models.reference.discriminant import Discriminant
from models.reference.drift import InputCheck, InputWarning
from models.reference.normal import Cloud
from models.reference.tones import tones, without_black_margins


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberReference:
    """What one member's embeddings, (C,) vectors, of the training data look like.

    `other` leads to the embeddings of other body parts; None where none are known.
    """

    cloud: Cloud
    other: Discriminant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviations:
    """How far each of B views is from the training data, (B,) float64 each, 1 being usual, without limits.

    Attributes
    ----------
    tones, content
        Distances; that of the content is the mean over the members.
    body_part
        Position towards other body parts in standard deviations of the training data, the mean over the
        members; may be negative. None where other body parts are not known.
    """

    tones: NDArray[np.float64]
    content: NDArray[np.float64]
    body_part: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What the training data look like: their tones, and their embeddings by the name of the member."""

    tones: Cloud
    members: Mapping[str, MemberReference]

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("the statistics need at least one member")
        if len({member.other is None for member in self.members.values()}) > 1:
            raise ValueError("either every member knows other body parts or none does")

    def deviations(
        self, images: NDArray[np.float32], embeddings: Mapping[str, NDArray[np.floating]]
    ) -> Deviations:
        """Measure views.

        Parameters
        ----------
        images
            (B, H, W) in [0, 1], 1 = white: inputs of the networks before normalization.
        embeddings
            (B, C) by the name of the member, of the same views; members that are not in the statistics are
            not looked at.
        """
        positions = [
            member.other.position(embeddings[name])
            for name, member in self.members.items()
            if member.other is not None
        ]
        distances = [member.cloud.distance(embeddings[name]) for name, member in self.members.items()]
        return Deviations(
            tones=self.tones_distance(images),
            content=np.mean(distances, axis=0),
            body_part=np.mean(positions, axis=0) if positions else None,
        )

    def tones_distance(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return how unusual the gray tones of `images` (B, H, W) in [0, 1] are, (B,)."""
        return self.tones.distance(np.stack([tones(image) for image in images]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The statistics with their limits: what turns views into checks."""

    statistics: Statistics
    limits: DriftLimits

    def __post_init__(self) -> None:
        knows_others = any(member.other is not None for member in self.statistics.members.values())
        if knows_others != (self.limits.body_part is not None):
            raise ValueError("there is a limit for the body part exactly where other body parts are known")

    def check(
        self, images: NDArray[np.float32], embeddings: Mapping[str, NDArray[np.floating]]
    ) -> list[InputCheck]:
        """Compare B views with the training data; arguments as for `Statistics.deviations`.

        The distance is the largest of the three, each relative to its limit.
        """
        if len(images) == 0:
            return []
        relative = self._relative(self.statistics.deviations(images, embeddings))
        kinds = tuple(relative)
        distances = np.stack(list(relative.values()))
        return [
            self._check(image, kinds[farthest], distance)
            for image, farthest, distance in zip(
                images, distances.argmax(axis=0), distances.max(axis=0).tolist(), strict=True
            )
        ]

    def _relative(self, found: Deviations) -> dict[InputWarning, NDArray[np.float64]]:
        """Return the deviations relative to their limits, (B,) each."""
        relative = {
            InputWarning.TONES: found.tones / self.limits.tones,
            InputWarning.CONTENT: found.content / self.limits.content,
        }
        if found.body_part is not None and self.limits.body_part is not None:
            relative[InputWarning.BODY_PART] = found.body_part / self.limits.body_part
        return relative

    def _check(self, image: NDArray[np.float32], farthest: InputWarning, distance: float) -> InputCheck:
        if distance <= 1.0:
            return InputCheck(distance=distance)
        if farthest is InputWarning.TONES and self._fits_inverted(image):
            return InputCheck(distance=distance, warning=InputWarning.INVERTED)
        return InputCheck(distance=distance, warning=farthest)

    def _fits_inverted(self, image: NDArray[np.float32]) -> bool:
        """Say whether the tones of an image (H, W) would be those of the training data were it inverted."""
        # What pads a letterboxed view was never inverted.
        inverted = 1.0 - without_black_margins(image)
        return bool(self.statistics.tones_distance(inverted[np.newaxis])[0] <= self.limits.tones)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReference:
    """A reference to be written into a bundle, and what its manifest is to say of it.

    Attributes
    ----------
    quantile
        The share of the validation images that are within the limits.
    training_images, validation_images, other_images
        How many images were the reference, set the limits, and stood for other body parts.
    data
        Which images these were, in a sentence of printable ASCII.
    """

    reference: Reference
    quantile: float
    training_images: int
    validation_images: int
    other_images: int
    data: str
