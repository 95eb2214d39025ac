"""Decides which samples make up an epoch. This module deals in positions: an epoch can be repeated."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.datasets.sample import Sample
from models.training.recipe import Recipe
from models.training.views import Cut


def steps_per_epoch(samples: int, recipe: Recipe) -> int:
    """Return how many batches an epoch over so many samples has."""
    return recipe.steps_per_epoch or -(-samples // recipe.batch)


def epoch_batches(
    samples: Sequence[Sample], recipe: Recipe, *, seed: int, epoch: int
) -> list[tuple[Cut, ...]]:
    """Return the batches of `epoch`, each of cuts of one side, as the stage of the recipe wants them."""
    stage = recipe.stage_at(epoch)
    order = epoch_order(samples, recipe, seed=seed, epoch=epoch)
    batches = []
    for step in range(steps_per_epoch(len(samples), recipe)):
        whole = stage.side is None or (stage.whole_every > 0 and (step + 1) % stage.whole_every == 0)
        positions = order[step * recipe.batch : (step + 1) * recipe.batch]
        if whole and stage.side is not None:
            # As many whole radiographs as have the pixels of a batch of cuts.
            area = recipe.preprocessing.input_size[0] * recipe.preprocessing.input_size[1]
            positions = positions[: max(1, round(recipe.batch * stage.side**2 / area))]
        side = None if whole else stage.side
        batches.append(
            tuple(
                Cut(position=int(position), side=side, seed=(seed, epoch, step, place))
                for place, position in enumerate(positions)
            )
        )
    return batches


def epoch_order(samples: Sequence[Sample], recipe: Recipe, *, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the positions in `samples` that `epoch` goes through, in order.

    Without `recipe.steps_per_epoch` each sample comes once. With it, as many are drawn as the batches hold,
    half of them abnormal; within a class they come in shuffled rounds, so that none is forgotten.

    The same arguments give the same order.
    """
    generator = np.random.default_rng((seed, epoch))
    if recipe.steps_per_epoch is None:
        return generator.permutation(len(samples))
    wanted = recipe.steps_per_epoch * recipe.batch
    abnormal = np.flatnonzero([sample.abnormal for sample in samples])
    normal = np.flatnonzero([not sample.abnormal for sample in samples])
    drawn = [_rounds(abnormal, wanted // 2, generator), _rounds(normal, wanted - wanted // 2, generator)]
    return generator.permutation(np.concatenate(drawn))


def _rounds(positions: NDArray[np.int64], wanted: int, generator: np.random.Generator) -> NDArray[np.int64]:
    rounds = [generator.permutation(positions) for _ in range(-(-wanted // len(positions)))]
    return np.concatenate(rounds)[:wanted]
