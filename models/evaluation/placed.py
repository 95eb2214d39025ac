"""Measures the places that a bundle outlines, over a data set: what they find, and what they make of nothing.

This module takes them as a reader is shown them: those of the ensemble's map, on images at or above an
operating point.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import SENSITIVE, SPECIFIC, BundleIdentity
from models.datasets.sample import Box, Sample
from models.evaluation.combinations import probability_weighted
from models.evaluation.evaluation import Placed
from models.evaluation.figures import figures
from models.evaluation.plan import Plan
from models.evaluation.predictions import Predictions
from models.evaluation.weighted import ratio
from models.places import Place, places

_Floats = NDArray[np.float64]


def placed(predictions: Predictions, bundle: BundleIdentity, plan: Plan) -> Iterator[Placed]:
    """Yield what the places do at the operating points `sensitive` and `specific`, over all images.

    A figure without any image that it is about, such as the share of boxes hit where nobody drew boxes, is
    not defined.
    """
    scores = predictions.scores(bundle.members)
    points = [bundle.operating_point(name) for name in (SENSITIVE, SPECIFIC)]
    shown = scores >= min(point.threshold for point in points)
    counted = [
        _count(sample, _places(predictions, place) if shown[place] else (), predictions.shapes[place])
        for place, sample in enumerate(predictions.samples)
    ]
    for point in points:
        flagged = scores >= point.threshold
        columns = _columns(predictions.samples, counted, flagged)

        def statistics(weights: _Floats, columns: _Columns = columns) -> Mapping[str, _Floats]:
            return {name: ratio(weights @ part, weights @ whole) for name, (part, whole) in columns.items()}

        yield Placed(
            point=point.name,
            threshold=point.threshold,
            boxes=sum(each.boxes for each in counted),
            flagged=int(flagged.sum()),
            figures=figures(
                statistics,
                [sample.cluster for sample in predictions.samples],
                seed=plan.seed,
                resamples=plan.resamples,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """What the places of one image are: `astray` of `places` hit no box, `hit` of `boxes` are hit."""

    places: int
    astray: int
    boxes: int
    hit: int
    covered: float


_Columns = Mapping[str, tuple[_Floats, _Floats]]


def _columns(samples: tuple[Sample, ...], counted: list[_Counted], flagged: NDArray[np.bool_]) -> _Columns:
    """Return for each figure what is summed over images (N,), and what the sum is divided by."""

    def column(name: str) -> _Floats:
        return np.array([getattr(each, name) for each in counted], dtype=np.float64)

    normal = np.array([not sample.abnormal for sample in samples])
    boxed = np.array([sample.boxes is not None for sample in samples])
    return {
        "boxes_hit": (column("hit") * flagged, column("boxes")),
        "normal_places": (column("places") * (flagged & normal), normal.astype(np.float64)),
        "astray_places": (column("astray") * (flagged & boxed), (flagged & boxed).astype(np.float64)),
        "covered": (column("covered") * flagged, flagged.astype(np.float64)),
    }


def _places(predictions: Predictions, place: int) -> tuple[Place, ...]:
    activation = probability_weighted(
        predictions.activations[:, place], predictions.probabilities[:, place], predictions.votes
    )
    rows, cols = predictions.shapes[place].tolist()
    return places(activation, (rows, cols), predictions.preprocessing)


def _count(sample: Sample, found: tuple[Place, ...], shape: NDArray[np.intp]) -> _Counted:
    boxes = sample.boxes or ()
    hits = np.array([[_hits(place, box) for box in boxes] for place in found], dtype=bool)
    hits = hits.reshape(len(found), len(boxes))
    return _Counted(
        places=len(found),
        astray=int((~hits.any(axis=1)).sum()),
        boxes=len(boxes),
        hit=int(hits.any(axis=0).sum()),
        covered=sum(place.area for place in found) / float(shape.prod()),
    )


def _hits(place: Place, box: Box) -> bool:
    """Whether a place's peak is in a box, or the middle of the box in the place."""
    row, col = place.peak_at
    inside = box.top <= row < box.top + box.height and box.left <= col < box.left + box.width
    return inside or place.encloses(box.top + box.height / 2, box.left + box.width / 2)
