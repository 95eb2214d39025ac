"""Measures where the maps of a bundle point, over a data set with boxes.

Only true positives count: a map of a view that is not flagged is shown to nobody. This module takes those of
the ensemble for every map, so that members and combinations are compared on the same images.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import SENSITIVE, BundleIdentity
from models.evaluation.combinations import COMBINATIONS
from models.evaluation.evaluation import ENSEMBLE, Localized, Located
from models.evaluation.figures import Figure, mean_figures
from models.evaluation.localization import localize
from models.evaluation.plan import Plan
from models.evaluation.predictions import Predictions
from models.finding import cell_probabilities

_MEASURES = ("pointing_game", "energy_inside", "iou", "box_share")


def localized(predictions: Predictions, bundle: BundleIdentity, plan: Plan) -> Localized | None:
    """Measure each member's map and each way to combine them; None where no flagged image has a box."""
    point = bundle.operating_point(SENSITIVE)
    has_box = np.array([bool(sample.boxes) for sample in predictions.samples])
    chosen = np.flatnonzero(has_box & (predictions.scores(bundle.members) >= point.threshold))
    if chosen.size == 0:
        return None
    return Localized(
        boxed=int(has_box.sum()),
        images=chosen.size,
        point=point.name,
        threshold=point.threshold,
        maps=tuple(_located(predictions, chosen, plan)),
    )


def _located(predictions: Predictions, chosen: NDArray[np.intp], plan: Plan) -> Iterator[Located]:
    for name, combine in COMBINATIONS.items() if len(predictions.members) > 1 else ():
        maps = [
            combine(
                predictions.activations[:, place],
                predictions.probabilities[:, place],
                predictions.votes,
            )
            for place in chosen
        ]
        figures = _figures(predictions, chosen, maps, plan)
        yield Located(classifier=ENSEMBLE, combination=name, figures=figures)
    for member, activations in zip(predictions.members, predictions.activations, strict=True):
        maps = [activations[place] for place in chosen]
        figures = _figures(predictions, chosen, maps, plan)
        yield Located(classifier=member, combination="", figures=figures)


def _figures(
    predictions: Predictions, chosen: NDArray[np.intp], maps: Sequence[NDArray[np.float32]], plan: Plan
) -> Mapping[str, Figure]:
    found = [
        localize(
            activation,
            predictions.samples[place].boxes or (),
            (int(predictions.shapes[place, 0]), int(predictions.shapes[place, 1])),
            predictions.preprocessing,
            shown=cell_probabilities,
        )
        for place, activation in zip(chosen, maps, strict=True)
    ]
    return mean_figures(
        {name: [float(getattr(each, name)) for each in found] for name in _MEASURES},
        [predictions.samples[place].cluster for place in chosen],
        seed=plan.seed,
        resamples=plan.resamples,
    )
