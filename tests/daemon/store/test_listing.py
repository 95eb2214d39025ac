"""The worklist as the database selects, counts, orders and pages it; in Python it is the table of below."""

import random
from collections import Counter
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import insert

from daemon.store.listing import oldest_unfinished, worklist, worklist_entries
from daemon.store.selection import Period, Selection
from daemon.store.shown import Standing, WorklistEntry
from daemon.store.tables import studies
from daemon.study.lifecycle import StudyEvent, StudyState, is_unfinished
from daemon.study.priority import Priority
from models.study_finding import TriageCategory
from tests.daemon.store_factory import NOW, after, excluded, received, record, reported_study, unreadable
from tests.factories import uid

STEPS = {
    TriageCategory.LIKELY: 0,
    TriageCategory.SUSPECTED: 1,
    TriageCategory.NOT_ANALYZED: 2,
    "": 2,
    TriageCategory.NOT_FLAGGED: 3,
}
HELD = StudyEvent.PATIENT_MISMATCH, StudyEvent.CONFIRMATION_NEEDED
SPANS = {Period.DAY: timedelta(days=1), Period.WEEK: timedelta(days=7)}


def reading_key(entry: WorklistEntry) -> tuple[bool, int, int, float, datetime]:
    """Return what the worklist is sorted by; studies that are alike in it stay in the order of arrival."""
    score = entry.score or 0.0
    return entry.is_old, STEPS[entry.category], entry.priority, -score, entry.opened_at


def standing_of(entry: WorklistEntry) -> Standing:
    is_current = entry.category and entry.closed_at is not None
    if entry.state is StudyState.FAILED and (not is_current or entry.cause in HELD):
        return Standing.FAILED
    return Standing(entry.category) if entry.category else Standing.IN_PROGRESS


def is_older(entry: WorklistEntry, period: Period) -> bool:
    if entry.is_old or is_unfinished(entry.state) or entry.state is StudyState.FAILED:
        return False
    return period in SPANS and NOW - entry.last_instance_at > SPANS[period]


def is_present(entry: WorklistEntry, period: Period) -> bool:
    if period is Period.OLD:
        return entry.is_old
    if entry.is_old and period in SPANS:
        return entry.state is StudyState.FAILED
    return not is_older(entry, period)


def insert_study(store, number: int, **changes: Any) -> None:
    """Write a row as it might be, without what leads there."""
    usual: dict[str, Any] = {
        "study_instance_uid": uid(number),
        "state": StudyState.DELIVERED,
        "cause": StudyEvent.ALL_SENT,
        "priority": Priority.MEDIUM,
        "category": TriageCategory.NOT_FLAGGED,
        "score": 0.1,
        "opened_at": NOW,
        "collecting_since": NOW,
        "last_instance_at": NOW,
        "closed_at": NOW,
    }
    with store.write() as connection:
        connection.execute(insert(studies).values(usual | changes))


def any_study(chance: random.Random) -> dict[str, Any]:
    moments = [NOW - timedelta(hours=hours) for hours in (0, 23, 24, 25, 167, 168, 169, 900)]
    trained = chance.random() < 0.8
    state = chance.choice(list(StudyState))
    return {
        "state": state,
        "cause": chance.choice([*HELD, StudyEvent.DELIVERY_DEAD, StudyEvent.OPENED]),
        "priority": chance.choice(list(Priority)),
        "category": chance.choice(["", *TriageCategory]),
        "score": chance.choice([None, 0.0, 0.25, 0.5, 0.75]),
        "is_old": chance.random() < 0.2,
        "opened_at": chance.choice(moments),
        "last_instance_at": chance.choice([*moments, NOW - timedelta(days=1, microseconds=1)]),
        "closed_at": chance.choice([None, NOW]),
        "trained": trained,
        "model_label": chance.choice(["", "a 1", "b 2"]),
    }


def numbers(entries) -> list[str]:
    return [entry.study_instance_uid for entry in entries]


def test_the_database_lists_and_counts_as_the_table_says(store):
    chance = random.Random(7)
    for number in range(300):
        insert_study(store, number, **any_study(chance))
    arrived = {uid(number): number for number in range(300)}
    everything = sorted(worklist_entries(store), key=lambda entry: arrived[entry.study_instance_uid])
    assert numbers(everything) == list(arrived)
    assert [entry.standing for entry in everything] == [standing_of(entry) for entry in everything]
    everything.sort(key=reading_key)
    assert numbers(worklist_entries(store)) == numbers(everything)
    for period, category, state in product(Period, [None, *Standing], [None, *StudyState]):
        selection = Selection(period=period, category=category, state=state)
        present = [entry for entry in everything if is_present(entry, period)]
        chosen = [
            entry for entry in present if category in (None, entry.standing) and state in (None, entry.state)
        ]
        shown = worklist(store, selection, now=NOW, limit=9, offset=4)
        assert (numbers(shown.entries), shown.selected) == (numbers(chosen[4:13]), len(chosen)), selection
        offset = max(0, len(chosen) - 5)
        end = worklist(store, selection, now=NOW, limit=9, offset=offset)
        assert numbers(end.entries) == numbers(chosen[offset:]), selection
        assert shown.standings == Counter(entry.standing for entry in present)
        assert shown.states == Counter(entry.state for entry in present)
        assert (shown.in_period, shown.old) == (len(present), sum(entry.is_old for entry in everything))
        assert shown.older == sum(is_older(entry, period) for entry in everything)
        untrained = {entry.model_label for entry in present if not entry.trained} - {""}
        assert shown.untrained_labels == tuple(sorted(untrained))


