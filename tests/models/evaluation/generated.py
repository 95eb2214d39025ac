"""Builds labels and scores for the tests of the metrics."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

# Few distinct values, so that ties, one class only and all scores equal come up all the time. Sixteenths are
# exact in binary, so that sums do not depend on their order.
samples = st.lists(
    st.tuples(st.booleans(), st.integers(0, 16).map(lambda n: n / 16)), min_size=1, max_size=40
).map(lambda rows: (np.array([label for label, _ in rows]), np.array([score for _, score in rows])))

repeatable = settings(derandomize=True, deadline=None, max_examples=200)


def shifted_classes(count=200, *, shift=1.5, abnormal_share=0.4, seed=0):
    """Labels and probabilities of two overlapping normal distributions of logits, `shift` apart."""
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < abnormal_share
    logits = rng.normal(size=count) + shift * labels
    return labels, 1 / (1 + np.exp(-logits))
