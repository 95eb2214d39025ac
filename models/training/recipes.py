"""Holds the recipes, every number that decides, and fits them to a run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from models.bundle.manifest import Preprocessing
from models.errors import TrainingRefused
from models.training.recipe import Augmentation, Recipe, Schedule, Stage, Weights

PAPER = Recipe(
    name="paper",
    # Banga & Waiganjo rescale by 1/255 and nothing else, whatever each network was made for. How many epochs
    # they trained is not printed.
    preprocessing=Preprocessing(input_size=(224, 224), resize="square"),
    stages=(Stage(epochs=10),),
    class_weights=True,
    schedule=Schedule(kind="time", peak=1e-4, decay=1e-4),
    keras_epsilon=1e-7,
    augmentation=Augmentation(horizontal_flip=0.5, rotation_degrees=45.0, edge_fill=True),
)

_CUTS = Stage(epochs=20, side=224, whole_every=4)
_AGAIN = replace(_CUTS, epochs=16, restart=0.6)

# What each part of this recipe brought is told in docs/research.md.
ULNA = Recipe(
    name="ulna",
    preprocessing=Preprocessing(input_size=(448, 448), resize="letterbox", lower=-1.0, upper=1.0),
    sharpness=2.0,
    stages=(_CUTS, _AGAIN, _AGAIN, _AGAIN),
    steps_per_epoch=64,
    schedule=Schedule(kind="cosine", peak=5e-4, warm_up=0.1),
    weight_decay=0.02,
    # One odd batch must not undo an epoch.
    longest_gradient=5.0,
    # Keras' NASNet counts a step as 0.0003: after the steps of this recipe its statistics would still be
    # those of the start, and its answers noise.
    norm_momentum=0.01,
    average=0.99,
    augmentation=Augmentation(
        horizontal_flip=0.5,
        vertical_flip=0.3,
        rotation_degrees=30.0,
        scale=(0.64, 1.11),
        shift=0.05,
        brightness=0.3,
        contrast=0.4,
        log_gamma=0.4,
        noise=0.04,
        blur=1.2,
    ),
    weights=Weights(cells=2.0, positive_cell=8.0, teacher_cells=2.0, teacher_features=2.0),
)

# A member that has learned is taught again by a better teacher: at last by its map alone.
_TAUGHT = Stage(epochs=13, side=224, whole_every=3)
_TAUGHT_BY_MAP = replace(_TAUGHT, features=False)
ULNA_TAUGHT = replace(
    ULNA,
    stages=(_TAUGHT, _TAUGHT_BY_MAP),
    batch=64,
    schedule=Schedule(kind="cosine", peak=1.5e-3, warm_up=0.05),
    orthogonal=True,
    average=0.995,
)

# Without weights a member first learns from small cuts, of which a batch costs a third.
ULNA_FROM_NOTHING = replace(
    ULNA_TAUGHT,
    stages=(Stage(epochs=20, side=128), replace(_TAUGHT, epochs=18), replace(_TAUGHT_BY_MAP, epochs=17)),
    schedule=Schedule(kind="cosine", peak=2.5e-3, warm_up=0.035),
    weights=replace(ULNA.weights, teacher_features=4.0),
)

# As many whole radiographs as have the pixels of 64 cuts: DenseNet201 takes 10 GB for them.
_WHOLE_BATCH = 16

RECIPES: Mapping[str, Recipe] = MappingProxyType({"paper": PAPER, "ulna": ULNA})


def recipe_for(name: str, *, pretrained: bool, taught: bool = False) -> Recipe:
    """Return the recipe "paper" or "ulna" for a member that starts from weights or nothing, taught or not."""
    if name != ULNA.name:
        return RECIPES[name]
    if not pretrained:
        return ULNA_FROM_NOTHING
    return ULNA_TAUGHT if taught else ULNA


def without_cuts(recipe: Recipe) -> Recipe:
    """Return `recipe` for data without boxes: whole radiographs in place of cuts, fewer in a batch."""
    if all(stage.side is None for stage in recipe.stages):
        return recipe
    stages = tuple(replace(stage, side=None, whole_every=0) for stage in recipe.stages)
    return replace(recipe, stages=stages, batch=min(recipe.batch, _WHOLE_BATCH))


def stretched(stages: Sequence[Stage], epochs: int) -> tuple[Stage, ...]:
    """Return `stages` with `epochs` in all, in the same proportions as far as whole numbers allow.

    Rounds that would begin only after so many epochs are left out.

    Raises
    ------
    TrainingRefused
        There are fewer epochs than stages.
    """
    while stages[-1].restart and sum(stage.epochs for stage in stages[:-1]) >= epochs:
        stages = stages[:-1]
    if epochs < len(stages):
        raise TrainingRefused(
            f"its recipe has {len(stages)} stages of at least one epoch: --epochs {len(stages)} is possible, "
            f"{epochs} is not"
        )
    total = sum(stage.epochs for stage in stages)
    lengths = []
    left = epochs
    for place, stage in enumerate(stages):
        later = len(stages) - place - 1
        length = left if later == 0 else min(max(1, round(epochs * stage.epochs / total)), left - later)
        lengths.append(length)
        left -= length
    return tuple(replace(stage, epochs=length) for stage, length in zip(stages, lengths, strict=True))
