"""Trains the members of an ensemble one by one. This module owns the folder of a run.

A run's folder holds a folder for each member, with its checkpoint, its curves and the numbers behind them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.datasets.sample import Sample
from models.errors import TrainingRefused
from models.networks.member import Member, build_member
from models.training.assembly import Trained
from models.training.checkpoint import CHECKPOINT, EpochRecord
from models.training.curves import write_curves
from models.training.fingerprint import (
    Fingerprint,
    data_fingerprint,
    member_fingerprint,
    teacher_fingerprint,
)
from models.training.reading import read_once
from models.training.recipe import Recipe, Schedule, Stage
from models.training.recipes import recipe_for, stretched, without_cuts
from models.training.start import Start, start_member
from models.training.task import Progress, Task
from models.training.teaching import Guest
from models.training.trainer import train_member


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is to be trained.

    Attributes
    ----------
    folder
        Of the run; checkpoints in it are gone on from.
    recipe
        Name of a recipe, see `models.training.recipes`.
    starts
        What each architecture starts from, in the order in which they are trained.
    teacher
        One of the architectures that are trained: it comes first and teaches those that start from nothing.
    guests
        Members of bundles that teach all, as they are; then there is no other teacher.
    cuts
        Whether parts of radiographs may be looked at, which takes boxes; else every stage sees whole ones.
    epochs, steps_per_epoch, learning_rate
        In place of the recipe's, see `models.training.recipes.stretched`.
    device, precision, workers, validate_every
        See `models.training.trainer.Task`.
    """

    folder: Path
    recipe: str
    starts: Mapping[str, Start]
    teacher: str | None = None
    guests: tuple[Guest, ...] = ()
    cuts: bool = True
    epochs: int | None = None
    steps_per_epoch: int | None = None
    learning_rate: float | None = None
    seed: int = 0
    device: str = "cpu"
    precision: str = "auto"
    workers: int = 0
    validate_every: int = 1

    def __post_init__(self) -> None:
        if self.teacher is not None and self.guests:
            raise TrainingRefused(
                f"either {self.teacher}, trained here, teaches, or members of bundles do; name its bundle too"
            )
        if self.teacher is not None and self.teacher not in self.starts:
            raise TrainingRefused(
                f"the teacher {self.teacher} is not among the members {', '.join(self.starts)}; add it, "
                "or say which bundle it is in"
            )

    @property
    def order(self) -> tuple[str, ...]:
        """The architectures in the order of training: the teacher first."""
        return tuple(sorted(self.starts, key=lambda name: name != self.teacher))

    def is_taught(self, architecture: str) -> bool:
        """Whether that member learns from a teacher."""
        if self.guests:
            return True
        return self.teacher not in (None, architecture) and not self.starts[architecture].pretrained

    def recipe_of(self, architecture: str) -> Recipe:
        """Return the recipe for one member with what this run changes in it."""
        pretrained = self.starts[architecture].pretrained
        recipe = recipe_for(self.recipe, pretrained=pretrained, taught=self.is_taught(architecture))
        if not self.cuts:
            recipe = without_cuts(recipe)
        if self.epochs is not None:
            recipe = replace(recipe, stages=self._stretched(architecture, recipe, self.epochs))
        if self.steps_per_epoch is not None:
            recipe = replace(recipe, steps_per_epoch=self.steps_per_epoch)
        if self.learning_rate is not None:
            schedule: Schedule = replace(recipe.schedule, peak=self.learning_rate)
            recipe = replace(recipe, schedule=schedule)
        return recipe

    def _stretched(self, architecture: str, recipe: Recipe, epochs: int) -> tuple[Stage, ...]:
        try:
            return stretched(recipe.stages, epochs)
        except TrainingRefused as exc:
            start = "from weights" if self.starts[architecture].pretrained else "from nothing"
            raise TrainingRefused(
                f"{architecture} starts {start}, and so {exc}. Give more epochs; weights to start from "
                f"(--init {architecture}=keras:FILE) without --teacher, with which 1 is enough; or "
                "--recipe paper"
            ) from exc


def train_members(
    run: Run,
    training: Sequence[Sample],
    validation: Sequence[Sample],
    *,
    on_step: Callable[[Progress], None],
    on_epoch: Callable[[str, Sequence[EpochRecord]], None],
    on_read: Callable[[int], None] = lambda images: None,
) -> tuple[Trained, ...]:
    """Read all images once, train the members of `run` one by one and return them in the order of its starts.

    Raises
    ------
    TrainingRefused
        A class is missing, a start cannot be used, or a checkpoint is of another run.
    UnreadablePicture
        See `read_once`.
    TrainingDiverged
        See `models.training.trainer.train_member`.
    """
    for name, samples in (("training", training), ("validation", validation)):
        if len({sample.abnormal for sample in samples}) < len((True, False)):
            raise TrainingRefused(
                f"the {name} part needs normal and abnormal images, and one kind is missing among its "
                f"{len(samples)}; check the labels and the split"
            )
    # Before the first is trained for hours: all starts must be there and fit.
    members = {architecture: _started(run, architecture) for architecture in run.order}
    teachers = [guest.invited(run.recipe_of(run.order[0])) for guest in run.guests]
    taught_by = [guest.fingerprint() for guest in run.guests]
    data = _data(training, validation, read_once([*training, *validation], on_read=on_read))
    trained: dict[str, Trained] = {}
    for architecture in run.order:
        member = members.pop(architecture)
        taught = run.is_taught(architecture)
        fingerprint = member_fingerprint(
            architecture=architecture,
            recipe=run.recipe_of(architecture),
            start=run.starts[architecture],
            seed=run.seed,
            data=data,
            teachers=taught_by if taught else (),
        )
        task = _task(run, architecture, fingerprint, training, validation)

        def record(history: Sequence[EpochRecord], *, architecture: str = architecture) -> None:
            write_curves(run.folder / architecture, architecture, history)
            on_epoch(architecture, history)

        train_member(task, member, teachers=teachers if taught else (), on_step=on_step, on_epoch=record)
        trained[architecture] = Trained(
            name=architecture,
            architecture=architecture,
            member=member.requires_grad_(False),
            kept=str(task.folder / CHECKPOINT),
        )
        if architecture == run.teacher:
            teachers, taught_by = [member], [teacher_fingerprint(fingerprint)]
    return tuple(trained[architecture] for architecture in run.starts)


def _started(run: Run, architecture: str) -> Member:
    member = build_member(architecture, sharpness=run.recipe_of(architecture).sharpness)
    start_member(member, architecture, run.starts[architecture], seed=run.seed)
    return member


def _task(
    run: Run,
    architecture: str,
    fingerprint: Fingerprint,
    training: Sequence[Sample],
    validation: Sequence[Sample],
) -> Task:
    folder = run.folder / architecture
    folder.mkdir(parents=True, exist_ok=True)
    return Task(
        architecture=architecture,
        recipe=run.recipe_of(architecture),
        seed=run.seed,
        training=training,
        validation=validation,
        folder=folder,
        run=fingerprint,
        device=run.device,
        precision=run.precision,
        workers=run.workers,
        validate_every=run.validate_every,
    )


def _data(training: Sequence[Sample], validation: Sequence[Sample], contents: Sequence[str]) -> Fingerprint:
    return {
        **data_fingerprint("training", training, contents[: len(training)]),
        **data_fingerprint("validation", validation, contents[len(training) :]),
    }
