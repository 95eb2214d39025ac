"""The history of a study: every change of state goes through one door and leaves an event."""

import ast
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

import daemon.store
from daemon.errors import StateChangedElsewhere
from daemon.store import deliveries, studies, tables, transitions, views
from daemon.store.database import open_store
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import InstanceEvent, InstanceState, StudyEvent
from models.finding import ViewReading
from tests.daemon.store_factory import (
    ANALYZER,
    DIGEST,
    GEOMETRY,
    NOW,
    PACS,
    REPORTER,
    SENDER,
    analyze_all,
    claim,
    excluded,
    identity,
    member_findings,
    received,
    record,
    report,
    reported_study,
    said,
    send_all,
    why,
)
from tests.factories import uid


def history(store, study=1):
    """(what, old state, new state, cause) of each event, in order."""
    return [
        (
            "delivery" if event.destination else "instance" if event.sop_instance_uid else "study",
            event.old_state,
            event.new_state,
            event.cause,
        )
        for event in study_detail(store, uid(study)).events
    ]


def test_the_way_of_a_study_from_its_first_instance_to_its_last_acknowledgment(store):
    reported_study(store)
    send_all(store)

    assert history(store) == [
        ("study", "", "open", "opened"),
        ("instance", "", "received", "arrived"),
        ("instance", "received", "analyzed", "analysis stored"),
        ("study", "open", "reporting", "claimed"),
        ("study", "reporting", "delivering", "reported"),
        ("delivery", "", "pending", "queued"),
        ("delivery", "", "pending", "queued"),
        ("delivery", "pending", "sent", "acknowledged"),
        ("delivery", "pending", "sent", "acknowledged"),
        ("study", "delivering", "delivered", "all sent"),
    ]


def test_an_event_says_which_instance_or_result_and_whereto(store):
    reported_study(store)
    detail = study_detail(store, uid(1))
    (arrived,) = (event for event in detail.events if event.cause == "arrived")
    queued = [event for event in detail.events if event.cause == "queued"]
    assert (arrived.sop_instance_uid, arrived.destination) == (detail.instances[0].sop_instance_uid, "")
    assert {event.sop_instance_uid for event in queued} == {r.sop_instance_uid for r in detail.results}
    assert {event.destination for event in queued} == {PACS}


def test_an_event_says_who_wrote_it_and_when(tmp_path):
    moment = NOW + timedelta(hours=3)
    store = open_store(f"sqlite:///{tmp_path / 'ulna.db'}", author="receiver", clock=lambda: moment)
    record(store, received())
    assert {(event.author, event.at) for event in study_detail(store, uid(1)).events} == {
        ("receiver", moment)
    }
    store.close()


def test_a_view_that_changes_no_state_leaves_only_its_own_arrival(store):
    record(store, received(1, 1), received(1, 2), excluded(1, 3))
    assert history(store) == [
        ("study", "", "open", "opened"),
        ("instance", "", "received", "arrived"),
        ("instance", "", "received", "arrived"),
        ("instance", "", "excluded", "arrived"),
    ]


def test_a_late_view_and_a_second_patient_are_told(store):
    reported_study(store)
    record(store, received(1, 2))
    record(store, received(1, 3, identity=replace(identity(), patient_id="OTHER")))
    assert history(store)[-4:] == [
        ("instance", "", "received", "arrived"),
        ("study", "delivering", "open", "view arrived"),
        ("instance", "", "received", "arrived"),
        ("study", "open", "failed", "patient mismatch"),
    ]


def test_what_goes_wrong_is_told(store):
    record(store, received(1, 1), received(1, 2))
    broken, poison = views.claim_views(store, owner=ANALYZER, limit=8, oldest_first=True, now=NOW)
    views.record_unreadable(
        store, broken, owner=ANALYZER, cause=InstanceEvent.UNDECODABLE, reason=why("no pixels")
    )
    with store.write() as connection:
        connection.execute(
            update(tables.instances)
            .where(tables.instances.c.id == poison.id)
            .values(attempts=2, lease_until=None, lease_owner=None)
        )
    views.set_poison_aside(store, owner=ANALYZER, now=NOW)
    claimed = claim(store)
    studies.release_studies(store, owner=REPORTER, forgive=True)
    claimed = claim(store)
    studies.record_report(store, claimed, report(claimed), owner=REPORTER, now=NOW)
    (sent,) = deliveries.claim_deliveries(store, destination=PACS, owner=SENDER, limit=1, now=NOW)
    deliveries.record_to_retry(store, sent, owner=SENDER, remark=said("away"), retry_at=NOW)
    deliveries.bury_deliveries_to_unknown_destinations(store, [])
    deliveries.requeue_study(store, uid(1))

    assert history(store)[3:] == [
        ("instance", "received", "unreadable", "undecodable"),
        ("instance", "received", "unreadable", "analysis begun too often"),
        ("study", "open", "reporting", "claimed"),
        ("study", "reporting", "open", "claim abandoned"),
        ("study", "open", "reporting", "claimed"),
        ("study", "reporting", "delivering", "reported"),
        ("delivery", "", "pending", "queued"),
        ("delivery", "pending", "waiting", "failed transiently"),
        ("delivery", "waiting", "dead", "destination gone"),
        ("study", "delivering", "failed", "delivery dead"),
        ("delivery", "dead", "pending", "requeued"),
        ("study", "failed", "delivering", "delivery requeued"),
    ]


def test_views_of_another_bundle_are_told_as_received_again(store):
    record(store, received(1, 1))
    analyze_all(store, bundle_digest="e" * 64)
    record(store, received(1, 2))
    (view,) = views.claim_views(store, owner=ANALYZER, limit=8, oldest_first=True, now=NOW)
    views.record_analysis(
        store,
        view,
        owner=ANALYZER,
        reading=ViewReading(members=member_findings()),
        geometry=GEOMETRY,
        bundle_digest=DIGEST,
    )
    assert history(store)[-1] == ("instance", "analyzed", "received", "bundle changed")


def test_a_state_that_is_no_longer_what_was_read_is_not_changed(store):
    record(store, received())
    with store.read() as connection:
        row = connection.execute(select(tables.instances)).one()
    subject = transitions.instance(row)
    with store.write() as connection:
        transitions.change(connection, subject, InstanceEvent.UNDECODABLE)
    before = history(store)
    words = r"row \d+ of instances is no longer 'received'"
    with pytest.raises(StateChangedElsewhere, match=words), store.write() as connection:
        transitions.change(connection, subject, InstanceEvent.ANALYSIS_STORED)
    assert history(store) == before
    assert study_detail(store, uid(1)).instances[0].state is InstanceState.UNREADABLE


def test_an_event_and_the_state_it_tells_are_written_together_or_not_at_all(store):
    record(store, received())
    before = history(store)

    def cut_off():
        with store.write() as connection:
            row = connection.execute(select(tables.studies)).one()
            transitions.change(connection, transitions.study(row), StudyEvent.CLAIMED)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        cut_off()
    assert history(store) == before
    assert study_detail(store, uid(1)).entry.state == "open"


def test_no_other_module_of_the_store_writes_a_state():
    """What sets ``state=`` in an UPDATE, or calls `advance`, would leave no event."""
    offenders = []
    for path in Path(daemon.store.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or path.name == "transitions.py":
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            keywords = {keyword.arg for keyword in node.keywords}
            inserts = "insert" in ast.unparse(node.func)
            if name == "advance" or (name == "values" and "state" in keywords and not inserts):
                offenders.append(f"{path.name}:{node.lineno}")
    assert offenders == []
