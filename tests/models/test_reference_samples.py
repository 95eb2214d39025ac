from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.datasets.sample import Sample
from models.manifest import Preprocessing
from models.picture import read_picture
from models.preprocess import preprocess
from models.reference_samples import inputs_of, retaken
from tests.models.radiograph_like import limbs

SPEC = Preprocessing(input_size=(64, 64))


def test_a_retaken_radiograph_keeps_most_of_its_sides_and_its_range():
    (picture,) = limbs(1, seed=0)
    shapes = set()
    for seed in range(20):
        again = retaken(picture, np.random.default_rng(seed))
        assert all(
            0.69 * whole <= part <= whole for part, whole in zip(again.shape, picture.shape, strict=True)
        )
        assert 0.0 <= again.min() <= again.max() <= 1.0
        shapes.add(again.shape)
    assert len(shapes) > 15


def test_a_ramp_shows_where_it_was_cut_and_how_it_was_exposed():
    # Columns of 0.10, 0.11, ..., 0.89: a cut shows as the range that is left, an exposure as a power of it.
    ramp = np.tile(np.linspace(0.1, 0.89, 80, dtype=np.float32), (60, 1))
    again = retaken(ramp, np.random.default_rng(3))
    row = again[0].astype(np.float64)
    assert (again == again[0]).all()
    found = [
        (start, gamma)
        for start in range(80 - row.size + 1)
        for gamma in [np.log(row[0]) / np.log(ramp[0, start])]
        if np.allclose(row, ramp[0, start : start + row.size].astype(np.float64) ** gamma, atol=1e-5)
    ]
    (only,) = found
    assert np.exp(-0.25) <= only[1] <= np.exp(0.25)


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    path = tmp_path / "limb.png"
    Image.fromarray(np.rint(255 * limbs(1, seed=0)[0]).astype(np.uint8)).save(path)
    return Sample(image=path, abnormal=False, split="train", study="1", region="wrist")


def test_every_second_sample_is_retaken_and_every_time_alike(sample: Sample):
    first, second = list(inputs_of([sample] * 4, SPEC)), list(inputs_of([sample] * 4, SPEC))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    as_it_is = preprocess(read_picture(sample.image), SPEC)
    assert [np.array_equal(found, as_it_is) for found in first] == [True, False, True, False]
    assert not np.array_equal(first[1], first[3])


def test_what_cannot_be_read_is_left_out(sample: Sample, tmp_path: Path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    broken = Sample(image=tmp_path / "broken.png", abnormal=False, split="train", study="2", region="wrist")
    assert len(list(inputs_of([broken, sample], SPEC))) == 1
