"""This module reads a data set that is described by a csv file, one radiograph a line.

The columns image, label, split, study and region must be there; boxes, patient and stratum may be. Paths of
images are relative to the csv file. A label is 1 or "abnormal", 0 or "normal". Boxes are a JSON list of
[left, top, width, height] in pixels of the image; an empty cell says that nobody drew any.
"""

import csv
import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from models.datasets.sample import Box, Sample
from models.errors import DatasetRefused

REQUIRED = ("image", "label", "split", "study", "region")
OPTIONAL = ("boxes", "patient", "stratum")

_LABELS = {"1": True, "abnormal": True, "0": False, "normal": False}

_LARGEST_SIDE = 100_000  # pixels
_PROBLEMS_SHOWN = 10

_Row = dict[str, str]


def read_table(path: Path) -> tuple[Sample, ...]:
    """Read the samples that the csv file at `path` describes, in its order.

    Raises
    ------
    DatasetRefused
        The file cannot be read, a column is missing or unknown, a cell is empty or wrong, an image is not
        there or given twice, or a study or a patient is in two splits. The message holds the first ten
        problems, each with its line and what to do.
    """
    numbered: list[tuple[int, Sample]] = []
    problems: list[str] = []
    for line, row in _rows(path):
        try:
            numbered.append((line, _sample(row, folder=path.parent)))
        except ValueError as problem:
            problems.append(f"line {line}: {problem}")
    problems += _contradictions(numbered)
    if problems:
        raise DatasetRefused(_message(path, problems))
    if not numbered:
        raise DatasetRefused(f"{path}: expected a line for each image below the header, found none")
    return tuple(sample for _, sample in numbered)


def _rows(path: Path) -> Iterator[tuple[int, _Row]]:
    """Yield each row below the header with its line number, the cells without blanks around them."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            _check_header(path, header)
            for cells in filter(None, reader):
                if len(cells) != len(header):
                    raise DatasetRefused(
                        f"{path}, line {reader.line_num}: expected {len(header)} cells as in the header, "
                        f"found {len(cells)}; put a cell that holds a comma, such as boxes, in double quotes"
                    )
                yield reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except (OSError, csv.Error, UnicodeDecodeError) as exc:
        raise DatasetRefused(f"{path}: expected a csv file in UTF-8, found {exc}; save it as one") from exc


def _check_header(path: Path, header: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    unknown = [repr(name) for name in header if name not in REQUIRED + OPTIONAL]
    repeated = sorted({name for name in header if header.count(name) > 1})
    if not (missing or unknown or repeated):
        return
    found = "; ".join(
        f"{what}: {', '.join(names)}"
        for what, names in (("missing", missing), ("unknown", unknown), ("given twice", repeated))
        if names
    )
    raise DatasetRefused(
        f"{path}, line 1: the header must hold {', '.join(REQUIRED)} and may hold {', '.join(OPTIONAL)} "
        f"({found}); rename or remove the columns"
    )


def _sample(row: _Row, *, folder: Path) -> Sample:
    """Turn a row into a sample; raise ValueError with what is wrong and what to do."""
    for name in REQUIRED:
        if not row[name]:
            raise ValueError(f"{name} is empty; fill it in or remove the line")
    abnormal = _LABELS.get(row["label"].lower())
    if abnormal is None:
        raise ValueError(f"label is {row['label']!r}; write 1 or abnormal, 0 or normal")
    image = folder / row["image"]
    if not os.path.isfile(image):
        raise ValueError(f"there is no image {image}; paths are relative to the csv file")
    boxes = _boxes(row.get("boxes", ""))
    if boxes and not abnormal:
        raise ValueError("boxes are given for a normal image; correct the label or empty the cell")
    return Sample(
        image=image,
        abnormal=abnormal,
        split=row["split"],
        study=row["study"],
        patient=row.get("patient") or None,
        region=row["region"],
        boxes=boxes,
        stratum=row.get("stratum", ""),
    )


def _boxes(cell: str) -> tuple[Box, ...] | None:
    if not cell:
        return None
    try:
        boxes = json.loads(cell)
    except (json.JSONDecodeError, RecursionError) as exc:
        raise ValueError(_bad_boxes(cell)) from exc
    if not (isinstance(boxes, list) and all(map(_is_box, boxes))):
        raise ValueError(_bad_boxes(cell))
    return tuple(Box(left=left, top=top, width=width, height=height) for left, top, width, height in boxes)


def _is_box(box: object) -> bool:
    if not (isinstance(box, list) and len(box) == 4):
        return False
    # No NaN passes the comparison, and neither does what no picture is large enough for.
    if not all(type(number) in {int, float} and 0 <= number <= _LARGEST_SIDE for number in box):
        return False
    return bool(box[2] > 0 and box[3] > 0)


def _bad_boxes(cell: str) -> str:
    return (
        f"boxes are {cell!r:.80}; write a JSON list of [left, top, width, height] in pixels, none negative, "
        "width and height above 0, such as [[220.9, 165.2, 48.6, 26.2]], or leave the cell empty"
    )


def _contradictions(numbered: list[tuple[int, Sample]]) -> Iterator[str]:
    """Yield what no line shows alone: repeated images, and studies and patients that are torn apart."""
    images: dict[str, int] = {}
    studies: dict[str, tuple[int, Sample]] = {}
    patients: dict[str, tuple[int, Sample]] = {}
    for line, sample in numbered:
        # One image under two spellings is one image.
        if (first := images.setdefault(os.path.normpath(sample.image), line)) != line:
            yield f"line {line}: the image is in line {first} already; remove one of the two"
            continue
        first, other = studies.setdefault(sample.study, (line, sample))
        if other.split != sample.split:
            yield _torn("study", line, sample.split, first, other.split)
        elif other.patient != sample.patient:
            yield f"line {line}: the study has another patient in line {first}; a study is of one patient"
        if sample.patient is None:
            continue
        first, other = patients.setdefault(sample.patient, (line, sample))
        if other.split != sample.split:
            yield _torn("patient", line, sample.split, first, other.split)


def _torn(what: str, line: int, split: str, first: int, other: str) -> str:
    return (
        f"line {line}: the {what} is in {split!r} here and in {other!r} in line {first}; keep it in one split"
    )


def _message(path: Path, problems: list[str]) -> str:
    shown = "".join(f"\n  {problem}" for problem in islice(problems, _PROBLEMS_SHOWN))
    more = len(problems) - _PROBLEMS_SHOWN
    return f"{path}: {len(problems)} problems{shown}" + (f"\n  and {more} more" if more > 0 else "")
