"""The probes, and a store that cannot be read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from daemon.process.stage_lock import exclusive
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.store.database import Store
from daemon.store.shown import StageRecord
from daemon.store.stages import record_stage
from models.study_finding import TriageCategory
from tests.daemon import store_factory
from tests.daemon.store_factory import NOW, after
from tests.daemon.web.client import get, make_app, plain
from tests.factories import uid


@pytest.fixture
def app(sqlite_only: Store, spool: Spool) -> Starlette:
    return make_app(sqlite_only, spool)


@pytest.fixture
def broken_app(tmp_path: Path) -> Iterator[Starlette]:
    """Yield the application on a store that has lost its tables."""
    store = store_factory.sqlite_store(tmp_path)
    with store.write() as connection:
        for table in (
            "tallies",
            "events",
            "deliveries",
            "results",
            "activations",
            "instances",
            "studies",
            "stages",
        ):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    yield make_app(store, Spool(tmp_path))
    store.close()


def test_a_store_that_cannot_be_read_is_said(broken_app: Starlette) -> None:
    for path in ("/", f"/studies/{uid(1)}"):
        page = get(broken_app, path)
        assert (page.status_code, "The store cannot be read now." in page.text) == (503, True)
    for path in ("/healthz", "/readyz", "/metrics", "/api/studies"):
        answer = get(broken_app, path)
        assert (answer.status_code, answer.json()) == (503, {"error": "The store cannot be read now."})


def test_a_malformed_uid_never_reaches_the_store(broken_app: Starlette) -> None:
    assert get(broken_app, "/api/studies/%00").status_code == 404


def record_seen(store: Store, name: str, seconds: float, condition: str = "") -> None:
    record_stage(
        store,
        StageRecord(name=name, process_id=7, started_at=NOW, seen_at=after(seconds), condition=condition),
    )


def test_the_service_is_ready_when_every_stage_works(sqlite_only: Store, app: Starlette) -> None:
    record_seen(sqlite_only, "a/receiver", 30)
    record_seen(sqlite_only, "a/analyzer", 59)
    answer = get(app, "/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "problems": {}})
    assert "All 2 stages are running" in get(app, "/").text


def test_a_stage_with_a_notice_works(sqlite_only: Store, app: Starlette) -> None:
    record_seen(sqlite_only, "a/receiver", 30)
    record_stage(
        sqlite_only,
        StageRecord(
            name="a/analyzer",
            process_id=7,
            started_at=NOW,
            seen_at=after(59),
            condition="",
            notice="on torch",
        ),
    )
    assert get(app, "/readyz").status_code == 200
    assert "All 2 stages are running" in get(app, "/").text


def test_the_service_is_not_ready_and_says_what_is_missing(sqlite_only: Store, app: Starlette) -> None:
    record_seen(sqlite_only, "a/receiver", 55, "disk is full")
    record_seen(sqlite_only, "a/analyzer", 29)
    answer = get(app, "/readyz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == {"receiver": "disk is full", "analyzer": "not running"}
    page = plain(get(app, "/").text)
    assert "receiver : disk is full analyzer : not running" in page


def test_a_stage_whose_process_runs_but_tells_nothing_is_busy_for_some_minutes(
    sqlite_only: Store, spool: Spool
) -> None:
    record_seen(sqlite_only, "a/receiver", 400)
    record_seen(sqlite_only, "a/analyzer", 110)
    with exclusive(spool.data_dir, "a", StageName.ANALYZER):
        busy = make_app(sqlite_only, spool, seconds=400)
        assert get(busy, "/readyz").status_code == 200
        assert "All 2 stages are running; busy: analyzer" in get(busy, "/").text
        hung = make_app(sqlite_only, spool, seconds=420)
        assert get(hung, "/readyz").json()["problems"] == {"analyzer": "not running"}
    gone = make_app(sqlite_only, spool, seconds=400)
    assert get(gone, "/readyz").json()["problems"] == {"analyzer": "not running"}


def test_a_busy_stage_keeps_what_it_told_hinders_it(sqlite_only: Store, spool: Spool) -> None:
    record_seen(sqlite_only, "a/receiver", 60)
    record_seen(sqlite_only, "a/analyzer", 10, "the disk is full")
    with exclusive(spool.data_dir, "a", StageName.ANALYZER):
        assert get(make_app(sqlite_only, spool), "/readyz").json()["problems"] == {
            "analyzer": "the disk is full"
        }


def test_a_stage_that_works_on_one_machine_works(sqlite_only: Store, app: Starlette) -> None:
    record_seen(sqlite_only, "a/receiver", 59)
    record_seen(sqlite_only, "a/analyzer", 59, "the bundle was refused")
    record_seen(sqlite_only, "b/analyzer", 59)
    assert get(app, "/readyz").status_code == 200


def test_metrics_count_by_state_and_name_nobody(sqlite_only: Store, app: Starlette) -> None:
    store_factory.delivered_study(sqlite_only, 1, category=TriageCategory.LIKELY, score=0.9)
    store_factory.record(sqlite_only, store_factory.received(2))
    record_seen(sqlite_only, "a/receiver", 59)
    answer = get(app, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    for line in (
        'ulna_studies{state="delivered"} 1.0',
        'ulna_studies{state="open"} 1.0',
        'ulna_studies{state="failed"} 0.0',
        'ulna_studies_by_category{category="likely"} 1.0',
        'ulna_instances{state="received"} 1.0',
        'ulna_deliveries{state="sent"} 2.0',
        "ulna_refused_instances 0.0",
        "ulna_oldest_unfinished_study_seconds 60.0",
        'ulna_stage_up{stage="receiver"} 1.0',
        'ulna_stage_up{stage="analyzer"} 0.0',
        'ulna_refusals{cause="caller not allowed"} 0.0',
        'ulna_needs_person{kind="dead letters"} 0.0',
    ):
        assert line in lines
    for secret in (uid(1), uid(2), "TEST", "Testcase", "A1"):
        assert secret not in answer.text
    assert all(re.fullmatch(r"# (HELP|TYPE) .+|\w+(\{\w+=\"[^\"]+\"\})? [0-9.e+]+", line) for line in lines)
