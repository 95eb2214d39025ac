"""The outbox: every result reaches every destination once, or a person sees that it does not."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from daemon.couriers.remark import remark_words
from daemon.errors import ActionRefused, UnknownStudy
from daemon.store import deliveries, lease, studies, tables
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import DeliveryState, StudyState
from models.study_finding import TriageCategory
from tests.daemon.postgresql import wait_for_blocked
from tests.daemon.store_factory import (
    NOW,
    PACS,
    REPORTER,
    SENDER,
    after,
    analyzed_study,
    claim,
    delivered_study,
    identity,
    received,
    record,
    refuse_all,
    reported_study,
    said,
    send_all,
    unreadable,
)
from tests.factories import uid

LEASE_OVER = lease.LEASE.total_seconds() + 1


def claim_for(store, destination=PACS, *, owner=SENDER, limit=9, now=NOW):
    return deliveries.claim_deliveries(store, destination=destination, owner=owner, limit=limit, now=now)


def entry(store, study=1):
    return study_detail(store, uid(study)).entry


def outbox(store, study=1):
    """Give all deliveries of a study, as the page shows them."""
    return [delivery for result in study_detail(store, uid(study)).results for delivery in result.deliveries]


def test_destination_claims_its_own_deliveries_only(store):
    reported_study(store, destinations=(PACS, "viewer"))
    claimed = claim_for(store)
    assert {delivery.id for delivery in claimed}.isdisjoint(
        delivery.id for delivery in claim_for(store, "viewer")
    )
    assert [delivery.sop_instance_uid for delivery in claimed] == [
        result.sop_instance_uid for result in study_detail(store, uid(1)).results
    ]


def test_urgent_study_is_sent_first(store):
    for number, priority in ((1, 2), (2, 0), (3, 2)):
        record(store, unreadable(number, priority=priority))
        reported_study(store, number, view_count=0)
    order = [delivery.study_instance_uid for delivery in claim_for(store)]
    assert order == [uid(2), uid(1), uid(3)]


def test_nothing_due_claims_nothing(store):
    assert claim_for(store) == ()


def test_claim_counts_the_attempt(store):
    reported_study(store)
    first, _ = claim_for(store)
    deliveries.record_to_retry(store, first, owner=SENDER, remark=said("no route"), retry_at=after(5))
    (again,) = claim_for(store, now=after(5))
    assert (first.attempts, again.attempts) == (1, 2)


def test_claimed_delivery_is_nobody_elses_until_its_lease_runs_out(store):
    reported_study(store)
    claim_for(store)
    assert claim_for(store, owner="other", now=after(LEASE_OVER - 2)) == ()
    assert len(claim_for(store, owner="other", now=after(LEASE_OVER))) == 2


def test_study_is_delivered_when_the_last_result_is_acknowledged(store):
    reported_study(store)
    first, last = claim_for(store)
    deliveries.record_sent(store, first, owner=SENDER, remark=None, now=after(1))
    assert entry(store).state is StudyState.DELIVERING
    deliveries.record_sent(store, last, owner=SENDER, remark=said("0xB000"), now=after(2))
    assert entry(store).state is StudyState.DELIVERED
    assert [(one.state, one.remark, one.sent_at) for one in outbox(store)] == [
        (DeliveryState.SENT, None, after(1)),
        (DeliveryState.SENT, said("0xB000"), after(2)),
    ]


def test_study_that_was_not_analyzed_ends_as_such_when_its_report_is_sent(store):
    record(store, unreadable())
    reported_study(store, view_count=0, category=TriageCategory.NOT_ANALYZED, score=None)
    refuse_all(store, reason="no room")
    assert entry(store).reason == "delivery to pacs failed: no room"
    deliveries.requeue_study(store, uid(1))
    send_all(store)
    assert entry(store).state is StudyState.NOT_ANALYZED
    assert entry(store).reason == "the images show another region"


def test_sent_result_is_not_sent_again(store):
    delivered_study(store)
    assert claim_for(store, now=after(10 * LEASE_OVER)) == ()


def test_failed_delivery_waits_until_it_is_due(store):
    reported_study(store)
    for delivery in claim_for(store):
        deliveries.record_to_retry(store, delivery, owner=SENDER, remark=said("no route"), retry_at=after(60))
    assert claim_for(store, now=after(59)) == ()
    assert len(claim_for(store, now=after(60))) == 2
    assert {(one.state, remark_words(one.remark), one.retry_at) for one in outbox(store)} == {
        (DeliveryState.WAITING, "no route", after(60))
    }


def test_delivery_is_due_where_the_clock_stepped_back_by_more_than_the_longest_pause(store):
    reported_study(store)
    for delivery in claim_for(store):
        deliveries.record_to_retry(
            store, delivery, owner=SENDER, remark=said("no route"), retry_at=after(3600)
        )
    assert claim_for(store, now=NOW) == ()
    assert len(claim_for(store, now=after(-1))) == 2


def test_delivery_that_waited_for_long_can_still_be_sent(store):
    reported_study(store)
    for hour in range(30):
        for delivery in claim_for(store, now=after(hour * 3600)):
            deliveries.record_to_retry(
                store, delivery, owner=SENDER, remark=said("no route"), retry_at=after((hour + 1) * 3600)
            )
    send_all(store, now=after(30 * 3600))
    assert entry(store).state is StudyState.DELIVERED


def test_dead_letter_fails_the_study_and_says_where_and_why(store):
    reported_study(store)
    refuse_all(store, reason="C-STORE refused with status 0xA900")
    assert entry(store).state is StudyState.FAILED
    assert entry(store).reason == f"delivery to {PACS} failed: C-STORE refused with status 0xA900"
    assert {one.state for one in outbox(store)} == {DeliveryState.DEAD}
    assert claim_for(store, now=after(10 * LEASE_OVER)) == ()


def test_dead_letter_does_not_hold_up_the_other_results(store):
    reported_study(store)
    first, second = claim_for(store)
    deliveries.record_dead(store, first, owner=SENDER, remark=said("refused"))
    assert entry(store).state is StudyState.DELIVERING
    deliveries.record_sent(store, second, owner=SENDER, remark=None, now=NOW)
    assert entry(store).state is StudyState.FAILED


def test_destination_that_is_down_does_not_hold_up_another(store):
    reported_study(store, destinations=(PACS, "viewer"))
    for delivery in claim_for(store):
        deliveries.record_to_retry(
            store, delivery, owner=SENDER, remark=said("no route"), retry_at=after(3600)
        )
    send_all(store, destination="viewer")
    assert [one.state for one in outbox(store)] == [DeliveryState.WAITING, DeliveryState.SENT] * 2


def test_outcome_of_a_lost_claim_is_not_recorded(store):
    reported_study(store)
    mine = claim_for(store)
    theirs = claim_for(store, owner="other", now=after(LEASE_OVER))
    deliveries.record_dead(store, mine[0], owner=SENDER, remark=said("late"))
    assert [one.state for one in outbox(store)] == [DeliveryState.PENDING] * 2
    deliveries.record_sent(store, theirs[0], owner="other", remark=None, now=NOW)
    assert [one.state for one in outbox(store)] == [DeliveryState.SENT, DeliveryState.PENDING]


@pytest.mark.parametrize(("forgive", "attempts"), [(True, 1), (False, 2)])
def test_released_delivery_is_due_at_once(store, forgive, attempts):
    reported_study(store)
    claim_for(store)
    deliveries.release_deliveries(store, owner=SENDER, forgive=forgive)
    assert {delivery.attempts for delivery in claim_for(store)} == {attempts}


def test_nothing_is_sent_for_a_study_in_which_two_patients_meet(store):
    reported_study(store)
    record(store, received(1, 2, identity=identity(2)))
    assert claim_for(store) == ()


def test_letters_to_a_removed_destination_die(store):
    reported_study(store, destinations=(PACS, "old"))
    send_all(store)
    deliveries.bury_deliveries_to_unknown_destinations(store, {PACS})
    assert entry(store).state is StudyState.FAILED
    assert entry(store).reason == "delivery to old failed: the destination is no longer in the configuration"


def test_letters_die_when_no_destination_is_left(store):
    reported_study(store)
    deliveries.bury_deliveries_to_unknown_destinations(store, ())
    assert {one.state for one in outbox(store)} == {DeliveryState.DEAD}


def test_what_was_sent_to_a_removed_destination_stays_sent(store):
    delivered_study(store)
    deliveries.bury_deliveries_to_unknown_destinations(store, {"other"})
    assert entry(store).state is StudyState.DELIVERED


def test_requeue_sends_the_dead_letters_again_and_no_others(store):
    reported_study(store)
    first, second = claim_for(store)
    deliveries.record_dead(store, first, owner=SENDER, remark=said("refused"))
    deliveries.record_sent(store, second, owner=SENDER, remark=None, now=NOW)
    assert deliveries.requeue_study(store, uid(1)) == 1
    assert (entry(store).state, entry(store).reason) == (StudyState.DELIVERING, "")
    (again,) = claim_for(store)
    assert (again.id, again.attempts) == (first.id, 1)
    deliveries.record_sent(store, again, owner=SENDER, remark=None, now=NOW)
    assert entry(store).state is StudyState.DELIVERED


def test_requeue_makes_a_waiting_delivery_due_now(store):
    reported_study(store)
    for delivery in claim_for(store):
        deliveries.record_to_retry(
            store, delivery, owner=SENDER, remark=said("no route"), retry_at=after(3600)
        )
    assert deliveries.requeue_study(store, uid(1)) == 2
    assert len(claim_for(store)) == 2


def test_requeue_of_a_delivered_study_sends_all_of_its_newest_revision(store):
    delivered_study(store)
    analyzed_study(store, view_count=2)
    reported_study(store, view_count=2)
    send_all(store)
    assert deliveries.requeue_study(store, uid(1)) == 3
    newest = {
        result.sop_instance_uid for result in study_detail(store, uid(1)).results if result.revision == 2
    }
    assert {delivery.sop_instance_uid for delivery in claim_for(store)} == newest


def reported_again(store, *, destinations=(PACS,), now=NOW):
    """Let another view come to study 1, and report it anew."""
    return reported_study(store, view_count=2, destinations=destinations, now=now)


def states_of(store, revision, destination=PACS):
    return [
        delivery.state
        for result in study_detail(store, uid(1)).results
        if result.revision == revision
        for delivery in result.deliveries
        if delivery.destination == destination
    ]


def uids_of(store, revision):
    return {
        result.sop_instance_uid
        for result in study_detail(store, uid(1)).results
        if result.revision == revision
    }


def test_older_revision_is_not_sent_after_a_newer_one(store):
    reported_study(store)
    first, _ = claim_for(store)
    deliveries.record_to_retry(store, first, owner=SENDER, remark=said("no route"), retry_at=after(60))
    deliveries.release_deliveries(store, owner=SENDER, forgive=True)
    reported_again(store)
    assert states_of(store, 1) == [DeliveryState.SUPERSEDED] * 2
    assert {claimed.sop_instance_uid for claimed in claim_for(store, now=after(3600))} == uids_of(store, 2)


def test_older_revision_is_sent_until_a_newer_one_is_recorded(store):
    reported_study(store)
    analyzed_study(store, view_count=2)
    claimed = claim(store)
    assert {delivery.sop_instance_uid for delivery in claim_for(store)} == uids_of(store, 1)
    assert claimed.revision == 2


def test_delivery_in_flight_completes_after_it_was_superseded(store):
    reported_study(store)
    arrives, is_lost = claim_for(store)
    reported_again(store)
    deliveries.record_sent(store, arrives, owner=SENDER, remark=None, now=after(1))
    deliveries.record_to_retry(store, is_lost, owner=SENDER, remark=said("no route"), retry_at=after(60))
    assert states_of(store, 1) == [DeliveryState.SENT, DeliveryState.SUPERSEDED]
    assert {(remark_words(one.remark), one.retry_at) for one in outbox(store)} == {
        ("", None),
        ("no route", None),
    }
    assert {claimed.sop_instance_uid for claimed in claim_for(store, now=after(3600))} == uids_of(store, 2)


def test_delivery_that_a_dead_process_had_in_flight_stays_superseded(store):
    reported_study(store)
    claim_for(store)
    reported_again(store)
    deliveries.release_deliveries(store, owner=SENDER, forgive=False)
    assert {claimed.sop_instance_uid for claimed in claim_for(store)} == uids_of(store, 2)


def test_dead_letter_of_an_older_revision_is_superseded_and_requeue_sends_the_newest_only(store):
    reported_study(store)
    refuse_all(store, reason="refused")
    reported_again(store)
    assert states_of(store, 1) == [DeliveryState.SUPERSEDED] * 2
    refuse_all(store, reason="refused again")
    assert deliveries.requeue_study(store, uid(1)) == 3
    assert {claimed.sop_instance_uid for claimed in claim_for(store)} == uids_of(store, 2)


def test_what_was_sent_of_an_older_revision_stays_sent(store):
    delivered_study(store)
    reported_again(store)
    assert states_of(store, 1) == [DeliveryState.SENT] * 2


def test_destination_that_gets_no_newer_result_still_gets_the_older_one(store):
    reported_study(store, destinations=(PACS, "viewer"))
    reported_again(store, destinations=(PACS,))
    assert states_of(store, 1, PACS) == [DeliveryState.SUPERSEDED] * 2
    assert states_of(store, 1, "viewer") == [DeliveryState.PENDING] * 2


def test_history_tells_that_a_newer_report_superseded_a_delivery(store):
    reported_study(store)
    reported_again(store)
    told = [(one.old_state, one.cause) for one in study_detail(store, uid(1)).events if one.destination]
    assert told.count(("pending", "newer reported")) == 2


def test_requeue_builds_a_failed_report_again(store):
    analyzed_study(store)
    studies.record_report_failed(store, claim(store), owner=REPORTER, reason="template")
    assert deliveries.requeue_study(store, uid(1)) == 0
    assert (entry(store).state, entry(store).reason) == (StudyState.OPEN, "")
    assert claim(store).revision == 1


def test_requeue_revives_a_report_that_was_begun_too_often(store):
    analyzed_study(store)
    for _ in range(2):
        claim(store)
        studies.release_studies(store, owner=REPORTER, forgive=False)
    seen = studies.open_studies(store)[0]
    assert studies.claim_study(store, seen, owner=REPORTER, now=NOW) is None
    deliveries.requeue_study(store, uid(1))
    assert claim(store)


def test_requeue_of_an_unknown_study_is_refused(store):
    with pytest.raises(UnknownStudy, match=uid(9)):
        deliveries.requeue_study(store, uid(9))


def test_requeue_of_a_study_of_two_patients_is_refused(store):
    reported_study(store)
    record(store, received(1, 2, identity=identity(2)))
    with pytest.raises(ActionRefused, match="different patients"):
        deliveries.requeue_study(store, uid(1))
    assert entry(store).state is StudyState.FAILED


def test_claimers_at_once_never_get_the_same_delivery(store):
    for number in range(1, 6):
        reported_study(store, number, view_count=3)
    start = threading.Barrier(4)

    def claim_all(number):
        mine = []
        start.wait()
        while claimed := claim_for(store, owner=f"host-{number}", limit=2):
            mine += claimed
        return mine

    with ThreadPoolExecutor(4) as pool:
        claimed = [delivery.id for mine in pool.map(claim_all, range(4)) for delivery in mine]
    assert len(claimed) == 20
    assert len(set(claimed)) == 20


def test_acknowledgments_at_once_settle_the_study(store):
    reported_study(store, view_count=7)
    claimed = claim_for(store)
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda one: deliveries.record_sent(store, one, owner=SENDER, remark=None, now=NOW), claimed
            )
        )
    assert entry(store).state is StudyState.DELIVERED


def test_results_of_a_destination_that_is_gone_are_locked_after_their_study(postgresql_store):
    store = postgresql_store
    reported_study(store)
    with ThreadPoolExecutor(1) as pool:
        with store.write() as reporter:
            reporter.execute(select(tables.studies.c.id).with_for_update(key_share=True))
            burying = pool.submit(deliveries.bury_deliveries_to_unknown_destinations, store, [])
            wait_for_blocked(store, 1)
            # Who locks the results first would now wait for the study, and this for the results.
            reporter.execute(select(tables.deliveries.c.id).with_for_update())
        burying.result(timeout=30)
    assert study_detail(store, uid(1)).entry.dead_destinations == (PACS,)
