"""Says how members are trained, every number that decides. This module holds the recipes as frozen values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from models.errors import TrainingRefused
from models.manifest import Preprocessing


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How training views are varied; each value is the widest change, drawn evenly up to it.

    Attributes
    ----------
    horizontal_flip, vertical_flip
        Probabilities.
    rotation_degrees
        To either side.
    scale
        Smallest and largest factor of the size that the preprocessing would give.
    edge_fill
        What comes in from outside when rotating: True repeats the border as Keras' ImageDataGenerator does,
        False is black.
    brightness, contrast, log_gamma
        Factors 1 -/+ the value; for gamma exp(-/+ the value).
    noise, blur
        Largest standard deviations, of gray levels in [0, 1] and in pixels; each in every second view.
    """

    horizontal_flip: float = 0.0
    vertical_flip: float = 0.0
    rotation_degrees: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    edge_fill: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    log_gamma: float = 0.0
    noise: float = 0.0
    blur: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Some epochs that look at views of one size.

    Attributes
    ----------
    epochs
        How many.
    side
        Side of the square cut out of the resized radiograph, in pixels; None takes all of it, as the daemon
        does.
    whole_every
        Every so many batches one of whole radiographs, so few that it costs as much; 0 for never.
    features
        Whether those who are taught learn the teacher's features too, or its map alone.
    restart
        Where it is not 0 the stage begins a new round: training goes on from the averaged weights with an
        optimizer that knows nothing, and the learning rate runs its course anew, up to this share of the
        schedule's peak (Loshchilov & Hutter 2017). The first stage begins the first round.
    """

    epochs: int
    side: int | None = None
    whole_every: int = 0
    features: bool = True
    restart: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Epochs with one course of the learning rate.

    `first` is its first epoch, counted from 0, `epochs` are how many it has, `share` is its part of the
    schedule's peak.
    """

    first: int
    epochs: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The learning rate over the steps, see `learning_rate`.

    `kind` "time" is Keras' former time-based decay by `decay`; "cosine" rises over the first `warm_up` share
    of the steps and falls to zero along a half cosine.
    """

    kind: Literal["time", "cosine"]
    peak: float
    decay: float = 0.0
    warm_up: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What the parts of `models.training.objective.Objective` count; the label of the view counts 1."""

    cells: float = 0.0
    positive_cell: float = 1.0
    teacher_cells: float = 0.0
    teacher_features: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one member is trained.

    Attributes
    ----------
    preprocessing
        What the bundle's manifest will say.
    sharpness
        The pooling of the member, see `models.member.pool`.
    stages
        What is looked at, in order.
    batch
        Views per step.
    steps_per_epoch
        None goes through all samples once per epoch; a number draws that many batches, half of them abnormal.
    class_weights
        Weigh the classes by n / (2 n_class), as scikit-learn's "balanced" does.
    orthogonal
        Whether kernels that mix channels take orthogonalized steps, see `models.training.optimizer`.
    norm_momentum
        How much each step counts in the statistics of the batch normalizations; None leaves what the
        architecture has.
    average
        Decay per step of the moving average of the weights that is evaluated and shipped; 0 takes the last.
    """

    name: str
    preprocessing: Preprocessing
    sharpness: float = 0.0
    stages: tuple[Stage, ...]
    batch: int = 32
    steps_per_epoch: int | None = None
    class_weights: bool = False
    schedule: Schedule
    weight_decay: float = 0.0
    orthogonal: bool = False
    norm_momentum: float | None = None
    average: float = 0.0
    augmentation: Augmentation
    weights: Weights = Weights()

    @property
    def epochs(self) -> int:
        """Number of epochs over all stages."""
        return sum(stage.epochs for stage in self.stages)

    def stage_at(self, epoch: int) -> Stage:
        """Return the stage of `epoch`, counted from 0; raise ValueError beyond the last."""
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage
            epoch -= stage.epochs
        raise ValueError(f"recipe {self.name} has {self.epochs} epochs")

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The rounds that the stages make, in order."""
        rounds: list[Round] = []
        first = 0
        for stage in self.stages:
            if stage.restart or not rounds:
                rounds.append(Round(first=first, epochs=stage.epochs, share=stage.restart or 1.0))
            else:
                rounds[-1] = replace(rounds[-1], epochs=rounds[-1].epochs + stage.epochs)
            first += stage.epochs
        return tuple(rounds)

    def round_at(self, epoch: int) -> Round:
        """Return the round that `epoch`, counted from 0, is in."""
        return next(found for found in reversed(self.rounds) if found.first <= epoch)


