"""The script that describes FracAtlas to ulna, on a few made-up lines."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from models.datasets.sample import Sample
from models.datasets.table import read_table

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "fracatlas_table.py"
HEADER = [
    "image",
    "split",
    "fractured",
    "regions",
    "upper_extremity",
    "original_width",
    "original_height",
    "boxes_xywh",
]
# id, split, fractured, regions, upper extremity, longest side
ROWS = [
    (11, "train", 1, "hand", 1, 1501),
    (12, "train", 0, "hand", 1, 1500),
    (13, "train", 0, "leg", 0, 500),
    (15, "train", 0, "hand", 1, 500),  # 14 is not there
    (19, "train", 0, "hand", 1, 500),
    (20, "train", 0, "hand", 1, 500),  # the next block
    (21, "val", 0, "hand", 1, 500),
    (30, "val", 0, "leg", 0, 500),
    (53, "train", 0, "hand", 1, 500),
    (54, "train", 0, "leg", 0, 500),
    (61, "val", 0, "hand", 1, 500),
    (62, "train", 0, "hand", 1, 500),
    (63, "val", 0, "hand", 1, 500),
    (70, "train", 0, "hand", 1, 500),
    (80, "train", 0, "hand", 1, 500),
]
# What these images hold; the others differ. 12 and 53 are one picture, 54 and 62 another, 61 and 63 a third.
COPIES = {12: "a", 53: "a", 54: "b", 62: "b", 61: "c", 63: "c"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "fracatlas"
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number, split, fractured, regions, upper, longest in ROWS:
            name = f"IMG{number:07}.jpg"
            (folder / "images" / name).write_text(COPIES.get(number, name))
            boxes = "[[1, 2, 3, 4]]" if fractured else "[]"
            writer.writerow((name, split, fractured, regions, upper, longest, 400, boxes))
    return folder


def converted(source: Path, *options: str) -> dict[int, Sample]:
    """Run the script into another folder and read what it wrote, by id."""
    output = source.parent / "tables" / "fracatlas.csv"
    output.parent.mkdir(exist_ok=True)
    output.unlink(missing_ok=True)
    subprocess.run([sys.executable, SCRIPT, source, output, *options], check=True, capture_output=True)
    return {int(sample.image.stem[3:]): sample for sample in read_table(output)}


def test_train_keeps_all_regions_and_val_the_upper_extremity(source: Path):
    assert list(converted(source)) == [11, 12, 13, 15, 19, 20, 21, 53, 54, 61, 62, 63, 70, 80]


def test_val_keeps_all_regions_where_asked(source: Path):
    assert 30 in converted(source, "--regions", "all", "--absolute")


def test_neighbors_of_one_block_and_region_are_one_study(source: Path):
    samples = converted(source)
    studies = [samples[number].study for number in (11, 13, 15, 19, 20, 21)]
    assert samples[11].study == samples[12].study
    assert len(set(studies)) == len(studies)


def test_block_is_a_patient_and_a_divided_block_two(source: Path):
    samples = converted(source)
    assert {samples[number].patient for number in (11, 12, 13, 15, 19)} == {"block-0001"}
    assert (samples[20].patient, samples[21].patient) == ("block-0002-train", "block-0002-val")


def test_blocks_of_one_part_that_share_a_picture_are_one_patient(source: Path):
    samples = converted(source)
    # Block 5 shares one picture with block 1 and another with block 6.
    assert {samples[number].patient for number in (11, 53, 54, 62)} == {"block-0001"}
    assert {samples[number].patient for number in (61, 63)} == {"block-0006"}


def test_fold_is_left_out_of_the_training_part_only(source: Path):
    folds = [
        {
            number
            for number, sample in converted(source, "--leave-out", f"{fold}/2").items()
            if sample.split == "left-out"
        }
        for fold in (0, 1)
    ]
    # Three neighboring patients of the training part: block 1 with 5 and 6, blocks 2 and 7; then block 8.
    assert folds == [{11, 12, 13, 15, 19, 20, 53, 54, 62, 70}, {80}]


def test_fold_that_is_none_is_refused(source: Path):
    ran = subprocess.run(
        [sys.executable, SCRIPT, source, source / "new.csv", "--leave-out", "4/4"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert "expected a fold" in ran.stderr


def test_label_boxes_and_stratum_are_kept(source: Path):
    samples = converted(source)
    assert samples[11].abnormal
    assert len(samples[11].boxes or ()) == 1
    assert samples[12].boxes == ()
    assert (samples[11].stratum, samples[12].stratum) == ("high resolution", "low resolution")


def test_nothing_is_overwritten(source: Path):
    output = source.parent / "mine.csv"
    output.write_text("mine")
    ran = subprocess.run([sys.executable, SCRIPT, source, output], check=False, capture_output=True)
    assert ran.returncode != 0
    assert output.read_text() == "mine"
