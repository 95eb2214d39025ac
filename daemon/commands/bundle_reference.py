"""``ulna bundle add-reference``: tell a bundle what its training data look like."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.commands.console import error_console
from daemon.errors import DaemonError
from models.bundle.shipped import bundle_folder

if TYPE_CHECKING:
    from models.networks.member import Member

DESCRIPTION = """\
Copy a bundle and add the statistics of its training data, so that it warns of inputs unlike them: inverted
images, other body parts, screenshots. One validation image in a hundred will warn. Weights, operating points
and metrics stay as they are.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "bundle", type=bundle_folder, metavar="BUNDLE", help="the bundle as it is: name or folder"
    )
    parser.add_argument("new", type=Path, metavar="NEW", help="new folder")
    parser.add_argument(
        "--data",
        required=True,
        metavar="KIND:PATH",
        help="the data it was trained on, mura:FOLDER or csv:FILE, with the splits train and val",
    )
    parser.add_argument(
        "--regions",
        default="",
        metavar="NAME,NAME",
        help="the regions that the bundle is for; images of others then teach it what another body part is "
        "(default: all)",
    )
    parser.add_argument(
        "--description",
        required=True,
        metavar="TEXT",
        help='which images these are, for the manifest: "FracAtlas, upper extremity; others: hip and leg"',
    )
    parser.add_argument(
        "--members",
        metavar="NAME,NAME",
        help="the members whose features are compared (default: all); one that is quick saves time here",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default: auto)")


def add_reference(options: argparse.Namespace) -> None:
    """Write the bundle that the options describe."""
    from models.bundle.loading import load_bundle
    from models.bundle.writing import add_reference as write_with_reference
    from models.bundle.writing import refuse_existing
    from models.datasets.source import read_source
    from models.engines.device import choose_device
    from models.reference.samples import reference_of_samples

    refuse_existing(options.new)
    samples = read_source(options.data)
    bundle = load_bundle(options.bundle, device=choose_device(options.device))
    seen = 0

    with error_console().status("looking at the images") as status:

        def count() -> None:
            nonlocal seen
            seen += 1
            status.update(f"looking at the images: {seen}")

        new = reference_of_samples(
            _chosen(bundle.members, options.members),
            samples,
            bundle.manifest.preprocessing,
            regions=frozenset(filter(None, options.regions.split(","))),
            data=options.description,
            on_progress=count,
        )
    write_with_reference(options.bundle, options.new, new)


def _chosen(members: Mapping[str, "Member"], names: str | None) -> Mapping[str, "Member"]:
    if names is None:
        return members
    chosen = names.split(",")
    if unknown := [name for name in chosen if name not in members]:
        raise DaemonError(f"--members: the bundle has {', '.join(members)}, not {', '.join(unknown)}")
    return {name: member for name, member in members.items() if name in chosen}