PAPER = Recipe(
    name="paper",
    # Banga & Waiganjo rescale by 1/255 and nothing else, whatever each network was made for. How many epochs
    # they trained is not printed.
    preprocessing=Preprocessing(input_size=(224, 224), resize="square"),
    stages=(Stage(epochs=10),),
    class_weights=True,
    schedule=Schedule(kind="time", peak=1e-4, decay=1e-4),
    augmentation=Augmentation(horizontal_flip=0.5, rotation_degrees=45.0, edge_fill=True),
)

_CUTS = Stage(epochs=20, side=224, whole_every=4)
_AGAIN = replace(_CUTS, epochs=16, restart=0.6)

# What each part of this recipe brought is told in docs/models.md.
ULNA = Recipe(
    name="ulna",
    preprocessing=Preprocessing(input_size=(448, 448), resize="letterbox", lower=-1.0, upper=1.0),
    sharpness=2.0,
    stages=(_CUTS, _AGAIN, _AGAIN, _AGAIN),
    steps_per_epoch=64,
    schedule=Schedule(kind="cosine", peak=5e-4, warm_up=0.1),
    weight_decay=0.02,
    # Keras' NASNet counts a step as 0.0003: after the steps of this recipe its statistics would still be
    # those of the start, and its answers noise.
    norm_momentum=0.01,
    average=0.99,
    augmentation=Augmentation(
        horizontal_flip=0.5,
        vertical_flip=0.3,
        rotation_degrees=30.0,
        scale=(0.64, 1.11),
        brightness=0.3,
        contrast=0.4,
        log_gamma=0.4,
        noise=0.04,
        blur=1.2,
    ),
    weights=Weights(cells=2.0, positive_cell=8.0, teacher_cells=2.0, teacher_features=2.0),
)

# Without weights a member first learns from small cuts, of which a batch costs a third.
ULNA_FROM_NOTHING = replace(
    ULNA,
    stages=(
        Stage(epochs=20, side=128),
        Stage(epochs=18, side=224, whole_every=3),
        Stage(epochs=17, side=224, whole_every=3, features=False),
    ),
    batch=64,
    schedule=Schedule(kind="cosine", peak=2.5e-3, warm_up=0.035),
    orthogonal=True,
    average=0.995,
    weights=replace(ULNA.weights, teacher_features=4.0),
)

# A member that has learned is taught again by a better teacher: at last by its map alone.
ULNA_TAUGHT = replace(
    ULNA,
    stages=(
        Stage(epochs=13, side=224, whole_every=3),
        Stage(epochs=13, side=224, whole_every=3, features=False),
    ),
    batch=64,
    schedule=Schedule(kind="cosine", peak=1.5e-3, warm_up=0.05),
    orthogonal=True,
    average=0.995,
)

RECIPES: Mapping[str, Recipe] = MappingProxyType({"paper": PAPER, "ulna": ULNA})


def recipe_for(name: str, *, pretrained: bool, taught: bool = False) -> Recipe:
    """Return the recipe "paper" or "ulna" for a member that starts from weights or nothing, taught or not."""
    if name != ULNA.name:
        return RECIPES[name]
    if not pretrained:
        return ULNA_FROM_NOTHING
    return ULNA_TAUGHT if taught else ULNA


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
        raise TrainingRefused(f"the recipe has {len(stages)} stages and needs as many epochs, not {epochs}")
    total = sum(stage.epochs for stage in stages)
    lengths = []
    left = epochs
    for place, stage in enumerate(stages):
        later = len(stages) - place - 1
        length = left if later == 0 else min(max(1, round(epochs * stage.epochs / total)), left - later)
        lengths.append(length)
        left -= length
    return tuple(replace(stage, epochs=length) for stage, length in zip(stages, lengths, strict=True))
