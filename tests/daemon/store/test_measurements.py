"""What is left of a study when it is gone."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import inspect, select

from daemon.store import retention, studies
from daemon.store.measurements import purge_measurements
from daemon.store.tables import measurements
from models.study_finding import TriageCategory
from tests.daemon.store_factory import (
    NOW,
    REPORTER,
    analyze_all,
    claim,
    delivered_study,
    excluded,
    received,
    record,
    report,
)


def rows(store):
    with store.read() as connection:
        return connection.execute(select(measurements).order_by(measurements.c.id)).all()


def reported(store, *arrivals, **what):
    record(store, *arrivals)
    analyze_all(store)
    claimed = claim(store)
    built = replace(report(claimed), **what)
    assert studies.record_report(store, claimed, built, owner=REPORTER, now=NOW)


def test_a_report_leaves_a_row_that_says_what_was_shown_made_and_found(store):
    reported(
        store,
        received(1, 1, region="HAND", device="Acme DR 9"),
        received(1, 2, region="WRIST", device="Acme DR 9"),
        excluded(1, 3, region="KNEE", device="Other CR"),
        category=TriageCategory.LIKELY,
        score=0.75,
        model_label="bundle 1.0",
    )
    (row,) = rows(store)
    assert (row.week, row.regions, row.devices) == ("2026-W09", "HAND + WRIST", "Acme DR 9")
    assert (row.category, row.score, row.model_label, row.verdict) == ("likely", 0.75, "bundle 1.0", "")


def test_a_later_revision_writes_over_the_row_of_the_first(store):
    reported(store, received(1, 1), score=0.25)
    reported(store, received(1, 2, region="HAND"), score=0.75)
    (row,) = rows(store)
    assert (row.score, row.regions) == (0.75, "HAND + WRIST")


def test_a_report_that_is_not_recorded_leaves_none(store):
    record(store, received())
    analyze_all(store)
    claimed = claim(store)
    record(store, excluded(1, 2))  # the study grew
    assert not studies.record_report(store, claimed, report(claimed), owner=REPORTER, now=NOW)
    assert rows(store) == []


def test_the_row_outlives_its_study_and_names_nothing_of_it(store):
    delivered_study(store)
    assert retention.purge_studies(store, closed_before=NOW + timedelta(days=1))
    (row,) = rows(store)
    with store.read() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("measurements")}
        (keys,) = [inspect(connection).get_foreign_keys("measurements")]
    assert columns == {
        "id",
        "week",
        "regions",
        "devices",
        "model_label",
        "category",
        "score",
        "verdict",
    }
    assert keys == []
    assert row.week == "2026-W09"


def test_rows_go_when_their_week_ended_long_enough_ago(store):
    delivered_study(store)  # on Sunday, 1 March, the last day of its week
    for days, left in ((7, 1), (8, 1), (9, 0)):
        purge_measurements(store, now=NOW + timedelta(days=days), days=8)
        assert len(rows(store)) == left
