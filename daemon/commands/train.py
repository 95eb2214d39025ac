"""``ulna train``: train an ensemble on labeled radiographs and write its bundle."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from daemon.commands.bundle_description import (
    NOT_THE_PAPERS,
    Defaults,
    counted,
    describe,
    print_rating,
)
from daemon.commands.console import error_console
from daemon.commands.train_arguments import add_arguments
from models.datasets.source import of_split, read_source
from models.errors import TrainingRefused

if TYPE_CHECKING:
    from models.bundle.manifest import Manifest
    from models.datasets.sample import Sample
    from models.training.assembly import Description, Trained
    from models.training.checkpoint import EpochRecord
    from models.training.run import Run


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Train, then write the bundle."""
    from models.bundle.writing import refuse_existing

    bundle = options.folder / "bundle"
    refuse_existing(bundle)
    samples = read_source(options.data)
    training, validation = of_split(samples, options.train_split), of_split(samples, options.val_split)
    plan = _plan(options, training)
    description = _description(options, plan, training, validation)
    with _progress() as progress:
        trained = _train(plan, training, validation, progress)
        manifest = _assemble(bundle, options, plan, (trained, validation, description), progress)
    print_rating(str(bundle), manifest)
    return 0


def _plan(options: argparse.Namespace, training: "Sequence[Sample]") -> "Run":
    from models.engines.device import choose_device
    from models.networks.architectures import members_of
    from models.training.run import Run
    from models.training.start import Start
    from models.training.teaching import Guest

    names = options.members.split(",") if "," in options.members else options.members
    members = members_of(names)
    given = _starts(options.init, members)
    starts = {name: Start.parse(given.get(name, "none"), fresh=options.fresh) for name in members}
    for start in starts.values():
        start.fingerprint()  # a file that is not there is better found now than after the first member
    hosts = [text for text in options.teacher if "=" not in text]
    if len(hosts) > 1:
        raise TrainingRefused(f"one member can teach the others, not {', '.join(hosts)}; or take bundles'")
    return Run(
        folder=options.folder,
        recipe=options.recipe,
        starts=starts,
        teacher=hosts[0] if hosts else None,
        guests=tuple(Guest.parse(text) for text in options.teacher if "=" in text),
        cuts=any(sample.boxes for sample in training),
        epochs=options.epochs,
        steps_per_epoch=options.steps_per_epoch,
        learning_rate=options.learning_rate,
        seed=options.seed,
        device=choose_device(options.device),
        precision=options.precision,
        workers=options.workers,
        validate_every=options.validate_every,
    )


def _starts(given: Sequence[str], members: Sequence[str]) -> dict[str, str]:
    starts: dict[str, str] = {}
    for text in given:
        name, separator, start = text.partition("=")
        if not separator:
            starts = dict.fromkeys(members, text) | starts
        elif name in members:
            starts[name] = start
        else:
            raise TrainingRefused(f"--init {text}: {name} is not among the members {', '.join(members)}")
    return starts


def _description(
    options: argparse.Namespace, plan: "Run", training: "Sequence[Sample]", validation: "Sequence[Sample]"
) -> "Description":
    starts = ", ".join(f"{name} from {start.label}" for name, start in plan.starts.items())
    epochs = ", ".join(f"{name} {plan.recipe_of(name).epochs}" for name in plan.order)
    teachers = [plan.teacher] if plan.teacher else [guest.label for guest in plan.guests]
    rule = NOT_THE_PAPERS if options.recipe == "paper" and options.rule == "ulna" else ""
    teacher = f"; taught by {' and '.join(teachers)}" if teachers else ""
    return describe(
        options,
        Defaults(name=f"{options.members.replace(',', '-')}-{options.recipe}"[:36], rule=options.recipe),
        training_data=f"{options.training_data}; {counted(training)}",
        recipe=f"{options.recipe}; {starts}{teacher}; epochs {epochs}; seed {plan.seed}{rule}",
        validation=validation,
    )


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=error_console(),
    )


def _train(
    plan: "Run", training: "Sequence[Sample]", validation: "Sequence[Sample]", progress: Progress
) -> "tuple[Trained, ...]":
    from models.training.run import train_members
    from models.training.task import Progress as Steps

    reading = progress.add_task("reading all images once", total=len(training) + len(validation), note="")
    tasks = {name: progress.add_task(name, total=None, note="") for name in plan.order}

    def on_step(steps: Steps) -> None:
        progress.update(
            tasks[steps.architecture],
            total=steps.epochs * steps.steps,
            completed=(steps.epoch - 1) * steps.steps + steps.step,
            note=f"epoch {steps.epoch}/{steps.epochs} loss {steps.loss:.3f}",
        )

    def on_epoch(architecture: str, history: "Sequence[EpochRecord]") -> None:
        last = history[-1]
        measured = "" if last.validation_auroc is None else f", val AUROC {last.validation_auroc:.3f}"
        progress.console.print(
            f"{architecture} epoch {last.epoch}: loss {last.loss:.4f}{measured}, {last.seconds:.0f} s"
        )

    return train_members(
        plan,
        training,
        validation,
        on_step=on_step,
        on_epoch=on_epoch,
        on_read=lambda images: progress.advance(reading, images),
    )


def _assemble(
    bundle: Path,
    options: argparse.Namespace,
    plan: "Run",
    content: "tuple[tuple[Trained, ...], Sequence[Sample], Description]",
    progress: Progress,
) -> "Manifest":
    from models.evaluation.cases import Level
    from models.training.assembly import assemble
    from models.training.rating import Rating

    trained, validation, description = content
    rating = Rating(
        validation=validation,
        rule=options.rule or options.recipe,
        level=Level(options.operating_level),
        seed=plan.seed,
        device=plan.device,
    )
    task = progress.add_task("measuring on all validation images", total=len(validation), note="")
    return assemble(
        bundle,
        trained,
        plan.recipe_of(plan.order[0]).preprocessing,
        description,
        rating,
        on_progress=lambda images: progress.advance(task, images),
    )
