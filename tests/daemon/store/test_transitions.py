"""The store moves states only as the tables of the life cycle allow."""

import pytest
from sqlalchemy import select

from daemon.store import deliveries, studies, tables, views
from daemon.study.lifecycle import (
    DELIVERY_TRANSITIONS,
    INSTANCE_TRANSITIONS,
    STUDY_TRANSITIONS,
    InstanceEvent,
)
from tests.daemon.store_factory import (
    ANALYZER,
    NOW,
    REPORTER,
    SENDER,
    after,
    analyze_all,
    claim,
    excluded,
    identity,
    received,
    record,
    refuse_all,
    report,
    reported_study,
    said,
    send_all,
    unreadable,
    why,
)
from tests.factories import uid


def _retry_all(store):
    for one in deliveries.claim_deliveries(store, destination="pacs", owner=SENDER, limit=9, now=NOW):
        deliveries.record_to_retry(store, one, owner=SENDER, remark=said("down"), retry_at=after(1))


def _mark_unreadable(store):
    for view in views.claim_views(store, owner=ANALYZER, limit=1, oldest_first=False, now=NOW):
        views.record_unreadable(
            store, view, owner=ANALYZER, cause=InstanceEvent.UNDECODABLE, reason=why("broken")
        )


def _record_report(store):
    claimed = claim(store)
    studies.record_report(store, claimed, report(claimed), owner=REPORTER, now=NOW)


# One step each; a list of names is a history.
STEPS = {
    "view": lambda store: record(store, received(1, 1)),
    "late view": lambda store: record(store, received(1, 2)),
    "later view": lambda store: record(store, unreadable(1, 3)),
    "chest": lambda store: record(store, excluded(1, 4)),
    "stranger": lambda store: record(store, received(1, 5, identity=identity(2))),
    "analyze": analyze_all,
    "analyze anew": lambda store: analyze_all(store, bundle_digest="new"),
    "break": _mark_unreadable,
    "claim": claim,
    "abandon": lambda store: studies.release_studies(store, owner=REPORTER, forgive=False),
    "report": _record_report,
    "send": lambda store: send_all(store, now=after(2)),
    "retry": _retry_all,
    "refuse": lambda store: refuse_all(store, reason="refused", now=after(2)),
    "bury": lambda store: deliveries.bury_deliveries_to_unknown_destinations(store, ()),
    "requeue": lambda store: deliveries.requeue_study(store, uid(1)),
    "report another": lambda store: reported_study(store, 2),
}

HISTORIES = [
    "view, analyze, report, send",
    "view, analyze, report, retry, send, late view, analyze, report, send",
    "view, analyze, report, retry, refuse, requeue, send",
    "view, analyze, report, bury, requeue, retry, requeue, send, requeue, send",
    "view, analyze, late view, analyze anew, report, send, later view, report, refuse, chest",
    "view, break, report, late view, break, report, send",
    "view, analyze, claim, late view, abandon, analyze, report, stranger, later view",
    "chest, report, send, view, stranger, chest",
]


def states(store):
    """Give the state of every row."""
    with store.read() as connection:
        return {
            (table.name, row.id): row.state
            for table in (tables.instances, tables.studies, tables.deliveries)
            for row in connection.execute(select(table.c.id, table.c.state))
        }


@pytest.mark.parametrize("history", HISTORIES)
def test_states_move_along_the_tables(sqlite_only, history):
    moves = {(pair[0].value, to.value) for pair, to in INSTANCE_TRANSITIONS.items()}
    moves |= {(pair[0].value, to.value) for pair, to in STUDY_TRANSITIONS.items()}
    moves |= {(pair[0].value, to.value) for pair, to in DELIVERY_TRANSITIONS.items()}
    before = states(sqlite_only)
    for step in history.split(", "):
        STEPS[step](sqlite_only)
        following = states(sqlite_only)
        for row, state in following.items():
            # A whole report is one step here, and two or three of the study's.
            path = {(before.get(row, state), state)} if before.get(row, state) != state else set()
            assert all(_is_way(move, moves) for move in path), (step, row, path)
        before = following


def _is_way(move, moves):
    start, end = move
    return move in moves or any(
        (start, via) in moves and (via, end) in moves for via in {to for _, to in moves}
    )
