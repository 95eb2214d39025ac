"""Dead letters: how many there are, whereto, and what trying them again does."""

from sqlalchemy import event

from daemon.store.dead_letters import dead_letters, requeue_dead_letters
from daemon.store.deliveries import claim_deliveries
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import DeliveryState, StudyState
from tests.daemon.store_factory import (
    NOW,
    PACS,
    SENDER,
    after,
    analyze_all,
    delivered_study,
    identity,
    received,
    record,
    refuse_all,
    reported_study,
    send_all,
)
from tests.factories import uid

BOTH = (PACS, "viewer")


def refused_studies(store, *numbers, view_count=1):
    for number in numbers:
        reported_study(store, number, view_count=view_count, destinations=BOTH)
    for destination in BOTH:
        refuse_all(store, reason="refused", destination=destination)


def states(store, study=1) -> list[tuple[str, str]]:
    results = study_detail(store, uid(study)).results
    return [(one.destination, one.state) for result in results for one in result.deliveries]


def state(store, study=1) -> StudyState:
    return study_detail(store, uid(study)).entry.state


def due(store, destination) -> int:
    return len(claim_deliveries(store, destination=destination, owner=SENDER, limit=99, now=NOW))


def test_dead_letters_are_counted_by_destination(store):
    refused_studies(store, 1, 2, view_count=2)
    reported_study(store, 3)
    found = dead_letters(store)
    assert (found.sendable, found.withheld) == ({PACS: 6, "viewer": 6}, {})


def test_counting_looks_at_what_is_dead_only(sqlite_only):
    asked = []
    event.listen(
        sqlite_only.engine, "before_cursor_execute", lambda _c, _cur, *asking: asked.append(asking[:2])
    )
    dead_letters(sqlite_only)
    (statement, values) = next(one for one in asked if "dead" in one[0])
    with sqlite_only.read() as connection:
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert any("ix_deliveries_dead" in step for step in plan), plan


def test_letters_of_an_earlier_revision_are_none(store):
    refused_studies(store, 1)
    record(store, received(1, 2), now=after(30))
    assert dead_letters(store).sendable == {}
    assert requeue_dead_letters(store, BOTH) == 0
    assert {one for _, one in states(store)} == {DeliveryState.DEAD}


def test_dead_letters_of_one_destination_are_sent_again_and_no_others(store):
    refused_studies(store, 1, 2)
    assert requeue_dead_letters(store, [PACS]) == 4
    assert dead_letters(store).sendable == {"viewer": 4}
    assert states(store) == [(PACS, DeliveryState.PENDING), ("viewer", DeliveryState.DEAD)] * 2
    assert (state(store, 1), state(store, 2)) == (StudyState.DELIVERING, StudyState.DELIVERING)
    send_all(store)
    assert state(store) is StudyState.FAILED


def test_dead_letters_of_all_destinations_are_sent_again(store):
    refused_studies(store, 1, 2)
    assert requeue_dead_letters(store, BOTH) == 8
    for destination in BOTH:
        send_all(store, destination=destination)
    assert (state(store, 1), state(store, 2)) == (StudyState.DELIVERED, StudyState.DELIVERED)


def test_a_dead_letter_is_sent_again_while_another_destination_waits(store):
    reported_study(store, 1, destinations=BOTH)
    refuse_all(store, reason="refused")
    assert state(store) is StudyState.DELIVERING
    assert requeue_dead_letters(store, [PACS]) == 2
    assert (due(store, PACS), due(store, "viewer")) == (2, 2)


def test_what_was_sent_or_waits_is_not_touched(store):
    delivered_study(store, 1)
    reported_study(store, 2)
    assert requeue_dead_letters(store, BOTH) == 0
    assert (state(store, 1), due(store, PACS)) == (StudyState.DELIVERED, 2)


def test_letters_of_a_study_of_two_patients_stay_dead(store):
    refused_studies(store, 1, 2)
    record(store, received(1, 2, identity=identity(9)))
    analyze_all(store)
    found = dead_letters(store)
    assert (found.sendable, found.withheld) == ({PACS: 2, "viewer": 2}, {PACS: 2, "viewer": 2})
    assert requeue_dead_letters(store, BOTH) == 4
    assert {one for _, one in states(store, 1)} == {DeliveryState.DEAD}
    assert state(store, 1) is StudyState.FAILED
