"""Works out what reading flagged studies first does to a worklist.

The model: some studies wait, each abnormal with the probability `prevalence`, whatever the others are. They
are compared with first in, first out; triage reads the flagged ones first and keeps the order of arrival
within both groups. A study is then behind half of its own group, on average, and behind all of the group
before it. So the places that a study moves are a share of the other waiting studies, whatever their number:

- one that is flagged comes earlier by half the share of those not flagged;
- one that is not flagged comes later by half the share of those flagged;
- an abnormal one comes earlier on average by (1 - prevalence) * (area - 1/2), where area is how often an
  abnormal study comes before a normal one: the balanced accuracy of flags, the AUROC of scores.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.evaluation import weighted
from models.evaluation.metrics import checked

_Floats = NDArray[np.float64]


def places(share: float, waiting: int) -> float:
    """Return how many places a share of the other studies is on a list of `waiting`: 0.25 of 21 are 5."""
    return share * (waiting - 1)


def worklist_statistics(
    labels: ArrayLike, scores: ArrayLike, threshold: float, prevalence: float
) -> Callable[[_Floats], Mapping[str, _Floats]]:
    """Return the statistics of a worklist, for `models.evaluation.figures.figures`.

    Sensitivity and specificity are those of the samples; their share of abnormal ones is of no matter, since
    `prevalence` takes its place. Not defined without both classes.

    Parameters
    ----------
    labels, scores
        (N,) bool and float of studies, True and high = abnormal.
    threshold
        Studies with a score equal to or above it are flagged.
    prevalence
        Share of abnormal studies among those that wait, in [0, 1].

    Returns
    -------
    Callable[[NDArray[np.float64]], Mapping[str, NDArray[np.float64]]]
        Takes weights (R, N), returns (R,) each of: flagged, the share of studies that are; earlier, of an
        abnormal study on average; flagged_earlier, of one that is flagged; missed_later, of one that is not;
        earlier_by_score, of an abnormal study if the list is sorted by score. All but the first are shares of
        the other waiting studies, see `places`; `earlier` is below 0 where flags are worse than chance.
    """
    truth, values = checked(labels, scores)
    if not 0.0 <= prevalence <= 1.0:
        raise ValueError(f"prevalence must be in [0, 1], not {prevalence}")

    def statistics(weights: _Floats) -> dict[str, _Floats]:
        rates = weighted.rates(weighted.counts(truth, values, threshold, weights))
        flagged = prevalence * rates["sensitivity"] + (1.0 - prevalence) * (1.0 - rates["specificity"])
        return {
            "flagged": flagged,
            "earlier": (1.0 - prevalence) * (rates["balanced_accuracy"] - 0.5),
            "flagged_earlier": (1.0 - flagged) / 2.0,
            "missed_later": flagged / 2.0,
            "earlier_by_score": (1.0 - prevalence) * (weighted.auroc(truth, values, weights) - 0.5),
        }

    return statistics
