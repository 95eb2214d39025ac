"""Says whether an engine agrees with torch: on which views, in what, and by how much it may differ."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.bundle.entries import Preprocessing
from models.engines.engine import MemberPass
from models.errors import EngineUnusable
from models.finding import probabilities
from models.preprocess import preprocess

MOST_PROBABILITY = 1e-4
"""By how much an engine of float32 may differ from torch in P(abnormal) before calibration."""

MOST_CELL = 1e-3
"""And in a cell of a map, which is in log-odds."""


class Answer(BaseModel):
    """What torch answered to one view, for one member; fields as of `models.engines.engine.MemberPass`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    logit: float
    activation: tuple[tuple[float, ...], ...] = Field(strict=False)


def probes(spec: Preprocessing) -> NDArray[np.float32]:
    """Return the views that engines are compared on, (3, H, W) as `preprocess` gives them: gray clouds.

    One is faint, one usual, one full of edges.
    """
    random = np.random.default_rng(5)
    return np.stack(
        [
            preprocess(contrast * random.random((cells, cells), dtype=np.float32), spec)
            for cells, contrast in ((7, 0.3), (25, 0.8), (90, 1.0))
        ]
    )


def answers_of(passes: Mapping[str, MemberPass], view: int) -> Mapping[str, Answer]:
    """Return what members say of one view of a batch, by the name of the member."""
    return {
        name: Answer(
            logit=float(found.logit[view]), activation=tuple(map(tuple, found.activation[view].tolist()))
        )
        for name, found in passes.items()
    }


def require_agreement(answers: Mapping[str, Answer], reference: Mapping[str, Answer]) -> None:
    """Compare an engine's answers to a view with those that torch gave.

    Raises
    ------
    EngineUnusable
        They differ by more than `MOST_PROBABILITY` or `MOST_CELL`, or are of other members.
    """
    if list(answers) != list(reference):
        raise EngineUnusable("its members are not those of the bundle")
    for name, expected in reference.items():
        found = answers[name]
        one, other = probabilities(np.array([found.logit, expected.logit]))
        cells = np.abs(np.array(found.activation) - np.array(expected.activation)).max()
        # NaN is within no limit.
        if not (abs(one - other) <= MOST_PROBABILITY and cells <= MOST_CELL):
            raise EngineUnusable(
                f"its numbers are not torch's: for member {name} they differ by {abs(one - other):.1g} in "
                f"the probability (at most {MOST_PROBABILITY:g}) and by {cells:.1g} in a cell of the map "
                f"(at most {MOST_CELL:g})"
            )
