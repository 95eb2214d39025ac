"""The operating points that a trained bundle gets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.datasets.sample import Sample
from models.errors import SamplesInsufficient
from models.evaluation.cases import Level
from models.evaluation.predictions import Predictions
from models.manifest import SENSITIVE, SPECIFIC, OperatingPoint, Preprocessing
from models.training.rating import operating_points


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
    points = operating_points(predictions(labels, scores), Level.IMAGE, data="val", seed=0)
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
