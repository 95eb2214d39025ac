"""Turn the labels of a prepared FracAtlas into the csv file that `ulna train` and `ulna evaluate` read.

    .venv/bin/python benchmarks/fracatlas_table.py FOLDER_WITH_labels.csv fracatlas.csv
    .venv/bin/python benchmarks/fracatlas_table.py FOLDER_WITH_labels.csv fold0.csv --leave-out 0/4

FracAtlas (Abedeen et al. 2023, CC BY 4.0) states neither patients nor studies, and its label is FRACTURE,
not MURA's abnormality. So the studies here are pseudo-studies: images of neighboring ids, of one block of ten
and of the same regions. A patient is such a block, because neighbors are often one patient; where the split
of the data divides a block, each part counts as a patient of its own. The data set holds some pictures twice
under numbers far apart: blocks of one part that share a picture are one patient.
"""

import argparse
import csv
import hashlib
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

LEFT_OUT = "left-out"
NEIGHBORS = 3  # so many patients of neighboring ids are left out together: they may be one
LONGEST_LOW_RESOLUTION = 1500  # pixels; above it, twice as many originals are fractured

Row = dict[str, str]


class Line(NamedTuple):
    """A line of the csv; its columns are these."""

    image: str
    label: str
    split: str
    study: str
    region: str
    boxes: str
    patient: str
    stratum: str


def number_of(row: Row) -> int:
    return int(Path(row["image"]).stem.removeprefix("IMG"))


def block_of(row: Row) -> int:
    return number_of(row) // 10


def chosen(rows: Iterable[Row], *, regions: str) -> list[Row]:
    """All rows for training; for validation the upper extremity only, or all."""
    return [
        row for row in rows if row["split"] == "train" or regions == "all" or row["upper_extremity"] == "1"
    ]


def patients_of(rows: list[Row], *, pictures: Iterable[str]) -> list[str]:
    """Name each row's patient by its block, or by the first block that shares pictures with it.

    `pictures` says of each row what it shows: rows with equal entries show the same.
    """
    first = {(row["split"], block_of(row)): block_of(row) for row in rows}
    blocks_with = defaultdict(set)
    for row, picture in zip(rows, pictures, strict=True):
        blocks_with[row["split"], picture].add(block_of(row))
    for (split, _), blocks in blocks_with.items():
        joined = {first[split, block] for block in blocks}
        first |= {key: min(joined) for key, root in first.items() if key[0] == split and root in joined}
    parts = defaultdict(set)
    for (split, _), root in first.items():
        parts[root].add(split)
    patients = []
    for row in rows:
        root = first[row["split"], block_of(row)]
        patients.append(f"block-{root:04}" + (f"-{row['split']}" if len(parts[root]) > 1 else ""))
    return patients


def studies_of(rows: list[Row]) -> list[str]:
    """Name each row's pseudo-study by its first image; rows must be in the order of their ids."""
    studies = [f"study-{number_of(row):04}" for row in rows]
    for index, (one, other) in enumerate(pairwise(rows), start=1):
        if number_of(other) - number_of(one) == 1 and group_of(one) == group_of(other):
            studies[index] = studies[index - 1]
    return studies


def group_of(row: Row) -> tuple[int, str, str, str]:
    return block_of(row), row["split"], row["regions"], row["upper_extremity"]


def fold_of(text: str) -> tuple[int, int]:
    """Read "K/N": the fold K, counted from 0, of N."""
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and int(number) < int(count)):
        raise argparse.ArgumentTypeError(f"expected a fold as 0/4 to 3/4, found {text!r}")
    return int(number), int(count)


def left_out(lines: Iterable[Line], *, fold: tuple[int, int]) -> Iterator[Line]:
    """Call the training part's patients of one fold LEFT_OUT in place of "train"; the others stay."""
    lines = list(lines)
    patients = sorted({line.patient for line in lines if line.split == "train"})
    number, count = fold
    fold_patients = {
        patient for place, patient in enumerate(patients) if place // NEIGHBORS % count == number
    }
    for line in lines:
        yield line._replace(split=LEFT_OUT) if line.patient in fold_patients else line


def table(rows: list[Row], *, images: Path, written: Path) -> Iterator[Line]:
    """Make the lines of the csv; the folder `images` is called `written` in them."""
    rows = sorted(rows, key=number_of)
    pictures = [hashlib.sha256((images / row["image"]).read_bytes()).hexdigest() for row in rows]
    for row, study, patient in zip(rows, studies_of(rows), patients_of(rows, pictures=pictures), strict=True):
        longest = max(int(row["original_width"]), int(row["original_height"]))
        yield Line(
            str(written / row["image"]),
            row["fractured"],
            row["split"],
            study,
            row["regions"],
            row["boxes_xywh"],
            patient,
            "low resolution" if longest <= LONGEST_LOW_RESOLUTION else "high resolution",
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="FOLDER", help="holds labels.csv and images/")
    parser.add_argument("output", type=Path, metavar="CSV", help="file to write; nothing may be there yet")
    parser.add_argument(
        "--regions",
        choices=("upper", "all"),
        default="upper",
        help="what to keep of val: the upper extremity (default) or all; train keeps all",
    )
    parser.add_argument(
        "--leave-out",
        type=fold_of,
        metavar="K/N",
        help=f'call fold K (from 0) of N of the training part "{LEFT_OUT}": for a model that does not see it',
    )
    parser.add_argument(
        "--absolute",
        action="store_true",
        help="write absolute paths of images, so that the file can be moved",
    )
    options = parser.parse_args()
    with (options.source / "labels.csv").open(newline="", encoding="utf-8") as file:
        every = list(csv.DictReader(file))
    images = written = (options.source / "images").resolve()
    if not options.absolute:
        written = Path(os.path.relpath(images, options.output.parent.resolve()))
    lines = table(chosen(every, regions=options.regions), images=images, written=written)
    if options.leave_out:
        lines = left_out(lines, fold=options.leave_out)
    rows = list(lines)
    with options.output.open("x", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Line._fields)
        writer.writerows(rows)
    print(f"{options.output}: {len(rows)} images of {len(every)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
