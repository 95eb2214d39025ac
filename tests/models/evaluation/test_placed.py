from dataclasses import replace

import numpy as np
import pytest

from models.bundle.manifest import Preprocessing
from models.datasets.sample import Box
from models.evaluation.placed import placed
from models.evaluation.plan import Plan
from models.evaluation.predictions import Predictions
from tests.models.builders import an_identity
from tests.models.evaluation.predicted import a_sample, an_evaluation, some_predictions

# Images of 224 x 224, so that a cell of the map is 32 pixels.
OVER_1_1 = Box(left=40, top=40, width=16, height=16)
OVER_5_5 = Box(left=168, top=168, width=16, height=16)


def an_image(number, *, odds, cells=(), boxes=()):
    """A sample, the log-odds of its view and its map, hot at `cells`."""
    activation = np.full((7, 7), -20.0, dtype=np.float32)
    for cell in cells:
        activation[cell] = 6.0
    boxes = tuple(boxes) if boxes is not None else None
    return a_sample(number, abnormal=boxes != (), boxes=boxes), odds, activation


def predicted(*images):
    samples, odds, activations = zip(*images, strict=True)
    return Predictions(
        samples=samples,
        members=("first",),
        votes=np.ones(1),
        logits=np.array([odds], dtype=np.float64),
        activations=np.stack(activations)[np.newaxis],
        shapes=np.full((len(samples), 2), 224),
        preprocessing=Preprocessing(input_size=(224, 224)),
    )


def at(name, *images, **points):
    bundle = an_identity(members=("first",), **points)
    (found,) = (each for each in placed(predicted(*images), bundle, Plan(resamples=20)) if each.point == name)
    return found


def values(found):
    return {name: figure.value for name, figure in found.figures.items()}


def test_figures_as_counted_by_hand():
    # P is .88 with log-odds of 2, above both points, and .62 with .5, above `sensitive` alone.
    images = (
        an_image(0, odds=2.0, cells=[(1, 1), (5, 5), (1, 5)], boxes=[OVER_1_1, OVER_5_5]),
        an_image(1, odds=0.5, cells=[(1, 5)], boxes=[OVER_1_1]),
        an_image(2, odds=-2.0, cells=[(1, 1)], boxes=[OVER_1_1]),
        an_image(3, odds=0.5, cells=[(1, 1), (5, 5)]),
        an_image(4, odds=-2.0, cells=[(1, 1)]),
        an_image(5, odds=2.0, cells=[(3, 3)]),
        an_image(6, odds=0.5, cells=[(5, 5)], boxes=[OVER_5_5]),
    )

    sensitive, specific = at("sensitive", *images), at("specific", *images)

    assert (sensitive.boxes, sensitive.flagged, sensitive.threshold) == (5, 5, 0.5)
    assert (specific.boxes, specific.flagged, specific.threshold) == (5, 2, 0.8)
    # Below the point a place is shown to nobody: the box of image 2 is missed, image 4 has no place.
    assert values(sensitive)["boxes_hit"] == 3 / 5
    assert values(sensitive)["normal_places"] == (2 + 1) / 3
    assert values(sensitive)["astray_places"] == (1 + 1 + 2 + 1 + 0) / 5
    assert values(specific)["boxes_hit"] == 2 / 5
    assert values(specific)["normal_places"] == 1 / 3
    assert values(specific)["astray_places"] == (1 + 1) / 2
    # A lone hot cell is a disk of .4055 cells' radius, as in test_places.
    one = np.pi * (32 * 0.4055) ** 2 / 224**2
    assert values(sensitive)["covered"] == pytest.approx(one * (3 + 1 + 2 + 1 + 1) / 5, rel=0.1)


def test_a_box_is_hit_by_a_peak_in_it_or_a_place_around_its_middle():
    def hit(*boxes):
        return values(at("sensitive", an_image(0, odds=2.0, cells=[(3, 3)], boxes=boxes)))["boxes_hit"]

    # The place is a disk of 13 pixels around (112, 112).
    assert hit(Box(left=110, top=110, width=100, height=100)) == 1.0  # its middle is at 160, far outside
    assert hit(Box(left=118, top=108, width=4, height=8)) == 1.0  # the peak is not in it
    assert hit(Box(left=118, top=108, width=40, height=8)) == 0.0  # touches the place, no more
    assert hit(Box(left=10, top=108, width=4, height=8)) == 0.0


def test_boxes_are_met_in_the_pixels_of_the_image():
    sample, odds, activation = an_image(0, odds=2.0, cells=[(5, 1)], boxes=[OVER_1_1])
    box = Box(left=20, top=500, width=16, height=100)
    predictions = replace(
        predicted((replace(sample, boxes=(box,)), odds, activation)), shapes=np.array([[700, 140]])
    )

    (sensitive, _) = placed(predictions, an_identity(members=("first",)), Plan(resamples=20))

    assert values(sensitive)["boxes_hit"] == 1.0


def test_what_no_image_is_about_is_not_defined():
    found = values(at("sensitive", an_image(0, odds=2.0, cells=[(1, 1)], boxes=None)))

    # Nobody drew boxes, so no place is known to be astray, and there is no normal image.
    assert (found["boxes_hit"], found["normal_places"], found["astray_places"]) == (None, None, None)
    assert found["covered"] > 0


def test_figures_have_intervals_over_clusters():
    # Ten patients of four images each, every other of them with two places on each image.
    found = at(
        "sensitive",
        *(an_image(n, odds=2.0, cells=[(1, 1), (5, 5)][: 1 + (n % 8 < 4)]) for n in range(40)),
    )

    figure = found.figures["astray_places"]
    assert figure.value == 1.5
    assert figure.interval.low <= 1.3
    assert figure.interval.high >= 1.7
    assert found.figures["boxes_hit"].interval is None


def test_an_evaluation_holds_both_points():
    evaluation = an_evaluation(some_predictions(studies=20))

    assert [each.point for each in evaluation.places] == ["sensitive", "specific"]
    assert all(
        set(each.figures) == {"boxes_hit", "normal_places", "astray_places", "covered"}
        for each in evaluation.places
    )
