from typing import Any

import numpy as np
import pytest

from models.engines.engine import MemberPass

GOOD: dict[str, Any] = {
    "logit": np.zeros(2),
    "activation": np.zeros((2, 7, 7), dtype=np.float32),
    "embedding": np.zeros((2, 5), dtype=np.float32),
}


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("logit", np.zeros((2, 1))),
        ("logit", np.zeros(1)),
        ("logit", np.zeros(())),
        ("logit", np.zeros(2, dtype=np.float32)),
        ("activation", np.zeros((2, 1, 7, 7), dtype=np.float32)),
        ("activation", np.zeros((1, 7, 7), dtype=np.float32)),
        ("activation", np.zeros((2, 7, 7))),
        ("embedding", np.zeros((2, 5, 1), dtype=np.float32)),
        ("embedding", np.zeros((3, 5), dtype=np.float32)),
    ],
)
def test_arrays_that_would_be_broadcast_or_converted_are_refused(name, array):
    MemberPass(**GOOD)

    with pytest.raises(ValueError, match="must be float"):
        MemberPass(**{**GOOD, name: array})