def test_a_model_that_was_never_trained_is_named_while_its_studies_are_in_the_period(store):
    long_ago = NOW - timedelta(days=3)
    insert_study(store, 1, trained=False, model_label="a", last_instance_at=long_ago)
    insert_study(store, 2, trained=False, model_label="b", last_instance_at=long_ago, state=StudyState.OPEN)
    labels = {
        period: worklist(store, Selection(period=period), now=NOW, limit=9).untrained_labels
        for period in Period
    }
    assert labels == {Period.DAY: ("b",), Period.WEEK: ("a", "b"), Period.ALL: ("a", "b"), Period.OLD: ()}


def order(store) -> list[str]:
    """Return which studies come in which order, by their names."""
    return [entry.identity.patient_id for entry in worklist_entries(store)]


def name_study(store, name: str, **values: Any) -> None:
    insert_study(store, len(name) + 1000 * ord(name[0]), patient_id=name, **values)


def test_what_is_flagged_comes_first_whatever_its_rank(store):
    name_study(store, "not flagged", priority=Priority.STAT, score=0.0)
    name_study(store, "being read", priority=Priority.STAT, category="", state=StudyState.OPEN)
    name_study(store, "suspected", priority=Priority.LOW, category=TriageCategory.SUSPECTED, score=0.5)
    name_study(store, "likely", priority=Priority.LOW, category=TriageCategory.LIKELY, score=0.5)
    assert order(store) == ["likely", "suspected", "being read", "not flagged"]


@pytest.mark.parametrize("category", ["", *TriageCategory])
def test_rank_comes_before_score_within_a_category(sqlite_only, category):
    for rank in reversed(Priority):
        name_study(sqlite_only, rank.name, priority=rank, category=category, score=0.2 * rank)
    assert order(sqlite_only) == ["STAT", "HIGH", "MEDIUM", "LOW"]


def test_what_was_not_read_comes_before_what_was_not_flagged(store):
    name_study(store, "not flagged", score=0.99)
    name_study(store, "unread", category="", score=None, opened_at=after(2))
    name_study(store, "not analyzed", category=TriageCategory.NOT_ANALYZED, score=None, opened_at=after(1))
    assert order(store) == ["not analyzed", "unread", "not flagged"]


def test_old_studies_come_after_all_others(store):
    name_study(store, "old", priority=Priority.LOW, category=TriageCategory.LIKELY, score=0.9, is_old=True)
    name_study(store, "fresh", priority=Priority.LOW)
    assert order(store) == ["fresh", "old"]


def test_score_comes_before_age(store):
    for name, score, opened in (("early", 0.5, 0), ("high", 0.7, 9), ("late", 0.5, 5)):
        name_study(store, name, category=TriageCategory.SUSPECTED, score=score, opened_at=after(opened))
    assert order(store) == ["high", "early", "late"]


def test_entry_counts_views_and_instances(store):
    record(store, received(1, 1), unreadable(1, 2), excluded(1, 3), received(2, 1))
    counts = [(entry.view_count, entry.instance_count) for entry in worklist_entries(store)]
    assert counts == [(2, 3), (1, 1)]


def test_regions_are_those_of_views(store):
    record(store, received(1, 1), received(1, 2, region="HAND"), excluded(1, 3, region="ELBOW"))
    record(store, excluded(2))
    assert [entry.regions for entry in worklist_entries(store)] == [("HAND", "WRIST"), ()]


def test_every_study_is_listed_however_many_there_are(sqlite_only, monkeypatch):
    monkeypatch.setattr("daemon.store.listing._BATCH", 2)
    for number in range(5):
        insert_study(sqlite_only, number)
    assert numbers(worklist_entries(sqlite_only)) == [uid(number) for number in range(5)]


def test_the_longest_unfinished_study_is_known(store):
    assert oldest_unfinished(store) is None
    insert_study(store, 1, last_instance_at=after(-100))
    insert_study(store, 2, last_instance_at=after(-50), state=StudyState.DELIVERING)
    insert_study(store, 3, last_instance_at=after(-70), state=StudyState.OPEN)
    assert oldest_unfinished(store) == after(-70)
    reported_study(store, 4)
    assert oldest_unfinished(store) == after(-70)
