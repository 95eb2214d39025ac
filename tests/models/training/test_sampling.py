from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.datasets.sample import Sample
from models.training.recipes import PAPER, ULNA
from models.training.sampling import epoch_batches, epoch_order, steps_per_epoch


def data(normal: int, abnormal: int) -> list[Sample]:
    return [
        Sample(image=Path(f"{n}.png"), abnormal=n >= normal, split="train", study=str(n), region="hand")
        for n in range(normal + abnormal)
    ]


def test_the_paper_sees_each_sample_once_per_epoch():
    batches = epoch_batches(data(70, 30), PAPER, seed=0, epoch=0)
    assert [len(batch) for batch in batches] == [32, 32, 32, 4]
    assert sorted(cut.position for batch in batches for cut in batch) == list(range(100))
    assert {cut.side for batch in batches for cut in batch} == {None}
    assert steps_per_epoch(100, PAPER) == 4


def test_half_of_a_drawn_epoch_is_abnormal_and_none_is_forgotten():
    samples = data(70, 30)
    order = epoch_order(samples, replace(ULNA, steps_per_epoch=6), seed=0, epoch=0)
    drawn = Counter(order.tolist())
    assert sum(count for position, count in drawn.items() if samples[position].abnormal) == 96
    assert {drawn[position] for position in range(70, 100)} == {3, 4}
    assert {drawn[position] for position in range(70)} == {1, 2}


def test_every_fourth_batch_is_of_whole_radiographs_with_as_many_pixels():
    batches = epoch_batches(data(70, 30), replace(ULNA, steps_per_epoch=8), seed=0, epoch=0)
    assert [batch[0].side for batch in batches] == [224, 224, 224, None] * 2
    # 32 * 224**2 / 448**2
    assert [len(batch) for batch in batches] == [32, 32, 32, 8] * 2


def test_an_epoch_can_be_repeated_and_no_two_are_alike():
    samples = data(20, 20)
    first, again, next_one, other = (
        epoch_order(samples, ULNA, seed=seed, epoch=epoch) for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, next_one)
    assert not np.array_equal(first, other)


def test_no_two_cuts_of_an_epoch_have_one_seed():
    cuts = [cut for batch in epoch_batches(data(20, 20), ULNA, seed=0, epoch=3) for cut in batch]
    assert len({cut.seed for cut in cuts}) == len(cuts)
