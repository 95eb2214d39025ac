"""Views are claimed in order, by one claimer each, and a poison view harms no other."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import text

from daemon.store import lease, views
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import InstanceEvent, InstanceState
from dicom_io.defects import Defect
from models.finding import ViewReading
from models.reference.drift import InputCheck, InputWarning
from sr_templates.reason import Reason, Withheld
from tests.daemon.store_factory import (
    ANALYZER,
    DIGEST,
    GEOMETRY,
    NOW,
    after,
    analyze_all,
    excluded,
    member_findings,
    received,
    record,
    unreadable,
    why,
)
from tests.factories import uid

LEASE_OVER = lease.LEASE.total_seconds() + 1


def claim(store, *, owner=ANALYZER, limit=8, oldest_first=False, now=NOW):
    return views.claim_views(store, owner=owner, limit=limit, oldest_first=oldest_first, now=now)


def claimed_numbers(claimed):
    """(study, instance) of each."""
    return [tuple(map(int, view.sop_instance_uid.split(".")[-3::2])) for view in claimed]


def finish(store, view, *, owner=ANALYZER, bundle_digest=DIGEST):
    return views.record_analysis(
        store,
        view,
        owner=owner,
        reading=ViewReading(members=member_findings()),
        geometry=GEOMETRY,
        bundle_digest=bundle_digest,
    )


def states(store, study=1):
    return [view.state for view in study_detail(store, uid(study)).instances]


def test_most_urgent_views_come_first_then_the_oldest(store):
    record(store, received(1, priority=2), received(2, priority=0), received(3, priority=2))
    assert claimed_numbers(claim(store)) == [(2, 1), (1, 1), (3, 1)]


def test_every_view_of_an_urgent_study_is_urgent(store):
    record(store, received(1, 1), received(2, 1), received(2, 2, priority=0))
    assert claimed_numbers(claim(store)) == [(2, 1), (2, 2), (1, 1)]


def test_oldest_first_ignores_the_ranks(store):
    record(store, received(1, priority=3), received(2, priority=0))
    assert claimed_numbers(claim(store, oldest_first=True)) == [(1, 1), (2, 1)]


def test_claim_is_no_larger_than_asked(store):
    record(store, *(received(1, number) for number in range(1, 6)))
    assert claimed_numbers(claim(store, limit=3)) == [(1, 1), (1, 2), (1, 3)]


def test_only_received_views_are_claimed(store):
    record(store, excluded(1, 1), unreadable(1, 2))
    assert not views.has_waiting_views(store, now=NOW)
    assert claim(store) == ()


def test_claimed_view_waits_for_nobody_else(store):
    record(store, received())
    assert views.has_waiting_views(store, now=NOW)
    claim(store)
    assert not views.has_waiting_views(store, now=NOW)
    assert claim(store, owner="other") == ()


def test_a_view_is_unread_until_it_is_analyzed_also_while_somebody_reads_it(store):
    assert not views.has_unread_views(store)
    record(store, received())
    assert views.has_unread_views(store)
    views.claim_views(store, owner=ANALYZER, limit=9, oldest_first=False, now=NOW)
    assert views.has_unread_views(store)
    views.release_views(store, owner=ANALYZER, forgive=True)
    analyze_all(store)
    assert not views.has_unread_views(store)


def test_claim_runs_out(store):
    record(store, received())
    claim(store)
    assert claim(store, owner="other", now=after(LEASE_OVER - 2)) == ()
    assert claimed_numbers(claim(store, owner="other", now=after(LEASE_OVER))) == [(1, 1)]


def test_analysis_is_stored_and_read_back(store):
    record(store, received())
    assert finish(store, claim(store)[0])
    (view,) = study_detail(store, uid(1)).instances
    assert (view.state, view.bundle_digest) == (InstanceState.ANALYZED, DIGEST)
    assert view.members == member_findings()
    assert view.members[0].activation.dtype == np.float32


def test_analysis_of_a_lost_claim_is_not_stored(store):
    record(store, received())
    (view,) = claim(store)
    claim(store, owner="other", now=after(LEASE_OVER))
    assert not finish(store, view)
    assert states(store) == [InstanceState.RECEIVED]
    assert finish(store, view, owner="other")


def test_analysis_is_stored_once(store):
    record(store, received())
    (view,) = claim(store)
    assert finish(store, view)
    assert not finish(store, view)


def test_unreadable_view_keeps_its_reason(store):
    record(store, received())
    (view,) = claim(store)
    reason = Reason.because(Defect.RLE_SEGMENT_SHORT, present_bytes=3, pixels=4)
    assert views.record_unreadable(
        store, view, owner=ANALYZER, cause=InstanceEvent.UNDECODABLE, reason=reason
    )
    (known,) = study_detail(store, uid(1)).instances
    assert (known.state, known.reason) == (InstanceState.UNREADABLE, reason)
    assert not views.has_waiting_views(store, now=after(LEASE_OVER))


def test_unreadable_of_a_lost_claim_is_not_stored(store):
    record(store, received())
    (view,) = claim(store)
    views.release_views(store, owner=ANALYZER, forgive=False)
    assert not views.record_unreadable(
        store, view, owner=ANALYZER, cause=InstanceEvent.UNDECODABLE, reason=why("late")
    )


def test_batch_of_a_dead_analyzer_is_tried_again_one_by_one(store):
    record(store, received(1, 1), received(1, 2), received(1, 3))
    claim(store)
    views.release_views(store, owner=ANALYZER, forgive=False)
    record(store, received(1, 4))
    assert claimed_numbers(claim(store)) == [(1, 1)]
    assert claimed_numbers(claim(store)) == [(1, 2)]
    assert claimed_numbers(claim(store)) == [(1, 3)]
    assert claimed_numbers(claim(store)) == [(1, 4)]


def test_fresh_views_are_not_claimed_beside_a_suspect_one(store):
    record(store, received(1, 1, priority=3))
    claim(store)
    views.release_views(store, owner=ANALYZER, forgive=False)
    record(store, received(2, 1), received(3, 1))
    assert claimed_numbers(claim(store)) == [(2, 1), (3, 1)]
    assert claimed_numbers(claim(store)) == [(1, 1)]


def test_view_that_takes_the_analyzer_down_twice_is_set_aside(store):
    record(store, received(1, 1), received(1, 2))
    for _ in range(2):
        claim(store, limit=1, oldest_first=True)
        views.release_views(store, owner=ANALYZER, forgive=False)
    assert views.set_poison_aside(store, owner=ANALYZER, now=NOW) == 1
    poison, other = study_detail(store, uid(1)).instances
    assert (poison.state, poison.exclusion) == (InstanceState.UNREADABLE, Withheld.BEGUN_TOO_OFTEN)
    assert other.state is InstanceState.RECEIVED


def test_view_that_takes_the_analyzer_down_twice_is_not_claimed_a_third_time(store):
    record(store, received())
    for _ in range(2):
        claim(store)
        views.release_views(store, owner=ANALYZER, forgive=False)
    assert claim(store) == ()
    assert views.has_waiting_views(store, now=NOW)  # so that the analyzer comes by and sets it aside


def test_machine_whose_clock_steps_forward_costs_no_attempt(store):
    record(store, received())
    claim(store)
    views.release_views(store, owner=ANALYZER, forgive=False)
    (view,) = claim(store)  # the second attempt, which goes on while another machine thinks that it ran out
    assert views.set_poison_aside(store, owner="other", now=after(LEASE_OVER)) == 0
    for owner, moment in (("other", after(LEASE_OVER)), ("third", after(2 * LEASE_OVER))):
        assert claimed_numbers(claim(store, owner=owner, now=moment)) == [(1, 1)]
    assert not finish(store, view)
    assert finish(store, view, owner="third")


def test_attempt_of_the_machine_that_took_a_view_over_is_its_first(store):
    record(store, received())
    claim(store)
    claim(store, owner="other", now=after(LEASE_OVER))
    views.release_views(store, owner="other", forgive=False)
    assert len(claim(store, owner="other", now=after(LEASE_OVER))) == 1


def test_own_claim_that_ran_out_counts(store):
    record(store, received())
    for number in range(2):
        assert len(claim(store, now=after(number * LEASE_OVER))) == 1
    assert claim(store, now=after(2 * LEASE_OVER)) == ()
    assert views.set_poison_aside(store, owner=ANALYZER, now=after(2 * LEASE_OVER)) == 1


def test_claim_from_before_the_clock_stepped_back_runs_out(store):
    record(store, received())
    claim(store, now=after(3600))
    assert claim(store, owner="other", now=after(3600 - LEASE_OVER + 2)) == ()  # as much as clocks may differ
    assert claimed_numbers(claim(store, owner="other", now=NOW)) == [(1, 1)]


@pytest.mark.parametrize("oldest_first", [True, False])
def test_urgent_view_is_claimed_next_however_many_wait(store, oldest_first):
    record(store, *(received(study, number) for study in (1, 2) for number in range(1, 101)))
    record(store, received(3, priority=0))
    assert (3, 1) in claimed_numbers(claim(store, limit=8, oldest_first=oldest_first))


def test_oldest_views_have_half_of_the_places(store):
    record(store, *(received(1, number) for number in range(1, 9)))
    record(store, *(received(2, number, priority=0) for number in range(1, 9)))
    claimed = claimed_numbers(claim(store, limit=4, oldest_first=True))
    assert claimed == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert claimed_numbers(claim(store, limit=1, oldest_first=True)) == [(1, 3)]


def test_second_attempt_that_still_runs_is_not_set_aside(store):
    record(store, received())
    claim(store)
    views.release_views(store, owner=ANALYZER, forgive=False)
    claim(store)
    assert views.set_poison_aside(store, owner=ANALYZER, now=NOW) == 0


def test_stop_on_purpose_is_no_attempt(store):
    record(store, received(1, 1), received(1, 2))
    for _ in range(3):
        assert len(claim(store)) == 2
        views.release_views(store, owner=ANALYZER, forgive=True)
    assert views.set_poison_aside(store, owner=ANALYZER, now=NOW) == 0


def test_release_leaves_the_claims_of_others(store):
    record(store, received(1, 1), received(1, 2))
    claim(store, owner="other", limit=1)
    claim(store, limit=1)
    views.release_views(store, owner=ANALYZER, forgive=True)
    assert claimed_numbers(claim(store)) == [(1, 2)]


def test_one_study_is_analyzed_by_one_bundle(store):
    record(store, received(1, 1), received(2, 1))
    analyze_all(store, bundle_digest="old")
    record(store, received(1, 2))
    analyze_all(store, bundle_digest="new")
    digests = [view.bundle_digest for view in study_detail(store, uid(1)).instances]
    assert digests == ["new", "new"]
    assert [view.bundle_digest for view in study_detail(store, uid(2)).instances] == ["old"]


def test_what_computed_the_numbers_is_kept_with_them(store):
    record(store, received(1, 1))
    analyze_all(store)
    (view,) = study_detail(store, uid(1)).instances
    assert (view.bundle_digest, view.engine) == (DIGEST, "torch float32")


def test_view_of_another_bundle_is_received_again_without_its_findings(store):
    record(store, received(1, 1))
    analyze_all(store, bundle_digest="old")
    record(store, received(1, 2))
    finish(store, claim(store)[0], bundle_digest="new")
    first, second = study_detail(store, uid(1)).instances
    assert (first.state, first.members, first.bundle_digest, first.engine) == (
        InstanceState.RECEIVED,
        (),
        "",
        "",
    )
    assert second.state is InstanceState.ANALYZED


@pytest.mark.parametrize("oldest_first", [True, False])
def test_claimers_at_once_never_get_the_same_view(store, oldest_first):
    record(store, *(received(study, number) for study in (1, 2, 3, 4) for number in range(1, 7)))
    start = threading.Barrier(4)

    def claim_all(number):
        mine = []
        start.wait()
        while views.has_waiting_views(store, now=NOW):
            mine += claim(store, owner=f"host-{number}", limit=2, oldest_first=oldest_first)
        return mine

    with ThreadPoolExecutor(4) as pool:
        claimed = [view.id for mine in pool.map(claim_all, range(4)) for view in mine]
    assert len(claimed) == 24
    assert len(set(claimed)) == 24


def test_claimers_on_postgresql_do_not_wait_for_each_other(postgresql_store):
    record(postgresql_store, received(1, 1), received(1, 2))
    with postgresql_store.write() as other:
        other.execute(text("SELECT id FROM instances ORDER BY id LIMIT 1 FOR UPDATE"))
        assert claimed_numbers(claim(postgresql_store)) == [(1, 2)]


@pytest.mark.parametrize(
    "check", [None, InputCheck(distance=0.4), InputCheck(distance=1.5, warning=InputWarning.BODY_PART)]
)
def test_check_of_the_input_comes_back(store, check):
    record(store, received())
    analyze_all(store, input_check=check)
    (view,) = study_detail(store, uid(1)).instances
    assert view.input_check == check


def test_view_that_is_received_again_has_no_check(store):
    record(store, received())
    analyze_all(store, input_check=InputCheck(distance=1.5, warning=InputWarning.INVERTED))
    with store.write() as connection:
        views.return_views(connection, [1])
    (view,) = study_detail(store, uid(1)).instances
    assert view.input_check is None
    assert study_detail(store, uid(1)).entry.warned_view_count == 0
