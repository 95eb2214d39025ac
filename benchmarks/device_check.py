"""Does a device compute as this machine's CPU does, and does it repeat itself? Exit status 1: it does not.

    .venv/bin/python benchmarks/device_check.py --device cuda

A bundle reads generated radiographs on the CPU and on the device: the largest differences of P(abnormal) and
of the maps' cells, and the time that a batch takes. Then each of its members is trained for a few steps on
generated radiographs: twice, and once more interrupted in the middle and gone on with. All three must end
with the same weights, bit by bit.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from models.bundle.loading import Bundle, load_bundle
from models.bundle.manifest import MemberEntry
from models.bundle.shipped import bundle_folder
from models.datasets.sample import Box, Sample
from models.ensemble import Ensemble, open_ensemble
from models.finding import ViewReading
from models.networks.member import build_member
from models.training.recipe import Recipe, Stage
from models.training.recipes import ULNA
from models.training.task import Progress, Task
from models.training.trainer import train_member

BATCHES = (1, 8, 32)
COMPARED = 8  # views that both read
# What float32 may differ by, in P(abnormal): far below what any page or report shows.
ALLOWED = 1e-4
SIDE = 448
BAR = Box(left=180.0, top=200.0, width=80.0, height=40.0)


class Interrupted(Exception):
    """Stands for a power cut."""


def main() -> int:
    options = _options()
    place = bundle_folder(Path(options.bundle))
    bundle = load_bundle(place)
    named = options.members or list(bundle.members)
    if unknown := [name for name in named if name not in bundle.members]:
        raise SystemExit(f"--members: the bundle has {', '.join(bundle.members)}, not {', '.join(unknown)}")
    print(f"{bundle.identity.label} on {options.device}, torch {torch.__version__}")
    # An engine moves the members of its bundle: the device has a bundle of its own.
    agrees = _agrees(open_ensemble(bundle, "cpu"), open_ensemble(load_bundle(place), options.device))
    with tempfile.TemporaryDirectory() as folder:
        samples = list(_radiographs(Path(folder), 16))
        repeats = [
            _repeats(bundle, entry, samples, Path(folder), options)
            for entry in bundle.manifest.members
            if entry.name in named
        ]
    return 0 if agrees and all(repeats) else 1


def _agrees(here: Ensemble, there: Ensemble) -> bool:
    generator = np.random.default_rng(0)
    shape = (max(BATCHES), *there.preprocessing.input_size)
    views = generator.uniform(-1.0, 1.0, shape).astype(np.float32)
    for batch in BATCHES:
        there.read(views[:batch])  # libraries choose their kernels
        started = time.perf_counter()
        there.read(views[:batch])
        print(f"  batch of {batch:2}: {1000 * (time.perf_counter() - started):7.0f} ms")
    compared = views[:COMPARED]
    probability, cell = _differences(here.read(compared), there.read(compared))
    print(f"  largest difference from the CPU: P(abnormal) {probability:.1e}, cells {cell:.1e}")
    return probability <= ALLOWED


def _differences(one: list[ViewReading], other: list[ViewReading]) -> tuple[float, float]:
    pairs = [pair for a, b in zip(one, other, strict=True) for pair in zip(a.members, b.members, strict=True)]
    probability = max(abs(a.probability - b.probability) for a, b in pairs)
    return probability, max(float(np.abs(a.activation - b.activation).max()) for a, b in pairs)


def _radiographs(folder: Path, count: int) -> Iterator[Sample]:
    generator = np.random.default_rng(1)
    for number in range(count):
        pixels: NDArray[np.float64] = generator.uniform(40.0, 90.0, (SIDE, SIDE))
        if abnormal := number % 2 == 1:
            pixels[200:240, 180:260] = 255.0
        path = folder / f"{number}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        yield Sample(
            image=path,
            abnormal=abnormal,
            split="train",
            study=str(number),
            region="wrist",
            boxes=(BAR,) if abnormal else (),
        )


def _repeats(
    bundle: Bundle, entry: MemberEntry, samples: list[Sample], folder: Path, options: argparse.Namespace
) -> bool:
    recipe = replace(
        ULNA, stages=(Stage(epochs=2, side=224, whole_every=2),), batch=options.batch, steps_per_epoch=2
    )
    start = bundle.members[entry.name].state_dict()

    def trained(
        name: str, on_step: Callable[[Progress], None] = lambda progress: None
    ) -> dict[str, torch.Tensor]:
        member = build_member(entry.architecture, sharpness=entry.sharpness)
        member.load_state_dict(start)
        task = _task(entry, recipe, samples, folder / f"{entry.name}-{name}", options)
        train_member(task, member, on_step=on_step, on_epoch=lambda history: None)
        return {key: tensor.cpu() for key, tensor in member.state_dict().items()}

    def interrupt(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (2, 1):
            raise Interrupted

    started = time.perf_counter()
    once, again = trained("once"), trained("again")
    try:
        trained("interrupted", interrupt)
    except Interrupted:
        resumed = trained("interrupted")
    same = [all(torch.equal(once[key], other[key]) for key in once) for other in (again, resumed)]
    words = ["the same" if equal else "OTHER WEIGHTS" for equal in same]
    seconds = time.perf_counter() - started
    print(f"  {entry.name}: trained again {words[0]}, interrupted {words[1]} ({seconds:.0f} s)", flush=True)
    return all(same)


def _task(
    entry: MemberEntry, recipe: Recipe, samples: list[Sample], folder: Path, options: argparse.Namespace
) -> Task:
    folder.mkdir(exist_ok=True)
    return Task(
        architecture=entry.architecture,
        recipe=recipe,
        seed=0,
        training=samples,
        validation=samples[:4],
        folder=folder,
        run={"bundle": entry.name},
        device=options.device,
        workers=options.workers,
        validate_every=2,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--bundle", default="ensemble200-fracatlas", help="a name or a folder")
    parser.add_argument("--members", nargs="+", metavar="NAME", help="train these only, say mobilenet")
    parser.add_argument("--batch", type=int, default=16, metavar="N", help="views per step of training")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes that prepare images")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
