"""Turn the labels of a prepared FracAtlas into the csv file that `ulna train` and `ulna evaluate` read.

    .venv/bin/python benchmarks/fracatlas_table.py FOLDER_WITH_labels.csv fracatlas.csv

FracAtlas (Abedeen et al. 2023, CC BY 4.0) states neither patients nor studies, and its label is FRACTURE,
not MURA's abnormality. So the studies here are pseudo-studies: images of neighboring ids, of one block of ten
and of the same regions. A patient is such a block, because neighbors are often one patient; where the split
of the data divides a block, each part counts as a patient of its own.
"""

import argparse
import csv
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

COLUMNS = ("image", "label", "split", "study", "region", "boxes", "patient", "stratum")
LONGEST_LOW_RESOLUTION = 1500  # pixels; above it, twice as many originals are fractured

Row = dict[str, str]


def number_of(row: Row) -> int:
    return int(Path(row["image"]).stem.removeprefix("IMG"))


def block_of(row: Row) -> int:
    return number_of(row) // 10


def chosen(rows: Iterable[Row], *, regions: str) -> list[Row]:
    """All rows for training; for validation the upper extremity only, or all."""
    return [
        row for row in rows if row["split"] == "train" or regions == "all" or row["upper_extremity"] == "1"
    ]


def patients_of(rows: list[Row]) -> list[str]:
    splits = defaultdict(set)
    for row in rows:
        splits[block_of(row)].add(row["split"])
    return [
        f"block-{block_of(row):04}" + (f"-{row['split']}" if len(splits[block_of(row)]) > 1 else "")
        for row in rows
    ]


def studies_of(rows: list[Row]) -> list[str]:
    """Name each row's pseudo-study by its first image; rows must be in the order of their ids."""
    studies = [f"study-{number_of(row):04}" for row in rows]
    for index, (one, other) in enumerate(pairwise(rows), start=1):
        if number_of(other) - number_of(one) == 1 and group_of(one) == group_of(other):
            studies[index] = studies[index - 1]
    return studies


def group_of(row: Row) -> tuple[int, str, str, str]:
    return block_of(row), row["split"], row["regions"], row["upper_extremity"]


def table(rows: list[Row], *, images: Path) -> Iterator[tuple[str, ...]]:
    rows = sorted(rows, key=number_of)
    for row, study, patient in zip(rows, studies_of(rows), patients_of(rows), strict=True):
        longest = max(int(row["original_width"]), int(row["original_height"]))
        yield (
            str(images / row["image"]),
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
        "--absolute",
        action="store_true",
        help="write absolute paths of images, so that the file can be moved",
    )
    options = parser.parse_args()
    with (options.source / "labels.csv").open(newline="", encoding="utf-8") as file:
        every = list(csv.DictReader(file))
    images = (options.source / "images").resolve()
    if not options.absolute:
        images = Path(os.path.relpath(images, options.output.parent.resolve()))
    rows = list(table(chosen(every, regions=options.regions), images=images))
    with options.output.open("x", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    print(f"{options.output}: {len(rows)} images of {len(every)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
