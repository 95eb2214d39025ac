"""The operating points that a trained bundle gets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.bundle.manifest import SENSITIVE, SPECIFIC, OperatingPoint, Preprocessing
from models.datasets.sample import Sample
from models.errors import MemberByChance, SamplesInsufficient
from models.evaluation.cases import Level
from models.evaluation.predictions import Predictions
from models.training.rating import operating_points, require_better_than_chance


def predictions(labels: Sequence[bool], scores: Sequence[float]) -> Predictions:
    """What one member says of images with these labels."""
    samples = tuple(
        Sample(image=Path(f"{number}.png"), abnormal=abnormal, split="val", study=str(number), region="wrist")
        for number, abnormal in enumerate(labels)
    )
    chances = np.array(scores)
    return Predictions(
        samples=samples,
        members=("mobilenet",),
        votes=np.ones(1),
        logits=np.log(chances / (1.0 - chances))[None],
        activations=np.zeros((1, len(samples), 2, 2), dtype=np.float32),
        shapes=np.full((len(samples), 2), 64),
        preprocessing=Preprocessing(input_size=(64, 64), resize="letterbox"),
    )


def rated(labels: Sequence[bool], scores: Sequence[float]) -> dict[str, OperatingPoint]:
    points = operating_points(predictions(labels, scores), Level.IMAGE, rule="ulna", data="val", seed=0)
    return {point.name: point for point in points}


def test_specific_calls_one_of_twenty_normal_at_most():
    points = rated([True, True] + [False] * 20, [0.9, 0.3, 0.8, *np.linspace(0.1, 0.5, 19)])
    assert (points[SPECIFIC].sensitivity, points[SPECIFIC].specificity) == (0.5, 0.95)
    assert points[SPECIFIC].threshold == pytest.approx(0.65)


def test_specific_calls_nothing_where_normal_images_score_highest():
    # A weak member and few images: hours of training must still end in a bundle.
    points = rated([True, True, False, False], [0.5, 0.3, 0.6, 0.1])
    assert (points[SPECIFIC].sensitivity, points[SPECIFIC].specificity) == (0.0, 1.0)
    assert points[SPECIFIC].threshold == pytest.approx(0.8)
    assert points[SENSITIVE].sensitivity == 1.0


@pytest.mark.parametrize("abnormal", [True, False])
def test_one_class_alone_has_no_operating_points(abnormal: bool):
    with pytest.raises(SamplesInsufficient, match="samples"):
        rated([abnormal] * 3, [0.2, 0.4, 0.6])


def test_by_the_papers_rule_both_points_are_at_one_half_and_measured():
    said = predictions([True, True, False, False], [0.9, 0.4, 0.6, 0.1])
    points = operating_points(said, Level.IMAGE, rule="paper", data="val", seed=0)
    assert [(point.name, point.threshold) for point in points] == [(SENSITIVE, 0.5), (SPECIFIC, 0.5)]
    assert {(point.sensitivity, point.specificity) for point in points} == {(0.5, 0.5)}
    assert all(point.sensitivity_interval is not None for point in points)


@pytest.mark.parametrize("turned", [False, True])
def test_a_member_that_may_know_nothing_is_refused_with_its_name_and_interval(turned: bool):
    rng = np.random.default_rng(3)
    labels = [number % 2 == 0 for number in range(60)]
    scores = rng.uniform(0.1, 0.9, 60)
    if turned:
        scores = np.where(labels, 0.3, 0.7) + rng.uniform(-0.2, 0.2, 60)
    with pytest.raises(
        MemberByChance,
        match=r"mobilenet 0\.\d{3} \(95 % interval 0\.\d{3} to 0\.\d{3}\)\. No bundle was written",
    ):
        require_better_than_chance(predictions(labels, scores.tolist()), Level.IMAGE, seed=0)


def test_a_member_whose_interval_lies_above_one_half_passes():
    labels = [number % 2 == 0 for number in range(60)]
    scores = np.where(labels, 0.6, 0.4) + np.random.default_rng(3).uniform(-0.3, 0.3, 60)
    require_better_than_chance(predictions(labels, scores.tolist()), Level.IMAGE, seed=0)
