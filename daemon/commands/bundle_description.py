"""What a new bundle's manifest says, as arguments of ``ulna train`` and ``ulna bundle assemble``."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.table import Table

from daemon.commands.console import console
from models.bundle.entries import Target
from models.bundle.targets import ABNORMALITY, TARGETS
from models.fold import Fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.bundle.manifest import Manifest
    from models.datasets.sample import Sample
    from models.training.assembly import Description


# What a manifest says of how it came about where members of the paper's recipe are not averaged as there.
NOT_THE_PAPERS = "; calibration, votes and operating points are ulna's own, not the paper's"


# How views become one where nobody says: the paper takes the mean.
FOLDS: "Mapping[str, str]" = {"paper": "mean", "ulna": "highest"}


def add_target(group: "argparse._ArgumentGroup", *, default: str) -> None:
    """Add ``--target``; `default` says in words what it is without."""
    group.add_argument(
        "--target",
        choices=tuple(TARGETS),
        help=f"what the labels call abnormal, and so all that results speak of (default: {default})",
    )


def add_fold(group: "argparse._ArgumentGroup", *, default: str) -> None:
    """Add ``--fold``; `default` says in words what it is without."""
    group.add_argument(
        "--fold",
        choices=tuple(Fold),
        type=Fold,
        help=f"how the views of a part become one probability (default: {default})",
    )


def add_description(
    parser: argparse.ArgumentParser, *, name: str, rule: str, target: str = ABNORMALITY.text
) -> None:
    """Add the arguments; `name`, `rule` and `target` say in words what holds if nobody says."""
    manifest = parser.add_argument_group("what the bundle's manifest says")
    add_target(manifest, default=target)
    add_fold(manifest, default="highest with --rule ulna, mean, as in the paper, with --rule paper")
    manifest.add_argument("--name", metavar="NAME", help=f"default: {name}")
    manifest.add_argument(
        "--release", default="0.1.0", metavar="VERSION", help="version of the bundle (default: 0.1.0)"
    )
    manifest.add_argument("--license", required=True, metavar="TEXT", help="license of the weights")
    manifest.add_argument("--training-data", required=True, metavar="TEXT", help="what it was trained on")
    manifest.add_argument("--attribution", metavar="TEXT", help="whom the data's license asks to name")
    manifest.add_argument(
        "--intended-use",
        default="research; not for diagnostic use",
        metavar="TEXT",
        help='default: "research; not for diagnostic use"',
    )
    manifest.add_argument(
        "--operating-level",
        choices=("study", "image"),
        default="study",
        help="what the operating points are chosen for (default: study)",
    )
    manifest.add_argument(
        "--rule",
        choices=("ulna", "paper"),
        help="how members become one answer. paper: the mean of their raw sigmoids, threshold 0.5; ulna: "
        "calibration, votes and thresholds fitted to validation data, which is not in the paper, and the "
        f"manifest says so (default: {rule})",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What counts where the options do not say; `rule` is "paper" or "ulna"."""

    name: str
    rule: str
    target: Target = ABNORMALITY


def describe(
    options: argparse.Namespace,
    defaults: Defaults,
    *,
    training_data: str,
    recipe: str,
    validation: "Sequence[Sample]",
) -> "Description":
    """Return what the options say."""
    from models.training.assembly import Description

    return Description(
        name=options.name or defaults.name,
        version=options.release,
        license=options.license,
        intended_use=options.intended_use,
        training_data=training_data,
        validation_data=f"{options.training_data}, {options.val_split}; {counted(validation)}",
        training_recipe=recipe,
        target=TARGETS[options.target] if options.target else defaults.target,
        fold=options.fold or Fold(FOLDS[options.rule or defaults.rule]),
        attribution=options.attribution,
        created=datetime.now(UTC).replace(microsecond=0),
    )


def counted(samples: "Sequence[Sample]") -> str:
    """Say how many images there are, and how many are abnormal."""
    return f"{len(samples)} images, {sum(sample.abnormal for sample in samples)} of them abnormal"


def print_rating(bundle: str, manifest: "Manifest") -> None:
    """Print the operating points and metrics of a new bundle."""
    table = Table(
        "operating point", "threshold", "sensitivity", "specificity", title=bundle, title_justify="left"
    )
    for point in manifest.operating_points:
        table.add_row(
            point.name,
            f"{point.threshold:.3f}",
            _rate(point.sensitivity, point.sensitivity_interval),
            _rate(point.specificity, point.specificity_interval),
        )
    console().print(table)
    for metric in manifest.metrics:
        console().print(f"{metric.name}: {_rate(metric.value, metric.interval)}")
    target = manifest.target
    console().print(f"looks for: {target.text}. not looked for: {target.not_looked_for}", markup=False)
    console().print(f"measured on validation data only. next: ulna evaluate {bundle} --data ...")


def _rate(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:.3f}" + ("" if interval is None else f" ({interval[0]:.3f} to {interval[1]:.3f})")
