"""Count which inputs a bundle warns of: its own kind of radiographs, and inputs that are deliberately wrong.

    .venv/bin/python benchmarks/drift.py BUNDLE --data csv:all.csv --regions hand,shoulder

The bundle must have a reference; `ulna bundle add-reference` gives it one.

Prints a line for each kind of input: the share that is warned of, the words that are said, and the median
distance (1 is the limit). Wrong inputs are made from the chosen images, or drawn. Radiographs of other
regions in the same data set, if there are any, stand for other body parts. --report also writes JSON.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from models.bundle.loading import load_bundle
from models.datasets.sample import Sample
from models.datasets.source import of_split, read_source
from models.engines.device import choose_device
from models.ensemble import Ensemble, open_ensemble
from models.errors import UnreadablePicture
from models.picture import read_picture
from models.preprocess import preprocess
from models.reference.drift import InputCheck
from models.reference.samples import is_of_regions

BATCH = 16
DRAWN = 20  # of each kind of drawn input

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    kind: str
    images: int
    warned: int
    words: Mapping[str, int]
    median_distance: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, help="a bundle with a reference")
    parser.add_argument("--data", required=True, metavar="KIND:PATH", help="as for ulna evaluate")
    parser.add_argument("--split", default="val")
    parser.add_argument("--regions", default="", metavar="NAME,NAME", help="what the bundle is for")
    parser.add_argument("--wrong", type=int, default=160, help="images that each wrong kind is made from")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--report", type=Path, metavar="FILE", help="also write the table as JSON")
    options = parser.parse_args()
    bundle = load_bundle(options.bundle, device=choose_device(options.device))
    if bundle.reference is None:
        raise SystemExit(f"{options.bundle} has no reference; add one with: ulna bundle add-reference")
    ensemble = open_ensemble(bundle, choose_device(options.device))
    regions = frozenset(filter(None, options.regions.split(",")))
    samples = of_split(read_source(options.data), options.split)
    lines = []
    for kind, pictures in kinds(samples, regions, wrong=options.wrong):
        line = counted(kind, pictures, ensemble)
        if line.images:
            lines.append(line)
            words = ", ".join(f"{word} {number}" for word, number in line.words.items())
            share = line.warned / line.images
            median = f"{line.median_distance:.2f}"
            print(f"{kind:28} {line.images:5} {share:7.1%}  median {median:>5}  {words}", flush=True)
    if options.report:
        rows = [
            {"kind": line.kind, "images": line.images, "warned": line.warned, "words": dict(line.words)}
            for line in lines
        ]
        options.report.write_text(json.dumps(rows, indent=1) + "\n")


def kinds(
    samples: Iterable[Sample], regions: frozenset[str], *, wrong: int
) -> Iterator[tuple[str, Iterable[Picture]]]:
    own = [sample for sample in samples if is_of_regions(sample, regions)]
    others = [sample for sample in samples if not is_of_regions(sample, regions)]
    yield "as they are", read(own)
    for region in sorted({sample.region for sample in others}):
        yield f"another part: {region}", read(sample for sample in others if sample.region == region)
    some = own[:: max(1, len(own) // wrong)][:wrong]
    for kind, change in changes().items():
        yield kind, (np.ascontiguousarray(change(picture), dtype=np.float32) for picture in read(some))
    generator = np.random.default_rng(0)
    yield "uniform noise", (generator.random((400, 300), dtype=np.float32) for _ in range(DRAWN))
    yield "screenshot, black on white", (_screenshot(n, ground=255, ink=0) for n in range(DRAWN))
    yield "screenshot, white on dark", (_screenshot(n, ground=20, ink=220) for n in range(DRAWN))
    yield "blank", (np.full((400, 300), level, dtype=np.float32) for level in np.linspace(0, 1, 11))


def changes() -> Mapping[str, Callable[[Picture], Picture]]:
    return {
        "inverted": lambda image: 1.0 - image,
        "turned by 90 degrees": np.rot90,
        "turned by 180 degrees": lambda image: image[::-1, ::-1],
        "mirrored (right to left)": lambda image: image[:, ::-1],
        "middle half only": lambda image: image[_middle(image.shape[0]), _middle(image.shape[1])],
        "a fifth of the contrast": lambda image: np.float32(0.4) + np.float32(0.2) * image,
        "gamma 0.5": np.sqrt,
        "gamma 2": np.square,
        "with strong noise": _noisy,
        "shown in a viewer's window": _viewer,
    }


def counted(kind: str, pictures: Iterable[Picture], ensemble: Ensemble) -> Line:
    checks = list(checked(pictures, ensemble))
    warnings = [check.warning for check in checks if check.warning is not None]
    return Line(
        kind=kind,
        images=len(checks),
        warned=len(warnings),
        words=Counter(map(str, warnings)),
        median_distance=float(np.median([check.distance for check in checks])) if checks else 0.0,
    )


def checked(pictures: Iterable[Picture], ensemble: Ensemble) -> Iterator[InputCheck]:
    inputs = (preprocess(picture, ensemble.preprocessing) for picture in pictures)
    while batch := list(islice(inputs, BATCH)):
        readings = ensemble.read(np.stack(batch))
        yield from (reading.input_check for reading in readings if reading.input_check is not None)


def read(samples: Iterable[Sample]) -> Iterator[Picture]:
    for sample in samples:
        try:
            yield read_picture(sample.image)
        except UnreadablePicture as error:
            print(f"left out: {error}")


def _middle(side: int) -> slice:
    return slice(side // 4, side - side // 4)


def _noisy(image: Picture) -> Picture:
    grain = np.random.default_rng(1).standard_normal(image.shape, dtype=np.float32)
    return np.clip(image + np.float32(0.2) * grain, 0.0, 1.0)


def _screenshot(number: int, *, ground: int, ink: int) -> Picture:
    """Draw a page of text lines in several sizes, with a bar here and there."""
    generator = np.random.default_rng(number)
    page = Image.new("L", (512, 384), ground)
    canvas, y = ImageDraw.Draw(page), 8
    while y < 370:
        size = int(generator.integers(9, 20))
        words = (
            "".join(map(chr, generator.integers(97, 123, int(generator.integers(2, 10))))) for _ in range(8)
        )
        canvas.text((10, y), " ".join(words), fill=ink, font=ImageFont.load_default(size))
        y += size + 6
        if generator.random() < 0.15:
            canvas.rectangle((10, y, int(generator.integers(100, 500)), y + 20), fill=128)
            y += 28
    return np.asarray(page, dtype=np.float32) / np.float32(255)


def _viewer(image: Picture) -> Picture:
    """Put a radiograph into the window of a program: menu bar, list at the left, gray ground."""
    window = Image.new("L", (640, 480), 40)
    scale = min(300 / image.shape[0], 300 / image.shape[1])
    size = (max(1, int(image.shape[1] * scale)), max(1, int(image.shape[0] * scale)))
    window.paste(Image.fromarray(np.rint(255 * image).astype(np.uint8)).resize(size), (180, 90))
    canvas = ImageDraw.Draw(window)
    canvas.rectangle((0, 0, 640, 6), fill=230)
    for y in range(10, 470, 22):
        canvas.text((8, y), f"Study series {y}", fill=210, font=ImageFont.load_default(13))
    return np.asarray(window, dtype=np.float32) / np.float32(255)


if __name__ == "__main__":
    main()
