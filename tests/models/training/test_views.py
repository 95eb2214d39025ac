from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from models.bundle.manifest import Preprocessing
from models.datasets.sample import Sample
from models.picture import read_picture
from models.preprocess import preprocess
from models.training.recipe import Augmentation
from models.training.recipes import PAPER
from models.training.targets import UNKNOWN
from models.training.views import Cut, TrainingViews, training_view

from .generated import SIDE, TINY, samples

PLAIN = Augmentation()
SIGNED = Preprocessing(input_size=(SIDE, SIDE), resize="letterbox", lower=-1.0, upper=1.0)


@pytest.fixture
def abnormal(tmp_path: Path) -> Sample:
    return samples(tmp_path, 2)[1]


def view(sample: Sample, augmentation: Augmentation = PLAIN, *, side: int | None, seed: int = 0, **options):
    preprocessing = options.get("preprocessing", SIGNED)
    return training_view(
        sample, preprocessing, augmentation, side=side, generator=np.random.default_rng(seed)
    )


def test_a_whole_view_is_what_the_daemon_sees(abnormal: Sample):
    expected = preprocess(read_picture(abnormal.image), SIGNED)
    seen, label, _ = view(abnormal, side=None)
    assert label == 1.0
    assert np.abs(seen[0].numpy() - expected).max() < 1e-6


def test_a_whole_view_is_shifted_by_at_most_the_share_that_the_recipe_says(abnormal: Sample):
    expected = preprocess(read_picture(abnormal.image), SIGNED)
    seen, _, _ = view(abnormal, Augmentation(shift=0.05), side=None)
    far = {
        (rows, cols): np.abs(np.roll(seen[0].numpy(), (rows, cols), (0, 1)) - expected)[8:-8, 8:-8].max()
        for rows in range(-4, 5)
        for cols in range(-4, 5)
    }
    place = min(far, key=lambda shift: far[shift])
    assert far[place] < 1e-6
    assert place != (0, 0)


def test_the_paper_shows_every_view_where_it_is_and_repeats_borders_to_the_edge(tmp_path: Path):
    white = samples(tmp_path, 1)[0]
    v2.functional.to_pil_image(torch.ones(1, 50, 50)).save(white.image)
    for seed in range(8):
        seen, _, _ = view(white, PAPER.augmentation, side=None, seed=seed, preprocessing=PAPER.preprocessing)
        assert seen.shape == (1, 224, 224)
        # Nothing black comes in, from a corner by rotation or from a side by a shift.
        assert seen.min() > 0.999


def test_the_marked_cells_hold_the_bright_bar_whatever_the_turn_and_the_place(abnormal: Sample):
    turned = Augmentation(horizontal_flip=0.5, vertical_flip=0.5, rotation_degrees=90.0, scale=(0.9, 1.2))
    for seed in range(40):
        seen, label, cells = view(abnormal, turned, side=64, seed=seed)
        bright = (seen[0] > 0.9).numpy()
        for row, col in np.argwhere(cells == 1):
            assert bright[row * 32 : row * 32 + 32, col * 32 : col * 32 + 32].any()
        outside = np.kron(cells == 0, np.ones((32, 32), dtype=bool))
        # A cell that a box only brushes, by a tenth at most, stays negative; two of them may come together.
        assert bright[outside].sum() <= 0.2 * max(bright.sum(), 1)
        assert label != 1.0 or bright.any()


def test_a_normal_radiograph_has_nothing_marked(tmp_path: Path):
    _, label, cells = view(samples(tmp_path, 1)[0], side=32)
    assert label == 0.0
    assert not cells.any()


def test_without_boxes_only_the_whole_of_an_abnormal_radiograph_has_a_label(abnormal: Sample):
    undrawn = replace(abnormal, boxes=None)
    _, label, cells = view(undrawn, side=None)
    assert label == 1.0
    assert (cells == UNKNOWN).all()
    assert view(undrawn, side=32)[1] == UNKNOWN


def test_one_seed_gives_one_view_and_another_another(abnormal: Sample):
    first, again, other = (view(abnormal, TINY.augmentation, side=32, seed=seed)[0] for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_views_stay_in_the_range_of_the_preprocessing(abnormal: Sample):
    wild = Augmentation(
        brightness=0.9, contrast=0.9, log_gamma=0.9, noise=0.3, blur=2.0, rotation_degrees=45.0
    )
    for seed in range(20):
        seen, _, _ = view(abnormal, wild, side=32, seed=seed)
        assert seen.min() >= -1.0 - 1e-6
        assert seen.max() <= 1.0 + 1e-6


def test_a_batch_stacks_its_cuts_with_their_targets(tmp_path: Path):
    data = samples(tmp_path, 4)
    batches = [[Cut(position=n, side=32, seed=(0, n)) for n in range(4)]]
    batch = TrainingViews(data, batches, TINY.preprocessing, TINY.augmentation)[0]
    assert batch.views.shape == (4, 1, 32, 32)
    assert batch.cells.shape == (4, 1, 1)
    assert batch.labels[0] == 0.0
