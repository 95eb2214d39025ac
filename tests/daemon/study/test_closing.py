"""When a study closes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.store.values import OpenStudy, ViewKind
from daemon.study.closing import (
    EXPECTED_VIEWS,
    Closing,
    ClosingRule,
    closes_at,
    closing,
    has_expected_views,
)
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.projection import Projection
from dicom_io.selection.regions import Region
from tests.daemon.store_factory import after

RULE = ClosingRule(quiet_seconds=60, settle_seconds=5, max_wait_seconds=600, close_on_expected_views=True)


def kinds(region: str, projections: str, laterality: Laterality = Laterality.UNKNOWN) -> list[ViewKind]:
    return [ViewKind(region, laterality, projection) for projection in projections.split()]


FRONTAL, LATERAL, OBLIQUE = WHOLE_WRIST = tuple(kinds("WRIST", "frontal lateral oblique"))


def study(*, first=0.0, last=0.0, association_open=True, views=(FRONTAL,)):
    """Return a study that collects since `first` and had its last view at `last` seconds."""
    return OpenStudy(
        id=1,
        generation=1,
        collecting_since=after(first),
        last_instance_at=after(last),
        association_open=association_open,
        view_kinds=views,
    )


@pytest.mark.parametrize(
    ("what", "now", "expected"),
    [
        # Expected views: at once when the association is released, else when settle_seconds are over.
        (study(views=WHOLE_WRIST, association_open=False), 0, Closing.EXPECTED_VIEWS),
        (study(views=WHOLE_WRIST), 4.9, None),
        (study(views=WHOLE_WRIST), 5, Closing.EXPECTED_VIEWS),
        (study(views=WHOLE_WRIST, last=30), 34.9, None),
        (study(views=WHOLE_WRIST, last=30), 35, Closing.EXPECTED_VIEWS),
        # A released association alone closes nothing.
        (study(association_open=False), 0, None),
        (study(association_open=False), 59.9, None),
        # Quiet counts from the last view.
        (study(), 59.9, None),
        (study(), 60, Closing.QUIET),
        (study(last=30), 89.9, None),
        (study(last=30), 90, Closing.QUIET),
        (study(views=()), 60, Closing.QUIET),
        # The longest wait counts from the first view of the revision, however many follow.
        (study(last=590), 599.9, None),
        (study(last=590), 600, Closing.MAX_WAIT),
        (study(first=1000, last=1590), 1599.9, None),
        (study(first=1000, last=1590), 1600, Closing.MAX_WAIT),
        # Where the clock stepped back, so that the last view is to come, that wait still ends.
        (study(last=3600), 599.9, None),
        (study(last=3600), 600, Closing.MAX_WAIT),
        # The late view of a complete study: its revision closes as soon as it has settled.
        (study(first=1000, last=1000, views=(*WHOLE_WRIST, FRONTAL)), 1004.9, None),
        (study(first=1000, last=1000, views=(*WHOLE_WRIST, FRONTAL)), 1005, Closing.EXPECTED_VIEWS),
    ],
)
def test_study_closes_when_the_first_rule_holds(what, now, expected):
    assert closing(what, RULE, now=after(now)) is expected


def test_site_can_do_without_expected_views():
    rule = replace(RULE, close_on_expected_views=False)
    complete = study(views=WHOLE_WRIST, association_open=False)
    assert closing(complete, rule, now=after(59.9)) is None
    assert closing(complete, rule, now=after(60)) is Closing.QUIET


@pytest.mark.parametrize(
    ("region", "projections", "complete"),
    [
        ("WRIST", "frontal lateral oblique", True),
        ("WRIST", "frontal lateral", False),
        ("WRIST", "frontal oblique", False),
        ("HAND", "frontal oblique", True),
        ("HAND", "frontal lateral", False),
        ("ELBOW", "frontal lateral", True),
        ("ELBOW", "frontal oblique", False),
        ("FOREARM", "frontal lateral", True),
        ("FOREARM", "lateral", False),
        ("HUMERUS", "frontal lateral", True),
        ("HUMERUS", "frontal frontal", False),
        ("FINGER", "frontal lateral", True),
        ("FINGER", "frontal", False),
        ("SHOULDER", "frontal lateral", True),
        ("SHOULDER", "frontal axillary", True),
        ("SHOULDER", "lateral axillary", False),
        ("SHOULDER", "frontal oblique", False),
        ("WRIST", "frontal lateral oblique unknown", True),
        ("WRIST", "unknown unknown unknown", False),
        ("", "frontal lateral oblique", False),
        ("KNEE", "frontal lateral", False),
    ],
)
def test_expected_views_of_a_region(region, projections, complete):
    assert has_expected_views(kinds(region, projections)) is complete


def test_every_region_has_expected_views_that_exist():
    assert set(EXPECTED_VIEWS) == set(Region)
    assert all(kinds <= set(Projection) for wanted in EXPECTED_VIEWS.values() for kinds in wanted)


def test_each_region_of_a_study_must_be_complete():
    hand = kinds("HAND", "frontal oblique")
    assert has_expected_views([*WHOLE_WRIST, *hand])
    assert not has_expected_views([*WHOLE_WRIST, hand[0]])
    assert not has_expected_views([*WHOLE_WRIST, *kinds("", "unknown")])


@pytest.mark.parametrize(
    ("left", "right", "both", "unknown", "complete"),
    [
        ("frontal oblique", "", "", "", True),
        ("oblique", "frontal", "", "", False),
        ("frontal oblique", "frontal oblique", "", "", True),
        ("frontal oblique", "frontal", "", "", False),
        ("oblique", "oblique", "frontal", "", True),
        ("oblique", "", "frontal", "", False),
        ("", "", "frontal oblique", "", True),
        ("frontal", "", "", "oblique", True),
        ("frontal", "frontal oblique", "", "oblique", False),
        ("frontal oblique", "frontal oblique", "", "oblique", True),
        ("", "", "", "frontal oblique", True),
    ],
)
def test_each_side_of_a_region_must_be_complete(left, right, both, unknown, complete):
    views = [
        *kinds("HAND", left, Laterality.LEFT),
        *kinds("HAND", right, Laterality.RIGHT),
        *kinds("HAND", both, Laterality.BOTH),
        *kinds("HAND", unknown),
    ]

    assert has_expected_views(views) is complete
    assert has_expected_views(views[::-1]) is complete


def test_no_views_are_no_complete_study():
    assert not has_expected_views([])


@pytest.mark.parametrize("views", [(FRONTAL,), WHOLE_WRIST], ids=["one view", "all views"])
@pytest.mark.parametrize("last", [0.0, 550.0, 599.0])
@pytest.mark.parametrize("close_early", [True, False])
def test_a_study_closes_at_the_moment_that_is_foretold(views, last, close_early):
    rule = replace(RULE, close_on_expected_views=close_early)
    waiting = study(views=views, last=last)
    at = closes_at(waiting, rule)
    assert closing(waiting, rule, now=at - timedelta(milliseconds=1)) is None
    assert closing(waiting, rule, now=at) is not None
