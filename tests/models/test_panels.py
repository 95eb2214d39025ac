"""Members side by side: what one says, several together, and the paper's rule on them."""

import math

import numpy as np
import pytest

from models.bundle.entries import Calibration
from models.finding import MemberFinding, ViewFinding
from models.panels import ENSEMBLE, panels_of, paper_reading

RAW = {"a": 2.0, "b": -1.0, "c": 0.5}
CALIBRATIONS = {
    "a": Calibration(scale=0.5, offset=-1.0),
    "b": Calibration(scale=2.0),
    "c": Calibration(offset=0.3),
}


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def said(name: str, vote: float) -> MemberFinding:
    logit = CALIBRATIONS[name].scale * RAW[name] + CALIBRATIONS[name].offset
    cells = np.random.default_rng(ord(name)).normal(size=(7, 5)).astype(np.float32)
    return MemberFinding(member=name, logit=logit, probability=sigmoid(logit), activation=cells, vote=vote)


MEMBERS = (said("a", 1.0), said("b", 2.0), said("c", 4.0))


def test_all_members_together_come_first_and_say_what_the_view_says():
    ensemble, *members = panels_of(MEMBERS, threshold=0.5)
    view = ViewFinding(view_id="1", members=MEMBERS)
    assert (ensemble.name, ensemble.probability) == (ENSEMBLE, view.probability)
    np.testing.assert_array_equal(ensemble.activation, view.activation)
    assert [panel.name for panel in members] == ["a", "b", "c"]
    for panel, member in zip(members, MEMBERS, strict=True):
        assert panel.probability == member.probability
        np.testing.assert_allclose(panel.activation, member.activation, atol=1e-6)


def test_chosen_members_are_recombined_by_their_votes():
    together, *members = panels_of(MEMBERS, threshold=0.5, chosen=["c", "a"])
    assert [panel.name for panel in members] == ["a", "c"]
    expected = (MEMBERS[0].probability + 4 * MEMBERS[2].probability) / 5
    assert together.probability == pytest.approx(expected, abs=1e-12)


def test_one_member_needs_no_panel_of_several():
    (panel,) = panels_of(MEMBERS, threshold=0.5, chosen=["b"])
    assert panel.name == "b"
    assert not panel.is_ensemble


def test_the_operating_point_is_stated_for_all_members_only():
    assert [panel.is_stated for panel in panels_of(MEMBERS, threshold=0.5)] == [True, False, False, False]
    assert not any(p.is_stated for p in panels_of(MEMBERS, threshold=0.5, chosen=["a", "b"]))
    (only,) = panels_of(MEMBERS[:1], threshold=0.5)
    assert only.is_stated


def test_a_probability_on_the_threshold_reaches_it():
    threshold = MEMBERS[1].probability
    reaches = {panel.name: panel.reaches for panel in panels_of(MEMBERS, threshold=threshold)}
    assert reaches["b"]
    above = math.nextafter(threshold, 1.0)
    assert not {p.name: p.reaches for p in panels_of(MEMBERS, threshold=above)}["b"]


def test_a_member_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no member called d, e"):
        panels_of(MEMBERS, threshold=0.5, chosen=["e", "a", "d"])


def test_the_paper_averages_raw_sigmoids_and_calls_one_normal():
    reading = paper_reading(MEMBERS, CALIBRATIONS)
    expected = 1 - (sigmoid(2.0) + sigmoid(-1.0) + sigmoid(0.5)) / 3
    assert reading.score == pytest.approx(expected, abs=1e-12)
    assert reading.is_abnormal
    assert not paper_reading(MEMBERS[1:2], CALIBRATIONS).is_abnormal, "sigmoid(-1) is 0.27 abnormal"


def test_a_score_of_one_half_is_normal_in_the_paper():
    member = MemberFinding(member="x", logit=0.0, probability=0.5, activation=np.zeros((1, 1), np.float32))
    assert not paper_reading([member], {"x": Calibration()}).is_abnormal


def test_without_the_manifest_the_paper_has_no_say():
    assert all(panel.paper is None for panel in panels_of(MEMBERS, threshold=0.5))
    assert all(p.paper is not None for p in panels_of(MEMBERS, threshold=0.5, calibrations=CALIBRATIONS))
