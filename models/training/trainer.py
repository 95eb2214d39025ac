"""Trains one member: epochs of steps, a checkpoint after each. This module owns the order of things."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.utils.data import DataLoader

from models.engines.device import repeatable
from models.errors import TrainingDiverged
from models.networks.member import Member
from models.training.average import WeightAverage
from models.training.checkpoint import (
    CHECKPOINT,
    Checkpoint,
    EpochRecord,
    load_checkpoint,
    save_checkpoint,
)
from models.training.objective import Objective
from models.training.optimizer import Optimizer
from models.training.precision import autocast
from models.training.sampling import epoch_batches, steps_per_epoch
from models.training.schedule import class_weights, learning_rate
from models.training.task import Progress, Task
from models.training.teaching import Teachers
from models.training.validation import Validation, validate
from models.training.views import TrainingBatch, TrainingViews


def train_member(
    task: Task,
    member: Member,
    *,
    teachers: Sequence[Member] = (),
    on_step: Callable[[Progress], None],
    on_epoch: Callable[[Sequence[EpochRecord]], None],
) -> tuple[EpochRecord, ...]:
    """Train `member` as `task` says, from its checkpoint if it has one, and leave the average weights in it.

    Parameters
    ----------
    member
        With the weights it starts from.
    teachers
        Trained members whose answers are learned from too, see `models.training.teaching.Teachers`.
    on_step, on_epoch
        Called after each step, and after each epoch with all that have been.

    Returns
    -------
    tuple[EpochRecord, ...]
        One record for each epoch, those before an interruption included.

    Raises
    ------
    CheckpointRefused
        The checkpoint in the folder belongs to another run or cannot be read.
    TrainingDiverged
        The loss is not a number; the checkpoint of the last whole epoch stays.
    UnreadablePicture
        A sample's file cannot be read.
    """
    course = _Course(task, member, teachers)
    for epoch in range(len(course.history), task.recipe.epochs):
        started = time.monotonic()
        with repeatable(exact=False):
            loss = course.run_epoch(epoch, on_step)
        validation = course.validate() if course.is_validated(epoch) else None
        course.finish_epoch(epoch, loss, validation, time.monotonic() - started)
        on_epoch(course.history)
    member.load_state_dict(course.average.state)
    member.eval()
    return course.history


class _Course:
    """The things that change while a member is trained."""

    def __init__(self, task: Task, member: Member, teachers: Sequence[Member]) -> None:
        self._task = task
        self._recipe = task.recipe
        self._member = _placed(member, task.device)
        _set_norm_momentum(self._member, task.recipe.norm_momentum)
        placed = [_placed(teacher, task.device).eval() for teacher in teachers]
        self._teachers = Teachers(placed) if placed else None
        self._objective = _objective(task, self._member, self._teachers).to(task.device)
        self._begin_round()
        self._rate = 0.0
        self.history: tuple[EpochRecord, ...] = ()
        self._checkpoint = task.folder / CHECKPOINT
        kept = load_checkpoint(self._checkpoint, run=task.run)
        if kept is not None:
            self._restore(kept)

    def _begin_round(self) -> None:
        """Average and optimizer know nothing but the present weights."""
        others = [*self._member.head.parameters(), *self._objective.parameters()]
        self._optimizer = Optimizer(self._recipe, self._member.backbone.parameters(), others)
        self.average = WeightAverage(self._member, self._recipe.average)

    def is_validated(self, epoch: int) -> bool:
        return (epoch + 1) % self._task.validate_every == 0 or epoch + 1 == self._recipe.epochs

    def run_epoch(self, epoch: int, on_step: Callable[[Progress], None]) -> float:
        """Take the steps of `epoch` and return the mean loss."""
        present = self._recipe.round_at(epoch)
        if epoch == present.first > 0:
            self._member.load_state_dict(self.average.state)
            self._begin_round()
        self._member.train()
        features = self._recipe.stage_at(epoch).features
        steps = steps_per_epoch(len(self._task.training), self._recipe)
        total = 0.0
        for step, batch in enumerate(self._views(epoch)):
            self._rate = present.share * learning_rate(
                self._recipe.schedule, (epoch - present.first) * steps + step, present.epochs * steps
            )
            loss = self._step(batch, features=features)
            if not math.isfinite(loss):
                raise TrainingDiverged(
                    f"{self._task.architecture}: the loss of epoch {epoch + 1}, step {step + 1} is {loss}; "
                    f"the state after epoch {epoch} is kept in {self._checkpoint}. "
                    "Train again with a lower learning rate, or with --precision float32"
                )
            total += loss
            on_step(
                Progress(
                    architecture=self._task.architecture,
                    epoch=epoch + 1,
                    epochs=self._recipe.epochs,
                    step=step + 1,
                    steps=steps,
                    loss=total / (step + 1),
                )
            )
        return total / steps

    def validate(self) -> Validation:
        """Measure the average weights on the validation part."""
        present = {key: tensor.detach().clone() for key, tensor in self._member.state_dict().items()}
        self._member.load_state_dict(self.average.state)
        measured = validate(
            self._member.eval(),
            self._task.validation,
            self._recipe.preprocessing,
            device=self._task.device,
        )
        self._member.load_state_dict(present)
        return measured

    def finish_epoch(self, epoch: int, loss: float, validation: Validation | None, seconds: float) -> None:
        """Record the epoch and write the checkpoint."""
        record = EpochRecord(epoch=epoch + 1, loss=loss, learning_rate=self._rate, seconds=seconds)
        if validation is not None:
            record = replace(record, validation_loss=validation.loss, validation_auroc=validation.auroc)
        self.history = (*self.history, record)
        states = {
            "member": self._member.state_dict(),
            "objective": self._objective.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self.average.state,
            "average_steps": self.average.steps,
        }
        save_checkpoint(self._checkpoint, Checkpoint(run=self._task.run, history=self.history, states=states))

    def _restore(self, kept: Checkpoint) -> None:
        self._member.load_state_dict(kept.states["member"])
        self._objective.load_state_dict(kept.states["objective"])
        self._optimizer.load_state_dict(kept.states["optimizer"])
        self.average.state = {
            key: tensor.to(self._task.device) for key, tensor in kept.states["average"].items()
        }
        self.average.steps = kept.states["average_steps"]
        self.history = kept.history

    def _views(self, epoch: int) -> DataLoader[TrainingBatch]:
        batches = epoch_batches(self._task.training, self._recipe, seed=self._task.seed, epoch=epoch)
        views = TrainingViews(
            self._task.training, batches, self._recipe.preprocessing, self._recipe.augmentation
        )
        return DataLoader(
            views, batch_size=None, num_workers=self._task.workers, pin_memory=self._task.device != "cpu"
        )

    def _step(self, batch: TrainingBatch, *, features: bool) -> float:
        device = self._task.device
        x = batch.views.to(device, non_blocking=True).expand(-1, 3, -1, -1)
        x = x.contiguous(memory_format=torch.channels_last)
        targets = batch.labels.to(device), batch.cells.to(device)
        with autocast(self._task.architecture, device, self._task.precision):
            lesson = None if self._teachers is None else self._teachers.lesson(x, features=features)
            backbone = self._member.backbone
            levels = tuple(backbone.walk(x)) if lesson is not None and lesson.levels else (backbone(x),)
            output = self._member.judge(levels[-1])
            loss: torch.Tensor = self._objective(levels, output, self._member.head.bias, targets, lesson)
        self._optimizer.clear()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.shorten()
        value = float(loss.detach())
        if math.isfinite(value):
            self._optimizer.step(self._rate)
            self.average.add(self._member)
        return value


def _objective(task: Task, member: Member, teachers: Teachers | None) -> Objective:
    classes = (1.0, 1.0)
    if task.recipe.class_weights:
        abnormal = int(np.sum([sample.abnormal for sample in task.training]))
        classes = class_weights(len(task.training) - abnormal, abnormal)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.seed)
        return Objective(
            task.recipe.weights,
            classes=classes,
            levels=() if teachers is None else member.backbone.levels,
            teacher_levels=() if teachers is None else teachers.levels,
        )


def _set_norm_momentum(member: Member, momentum: float | None) -> None:
    if momentum is not None:
        for module in member.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = momentum


def _placed(member: Member, device: str) -> Member:
    placed: Member = member.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return placed
