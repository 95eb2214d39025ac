"""Says what a member's training is to do, and how far it is. This module holds the two values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.datasets.sample import Sample
from models.training.fingerprint import Fingerprint
from models.training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the training of a member is; `loss` is the mean of the epoch so far."""

    architecture: str
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be trained, and where.

    Attributes
    ----------
    architecture, recipe, seed
        Together with the data and the start they decide the result.
    training, validation
        Samples; nothing is chosen by the validation part, it is only reported.
    folder
        Of this member: its checkpoint lies there.
    run
        What decides the result, see Checkpoint.
    device, precision, workers
        "cpu" or "cuda"; see `models.training.precision`; processes that make views, 0 for none.
    validate_every
        Epochs between validations; the last epoch is always validated.
    """

    architecture: str
    recipe: Recipe
    seed: int
    training: Sequence[Sample]
    validation: Sequence[Sample]
    folder: Path
    run: Fingerprint
    device: str = "cpu"
    precision: str = "auto"
    workers: int = 0
    validate_every: int = 1
