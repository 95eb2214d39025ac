"""Makes a bundle's reference: shows the training data to the members and keeps what they look like.

Images pass in small batches and leave only sums behind, so that any number of them can be used.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle.entries import DriftLimits, Preprocessing
from models.errors import SamplesInsufficient
from models.networks.member import Member
from models.preprocess import displayed
from models.reference.discriminant import fit_discriminant
from models.reference.normal import Moments, fit_cloud
from models.reference.reference import Deviations, MemberReference, NewReference, Reference, Statistics
from models.reference.tones import TONES, tones

QUANTILE = 0.99
"""The share of validation images within the limits, unless told otherwise: one in a hundred warns."""

_BATCH = 16
# More axes were no better on a thousand radiographs, and half as many hardly worse.
_AXES = 32
# Fewer say nothing; with hundreds the limits begin to be exact.
_FEWEST = 16
# Room for rounding, which depends on the batch, so that the image that set a limit stays within it.
_ROOM = 1.001

_Inputs = Iterable[NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceInputs:
    """The images of a reference, each (H, W) float32 as `models.preprocess.preprocess` gives them.

    Each is taken once, in order; generators that read files are welcome.

    Attributes
    ----------
    training
        What the members learned from, of the body parts that the bundle is for.
    validation
        Images of the same kind that no member learned from; they set the limits.
    others
        Images of other body parts, if there are any.
    views
        So many inputs in a row of `training` and of `others` are of one image, which counts once.
    """

    training: _Inputs
    validation: _Inputs
    others: _Inputs = ()
    views: int = 1


def reference_of(
    members: Mapping[str, Member],
    inputs: ReferenceInputs,
    preprocessing: Preprocessing,
    *,
    data: str,
    quantile: float = QUANTILE,
) -> NewReference:
    """Fit the reference of a bundle of `members`, for `models.bundle.writing.create_bundle`.

    Parameters
    ----------
    members
        By their names in the bundle, in evaluation mode, all on the device where they will run.
    data
        Which images these are, in a sentence of printable ASCII for the manifest.
    quantile
        The share of the validation images that should stay within the limits, between 0 and 1.

    Raises
    ------
    SamplesInsufficient
        There are fewer than 16 images of a kind; none of other body parts are enough, too.
    """
    training = _population(members, inputs.training, preprocessing)
    others = _population(members, inputs.others, preprocessing)
    for population, kind in ((training, "training"), (others, "other")):
        if population.count:
            _require_enough(population.count // inputs.views, kind=kind)
    statistics = _statistics(training, others)
    found = [
        statistics.deviations(images, embeddings)
        for images, embeddings in _shown(members, inputs.validation, preprocessing)
    ]
    validated = sum(len(deviations.tones) for deviations in found)
    _require_enough(validated, kind="validation")
    return NewReference(
        reference=Reference(statistics=statistics, limits=_limits(found, quantile)),
        quantile=quantile,
        training_images=training.count // inputs.views,
        validation_images=validated,
        other_images=others.count // inputs.views,
        data=data,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Population:
    """The moments of some images' tones, and of their embeddings by member; none where `count` is 0."""

    tones: Moments | None
    embeddings: Mapping[str, Moments]

    @property
    def count(self) -> int:
        return 0 if self.tones is None else self.tones.count

    def with_batch(self, vectors: NDArray[np.float64], embeddings: Mapping[str, NDArray[np.float32]]) -> Self:
        """Return the population with the tones (B, T) and the embeddings of a batch added."""
        batch = {name: Moments.of(points) for name, points in embeddings.items()}
        if self.tones is None:
            return type(self)(tones=Moments.of(vectors), embeddings=batch)
        summed = {name: self.embeddings[name] + moments for name, moments in batch.items()}
        return type(self)(tones=self.tones + Moments.of(vectors), embeddings=summed)


def _population(members: Mapping[str, Member], inputs: _Inputs, preprocessing: Preprocessing) -> _Population:
    population = _Population(tones=None, embeddings={})
    for images, embeddings in _shown(members, inputs, preprocessing):
        population = population.with_batch(np.stack([tones(image) for image in images]), embeddings)
    return population


def _shown(
    members: Mapping[str, Member], inputs: _Inputs, preprocessing: Preprocessing
) -> Iterator[tuple[NDArray[np.float32], Mapping[str, NDArray[np.float32]]]]:
    """Yield batches: images (B, H, W) in [0, 1], and the embeddings (B, C) that each member has of them."""
    device = next(iter(members.values())).head.weight.device
    remaining = iter(inputs)
    while batch := list(islice(remaining, _BATCH)):
        views = np.stack(batch)
        x = torch.from_numpy(views).to(device)[:, None].expand(-1, preprocessing.channels, -1, -1)
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            embeddings = {name: member(x).embedding.float().cpu().numpy() for name, member in members.items()}
        yield displayed(views, preprocessing), embeddings


def _statistics(training: _Population, others: _Population) -> Statistics:
    if training.tones is None:
        raise SamplesInsufficient(f"a reference needs at least {_FEWEST} training images, found 0")
    return Statistics(
        tones=fit_cloud(training.tones, axes=len(TONES) - 1),
        members={
            name: MemberReference(
                cloud=fit_cloud(moments, axes=_AXES),
                other=fit_discriminant(moments, others.embeddings[name]) if others.count else None,
            )
            for name, moments in training.embeddings.items()
        },
    )


def _limits(found: list[Deviations], quantile: float) -> DriftLimits:
    """Return the limits which together keep that share of the validation images within them.

    Each kind of deviation gets its own quantile first, so that none counts more than another; then all are
    raised alike until the share is right.
    """
    kinds = {
        "tones": [deviations.tones for deviations in found],
        "content": [deviations.content for deviations in found],
        "body_part": [each.body_part for each in found if each.body_part is not None],
    }
    values = {kind: np.concatenate(parts) for kind, parts in kinds.items() if parts}
    own = {kind: float(np.quantile(each, quantile, method="inverted_cdf")) for kind, each in values.items()}
    if min(own.values()) <= 0.0:
        raise SamplesInsufficient(
            "the validation images are less like other body parts than the training images"
        )
    largest = np.max([values[kind] / own[kind] for kind in values], axis=0)
    raised = float(np.quantile(largest, quantile, method="inverted_cdf"))
    return DriftLimits(**{kind: limit * raised * _ROOM for kind, limit in own.items()})


def _require_enough(count: int, *, kind: str) -> None:
    if count < _FEWEST:
        raise SamplesInsufficient(
            f"a reference needs at least {_FEWEST} {kind} images, found {count}; some hundreds make it exact"
        )
