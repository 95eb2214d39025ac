"""Fits how much each member's probability counts in the ensemble's.

The ensemble's probability is a linear opinion pool (Stone 1961): a mean weighted by votes. Members that
learned less draw a plain mean down; with the votes that make the validation labels likeliest they do not.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Floats = NDArray[np.float64]

# So large a share of the samples counts, for each member, as if that member alone explained them: votes stay
# away from 0, and from what a few hundred samples happen to like.
_PRIOR = 0.02
_MAX_STEPS = 1000
_TOLERANCE = 1e-9


def fit_votes(labels: ArrayLike, probabilities: ArrayLike) -> _Floats:
    """Return the votes (M,) of M members, positive, with the sum 1.

    They maximize the likelihood of the labels under the weighted mean of the probabilities, with a prior
    towards equal votes. The problem is concave; each step is one of expectation and maximization (Dempster,
    Laird & Rubin 1977).

    Parameters
    ----------
    labels
        (N,) bool, True = abnormal; of validation data.
    probabilities
        (M, N) calibrated P(abnormal) of each member, in [0, 1].
    """
    truth = np.asarray(labels, dtype=bool)
    stated = np.asarray(probabilities, dtype=np.float64)
    likelihoods = np.where(truth, stated, 1.0 - stated)
    members, samples = likelihoods.shape
    votes: _Floats = np.full(members, 1.0 / members)
    for _ in range(_MAX_STEPS):
        explained = votes[:, np.newaxis] * likelihoods
        shares = explained / np.maximum(explained.sum(axis=0), np.finfo(np.float64).tiny)
        counts = shares.sum(axis=1) + _PRIOR * samples
        found = counts / counts.sum()
        change = np.abs(found - votes).max()
        votes = found
        if change < _TOLERANCE:
            break
    return votes
