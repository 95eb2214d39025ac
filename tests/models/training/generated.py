"""Makes small radiographs with a bright bar in the abnormal ones, as files and as samples."""

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

from models.bundle.manifest import Preprocessing
from models.datasets.sample import Box, Sample
from models.training.recipe import Augmentation, Recipe, Schedule, Stage, Weights

SIDE = 64
BOX = Box(left=20.0, top=24.0, width=24.0, height=12.0)

TINY = Recipe(
    name="tiny",
    preprocessing=Preprocessing(input_size=(SIDE, SIDE), resize="letterbox"),
    sharpness=2.0,
    stages=(Stage(epochs=2, side=32, whole_every=2), Stage(epochs=2)),
    batch=4,
    steps_per_epoch=2,
    schedule=Schedule(kind="cosine", peak=1e-3, warm_up=0.1),
    weight_decay=0.01,
    orthogonal=True,
    average=0.9,
    augmentation=Augmentation(
        horizontal_flip=0.5, rotation_degrees=20.0, scale=(0.8, 1.2), brightness=0.2, noise=0.05, blur=1.0
    ),
    weights=Weights(cells=1.0, positive_cell=4.0, teacher_cells=1.0, teacher_features=1.0),
)


def samples(folder: Path, count: int, *, split: str = "train", seed: int = 0) -> tuple[Sample, ...]:
    """Write so many pictures; every second is abnormal, with one box."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        pixels = generator.uniform(40, 90, (SIDE, SIDE))
        pixels[:, 16:48] += 60
        abnormal = number % 2 == 1
        if abnormal:
            pixels[24:36, 20:44] = 255
        path = folder / f"{split}{number}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        made.append(
            Sample(
                image=path,
                abnormal=abnormal,
                split=split,
                study=f"{split}{number}",
                region="wrist",
                boxes=(BOX,) if abnormal else (),
            )
        )
    return tuple(made)


def write_table(path: Path, data: tuple[Sample, ...]) -> None:
    """Write the csv that describes `data`."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "label", "split", "study", "region", "boxes"])
        for sample in data:
            boxes = json.dumps([[box.left, box.top, box.width, box.height] for box in sample.boxes or ()])
            row = (sample.image, int(sample.abnormal), sample.split, sample.study, sample.region, boxes)
            writer.writerow(row)
