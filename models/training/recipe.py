"""Says what a recipe is: how a member is trained, in numbers. This module holds the words, no recipe."""

from dataclasses import dataclass, replace
from typing import Literal

from models.bundle.manifest import Preprocessing


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
    shift
        Of a whole radiograph, as share of its sides, to either side; black comes in.
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
    shift: float = 0.0
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
        The pooling of the member, see `models.networks.member.pool`.
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
    keras_epsilon
        What Keras' Adam adds to the root of the second moment, whose bias is not corrected yet; None takes
        torch's 1e-8, added to the corrected root.
    longest_gradient
        Longer gradients, of all weights together, are shortened to this; None leaves them as they are.
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
    keras_epsilon: float | None = None
    longest_gradient: float | None = None
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
