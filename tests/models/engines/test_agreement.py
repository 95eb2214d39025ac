import numpy as np
import pytest

from models.bundle.entries import Preprocessing
from models.engines.agreement import Answer, probes, require_agreement
from models.errors import EngineUnusable


def answer(logit: float = 0.0, cell: float = 0.0) -> Answer:
    return Answer(logit=logit, activation=((cell, 0.0), (0.0, 0.0)))


@pytest.mark.parametrize("found", [answer(), answer(logit=3e-4), answer(cell=9e-4), answer(cell=-9e-4)])
def test_rounding_is_agreement(found):
    require_agreement({"one": answer(), "two": found}, {"one": answer(), "two": answer()})


@pytest.mark.parametrize(
    "found",
    [
        answer(logit=5e-4),  # 1.25e-4 in the probability
        answer(cell=2e-3),
        answer(logit=float("nan")),
        answer(cell=float("nan")),
        answer(cell=float("inf")),
    ],
)
def test_more_than_rounding_is_none(found):
    with pytest.raises(EngineUnusable, match="member two"):
        require_agreement({"one": answer(), "two": found}, {"one": answer(), "two": answer()})


def test_other_members_or_another_order_are_none():
    with pytest.raises(EngineUnusable, match="members"):
        require_agreement({"two": answer(), "one": answer()}, {"one": answer(), "two": answer()})


def test_probes_are_the_same_each_time_and_differ_from_each_other():
    spec = Preprocessing(input_size=(64, 96), lower=-1.0)

    views = probes(spec)

    assert views.shape == (3, 64, 96)
    assert views.dtype == np.float32
    assert np.array_equal(views, probes(spec))
    assert [round(float(view.std()), 2) for view in views] == sorted(
        {round(float(v.std()), 2) for v in views}
    )
    assert views.min() >= -1.0
    assert views.max() <= 1.0
