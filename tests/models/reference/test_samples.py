from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.bundle.entries import Preprocessing
from models.datasets.sample import Sample
from models.errors import SamplesInsufficient
from models.networks.member import build_member, initialize
from models.picture import read_picture
from models.preprocess import displayed, preprocess
from models.reference.fitting import ReferenceInputs, reference_of
from models.reference.reference import NewReference
from models.reference.samples import reference_of_samples
from tests.models.radiograph_like import SIZE, limbs

SPEC = Preprocessing(input_size=SIZE)
MEMBER = build_member("mobilenet")
initialize(MEMBER, 1)


def samples(folder: Path, split: str, images: Sequence[NDArray[np.float32]]) -> list[Sample]:
    made = []
    for number, image in enumerate(images):
        path = folder / f"{split}-{number}.png"
        Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(path)
        made.append(Sample(image=path, abnormal=False, split=split, study=path.stem, region="wrist"))
    return made


def inputs_of(given: Sequence[Sample]) -> list[NDArray[np.float32]]:
    return [preprocess(read_picture(sample.image), SPEC) for sample in given]


def tone_distances(new: NewReference, pictures: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    views = np.stack([preprocess(np.ascontiguousarray(picture), SPEC) for picture in pictures])
    return new.reference.statistics.tones_distance(displayed(views, SPEC))


def test_images_are_counted_not_their_cuts(tmp_path: Path):
    few = [*samples(tmp_path, "train", limbs(10, seed=1)), *samples(tmp_path, "val", limbs(20, seed=2))]
    with pytest.raises(SamplesInsufficient, match="16 training images, found 10"):
        reference_of_samples({"mobilenet": MEMBER}, few, SPEC, data="few")


def test_parts_of_radiographs_are_nearer_where_the_reference_has_seen_parts(tmp_path: Path):
    training = samples(tmp_path, "train", limbs(60, seed=1))
    validation = samples(tmp_path, "val", limbs(30, seed=2))
    whole = reference_of(
        {"mobilenet": MEMBER},
        ReferenceInputs(training=inputs_of(training), validation=inputs_of(validation)),
        SPEC,
        data="whole",
    )
    looked = []
    made = reference_of_samples(
        {"mobilenet": MEMBER},
        [*training, *validation],
        SPEC,
        data="whole and cut",
        on_progress=lambda: looked.append(1),
    )
    assert (made.training_images, made.validation_images, len(looked)) == (60, 30, 60 + 60 + 30)
    parts = [image[10:-10, 15:-15] for image in limbs(30, seed=3)]
    assert np.median(tone_distances(made, parts)) < 0.5 * np.median(tone_distances(whole, parts))
    assert np.median(tone_distances(made, limbs(30, seed=3))) < 1.1
