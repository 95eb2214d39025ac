"""What needs a person: counted and said on the page, by the API and for Prometheus."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from daemon.spool import Spool
from daemon.store import studies
from daemon.store.database import Store
from daemon.store.shown import StageRecord
from daemon.store.stages import record_stage
from daemon.web.app import Wanted
from daemon.web.attention import NeedKind, Quarantine
from tests.daemon import store_factory
from tests.daemon.store_factory import NOW, after
from tests.daemon.web.client import STAGES, get, make_app, plain


@pytest.fixture
def app(sqlite_only: Store, spool: Spool) -> Starlette:
    """Return the application on a store whose stages work."""
    for name in STAGES:
        record_stage(
            sqlite_only,
            StageRecord(name=f"a/{name}", process_id=7, started_at=NOW, seen_at=after(59), condition=""),
        )
    return make_app(sqlite_only, spool)


def needs(app: Starlette) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(app, "/api/studies").json()["needs_person"]
    return found


def assert_needed(app: Starlette, kind: NeedKind, number: int, *said: str) -> None:
    """Assert that this and nothing else needs a person, wherever it is told."""
    (need,) = needs(app)
    assert (need["kind"], need["number"]) == (kind, number)
    page = plain(get(app, "/").text)
    assert f"Needs a person {number} " in page
    for words in said:
        assert words in need["what"] + ": " + need["todo"]
        assert words in page
    lines = get(app, "/metrics").text.splitlines()
    for other in NeedKind:
        expected = float(number if other is kind else 0)
        assert f'ulna_needs_person{{kind="{other}"}} {expected}' in lines


def test_nothing_needs_a_person_where_all_goes_well(sqlite_only: Store, app: Starlette) -> None:
    store_factory.delivered_study(sqlite_only, 1)
    store_factory.record(sqlite_only, store_factory.received(2))
    assert needs(app) == []
    assert "Needs a person" not in get(app, "/").text


def test_dead_letters_are_counted_while_another_destination_is_still_tried(
    sqlite_only: Store, app: Starlette
) -> None:
    for number in (1, 2, 3):
        store_factory.reported_study(sqlite_only, number, view_count=2, destinations=("pacs", "viewer"))
    store_factory.refuse_all(sqlite_only, reason="refused", destination="pacs")
    assert get(app, "/api/studies").json()["states"] == {"delivering": 3}
    assert_needed(
        app,
        NeedKind.DEAD_LETTERS,
        9,
        "9 results were not delivered to pacs",
        "ulna requeue --destination pacs",
    )


def test_a_study_of_two_patients_needs_a_person(sqlite_only: Store, app: Starlette) -> None:
    store_factory.reported_study(sqlite_only, 1)
    store_factory.refuse_all(sqlite_only, reason="refused")
    other = store_factory.identity(1, patient_id="OTHER")
    store_factory.record(sqlite_only, store_factory.received(1, 2, identity=other))
    assert_needed(
        app, NeedKind.TWO_PATIENTS, 1, "1 study holds instances of different patients", "in the PACS"
    )


def test_results_under_another_patient_need_a_person(sqlite_only: Store, app: Starlette) -> None:
    store_factory.delivered_study(sqlite_only, 1)
    other = store_factory.identity(1, patient_id="OTHER")
    store_factory.record(sqlite_only, replace(store_factory.received(identity=other), sha256="f" * 64))
    assert_needed(
        app,
        NeedKind.UNCONFIRMED_PATIENTS,
        1,
        "results of 1 study went out under another patient",
        "ulna requeue STUDY_UID --confirm-patient",
    )


def test_a_report_that_cannot_be_built_needs_a_person(sqlite_only: Store, app: Starlette) -> None:
    store_factory.analyzed_study(sqlite_only, 1)
    claimed = store_factory.claim(sqlite_only, 1)
    studies.record_report_failed(sqlite_only, claimed, owner=store_factory.REPORTER, error="template")
    assert_needed(app, NeedKind.FAILED_REPORTS, 1, "1 report could not be built", "ulna requeue STUDY_UID")


def test_files_that_were_set_aside_need_a_person(app: Starlette, spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "useless").write_bytes(b"no DICOM")
    for _ in range(2):
        spool.set_aside(tmp_path / "useless", "the file is not DICOM")
    assert_needed(app, NeedKind.QUARANTINE, 2, "2 files of watched folders could not be used", "quarantine/")


def test_a_disk_below_its_watermark_needs_a_person(sqlite_only: Store, app: Starlette, spool: Spool) -> None:
    kept = 1 << 62
    assert_needed(
        make_app(sqlite_only, spool, wanted=Wanted(stages=STAGES, free_bytes=kept)),
        NeedKind.DISK,
        1,
        f"storage.min_free_bytes keeps {kept:,}",
        "make space",
    )


def test_stages_that_do_not_work_need_a_person(sqlite_only: Store, app: Starlette) -> None:
    record_stage(
        sqlite_only,
        StageRecord(name="a/receiver", process_id=7, started_at=NOW, seen_at=after(59), condition="no port"),
    )
    assert_needed(app, NeedKind.STAGES, 1, "receiver: no port", "read the log")


def test_a_stage_that_works_but_not_as_it_should_needs_a_person(sqlite_only: Store, app: Starlette) -> None:
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
    assert_needed(app, NeedKind.NOTICES, 1, "analyzer: on torch", "restart the service")


def test_quarantine_is_counted_anew_when_its_folder_changes(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "useless").write_bytes(b"no DICOM")
    quarantine = Quarantine(spool.quarantine)
    assert quarantine.count(after(1e9)) == 0
    spool.set_aside(tmp_path / "useless", "the file is not DICOM")
    assert quarantine.count(after(1e9)) == 1
    for file in spool.quarantine.iterdir():
        file.unlink()
    assert quarantine.count(after(1e9)) == 0
    spool.quarantine.rmdir()
    assert quarantine.count(after(1e9)) == 0
