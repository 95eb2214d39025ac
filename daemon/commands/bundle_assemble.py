"""``ulna bundle assemble``: put members of other bundles together, calibrated and rated anew."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress

from daemon.commands.bundle_description import Defaults, add_description, describe, print_rating
from daemon.commands.console import error_console
from daemon.errors import DaemonError
from models.bundle.entries import Target
from models.bundle.shipped import bundle_folder
from models.bundle.targets import TARGETS

if TYPE_CHECKING:
    from models.bundle.manifest import Manifest
    from models.training.gathering import Gathered

DESCRIPTION = """\
Make a bundle of members that were trained in different runs. Where several bundles are named for a member, it
gets the mean of their weights: this often helps networks that were trained from one start with different
seeds. Calibrations, votes and operating points are fitted anew on validation data, except with --rule paper.
"""

EPILOG = """\
example:
  ulna bundle assemble hands-2 --data csv:hands.csv --license "in-house" --training-data "hands of 2025" \\
      --member mobilenet=runs/seed1/bundle,runs/seed2/bundle --member densenet201=runs/dense/bundle
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("bundle", type=Path, metavar="NEW", help="new folder")
    parser.add_argument(
        "--member",
        action="append",
        required=True,
        metavar="NAME=BUNDLE,...",
        help="a member and the bundle it is in, or bundles whose weights are averaged; once for each member",
    )
    parser.add_argument("--data", required=True, metavar="KIND:PATH", help="mura:FOLDER, or csv:FILE")
    parser.add_argument("--val-split", default="val", metavar="NAME", help="part to fit to (default: val)")
    parser.add_argument(
        "--training-recipe",
        metavar="TEXT",
        help="how they were trained (default: the bundles they come from)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the intervals (default: 0)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default: auto)")
    add_description(
        parser, name="the folder's name", rule="ulna", target="that of the bundles the members are from"
    )


def assemble(options: argparse.Namespace) -> None:
    """Write the bundle that the options describe, and print how it was rated."""
    from models.bundle.writing import refuse_existing
    from models.datasets.source import of_split, read_source
    from models.engines.device import choose_device
    from models.evaluation.cases import Level
    from models.training import assembly
    from models.training.gathering import gather
    from models.training.rating import Rating

    refuse_existing(options.bundle)
    gathered = gather(_sources(options.member))
    validation = of_split(read_source(options.data), options.val_split)
    description = describe(
        options,
        Defaults(name=options.bundle.name, rule="ulna", target=_target(options, gathered)),
        training_data=options.training_data,
        recipe=options.training_recipe or f"members of other bundles; {gathered.origin}",
        validation=validation,
    )
    rating = Rating(
        validation=validation,
        level=Level(options.operating_level),
        rule=options.rule or "ulna",
        seed=options.seed,
        device=choose_device(options.device),
    )
    with Progress(console=error_console()) as progress:
        task = progress.add_task("calibrating on all validation images", total=len(validation))
        manifest: Manifest = assembly.assemble(
            options.bundle,
            gathered.members,
            gathered.preprocessing,
            description,
            rating,
            on_progress=lambda images: progress.advance(task, images),
        )
    if not options.json:
        print_rating(str(options.bundle), manifest)


def _target(options: argparse.Namespace, gathered: "Gathered") -> Target:
    """Return what was asked for, else what all bundles look for; where these differ, somebody must say."""
    if options.target:
        return TARGETS[options.target]
    if len(gathered.targets) > 1:
        found = " and ".join(sorted(target.text for target in gathered.targets))
        raise DaemonError(f"the bundles look for {found}; say what the new one looks for: --target")
    (target,) = gathered.targets
    return target


def _sources(texts: Sequence[str]) -> dict[str, list[Path]]:
    sources: dict[str, list[Path]] = {}
    for text in texts:
        name, _, bundles = text.partition("=")
        folders = [bundle_folder(Path(bundle).expanduser()) for bundle in bundles.split(",") if bundle]
        if not name or not folders or name in sources:
            raise DaemonError(f"--member {text}: expected NAME=BUNDLE or NAME=BUNDLE,BUNDLE, each name once")
        sources[name] = folders
    return sources
