"""The worklist page: what it shows, in which order, and what it leaves out."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.applications import Starlette

from daemon.spool import Spool
from daemon.store import patients
from daemon.store.database import Store
from daemon.store.refusals import record_rejection
from daemon.store.shown import Rejection
from daemon.store.studies import record_report
from daemon.store.values import ReceivedInstance
from daemon.web import pages
from models.reference.drift import InputCheck, InputWarning
from models.study_finding import TriageCategory
from tests.daemon import store_factory
from tests.daemon.store_factory import NOW, after
from tests.daemon.web.client import get, make_app, plain, rows
from tests.factories import uid

NEEDS_OF_STAGES = [
    {
        "kind": "stages",
        "number": 2,
        "what": "stages do not work: receiver: not running; analyzer: not running",
        "todo": "if it lasts, read the log of the service (journalctl -u ulna)",
    }
]


@pytest.fixture
def app(sqlite_only: Store, spool: Spool) -> Starlette:
    return make_app(sqlite_only, spool)


def test_the_list_is_in_reading_order(sqlite_only: Store, app: Starlette) -> None:
    store_factory.delivered_study(sqlite_only, 1, category=TriageCategory.NOT_FLAGGED, score=0.2)
    store_factory.delivered_study(sqlite_only, 2, category=TriageCategory.SUSPECTED, score=0.6)
    store_factory.delivered_study(sqlite_only, 3, category=TriageCategory.LIKELY, score=0.9)
    store_factory.record(sqlite_only, store_factory.received(4, priority=0))
    listed = rows(get(app, "/").text)
    assert [row.split()[0] for row in listed] == ["MEDIUM", "MEDIUM", "STAT", "MEDIUM"]
    assert [f"TEST-{n}" in row for n, row in zip((3, 2, 4, 1), listed, strict=True)] == [True] * 4
    assert "category, then priority, then probability, then age" in get(app, "/").text


def test_a_row_says_what_a_reader_needs(sqlite_only: Store, app: Starlette) -> None:
    store_factory.analyzed_study(sqlite_only, 1, view_count=2, probability=0.6)
    store_factory.record(sqlite_only, store_factory.excluded(1, 3))
    claimed = store_factory.claim(sqlite_only, 1, now=after(12))
    report = store_factory.report(claimed, category=TriageCategory.SUSPECTED, score=0.6)
    record_report(sqlite_only, claimed, report, owner=store_factory.REPORTER, now=after(12))
    (row,) = rows(get(app, "/").text)
    for said in ("suspected", "0.600", "Testcase, Wrist", "TEST-1", "A1", "2026-03-01", "XR wrist right"):
        assert said in row
    for said in ("wrist", "2 of 3", "12 s", "sending results"):
        assert said in row


def test_what_was_not_analyzed_has_its_reason(sqlite_only: Store, app: Starlette) -> None:
    store_factory.record(sqlite_only, store_factory.excluded(1))
    claimed = store_factory.claim(sqlite_only, 1)
    built = store_factory.report(claimed, category=TriageCategory.NOT_ANALYZED, score=None)
    report = replace(built, not_analyzed="the image shows another body region (1 instance)")
    record_report(sqlite_only, claimed, report, owner=store_factory.REPORTER, now=after(1))
    store_factory.send_all(sqlite_only, now=after(2))
    (row,) = rows(get(app, "/").text)
    assert "not analyzed the image shows another body region (1 instance) " in row


def test_two_patients_in_a_study_fail_it_and_hide_its_old_finding(sqlite_only: Store, app: Starlette) -> None:
    store_factory.delivered_study(sqlite_only, 1, category=TriageCategory.NOT_FLAGGED, score=0.2)
    other = store_factory.identity(1, patient_id="OTHER")
    store_factory.record(sqlite_only, store_factory.received(1, 2, identity=other))
    (row,) = rows(get(app, "/").text)
    assert "failed instances of different patients are in this study" in row
    assert "0.200" not in row
    assert "not flagged" not in row


def test_a_study_that_was_corrected_too_late_says_what_a_person_does(
    sqlite_only: Store, app: Starlette
) -> None:
    store_factory.delivered_study(sqlite_only, 1, category=TriageCategory.NOT_FLAGGED, score=0.2)
    other = store_factory.identity(1, patient_id="OTHER")
    store_factory.record(sqlite_only, store_factory.received(content="corrected", identity=other))
    (row,) = rows(get(app, "/").text)
    assert "OTHER" in row
    assert "failed its instances name one patient again, but results went out under another" in row
    assert "0.200" not in row
    page = get(app, f"/studies/{uid(1)}").text
    assert f"<code>ulna requeue {uid(1)} --confirm-patient</code>" in page
    assert f"<code>ulna requeue {uid(1)}</code>" not in page
    study = get(app, f"/api/studies/{uid(1)}").json()
    assert (study["cause"], study["category"]) == ("confirmation needed", "failed")
    assert "--confirm-patient" in study["reason"]


def test_pictures_of_the_first_patient_are_not_shown_for_the_second(
    sqlite_only: Store, app: Starlette
) -> None:
    store_factory.delivered_study(sqlite_only, 1)
    other = store_factory.identity(1, patient_id="OTHER")
    store_factory.record(sqlite_only, store_factory.received(content="corrected", identity=other))
    patients.confirm_patient(sqlite_only, uid(1), now=after(1))
    page = get(app, f"/studies/{uid(1)}").text
    assert ".png" not in page
    assert "in progress" in page


def test_a_study_that_was_not_delivered_keeps_its_category(sqlite_only: Store, app: Starlette) -> None:
    store_factory.reported_study(sqlite_only, 1, category=TriageCategory.LIKELY, score=0.9)
    store_factory.refuse_all(sqlite_only, reason="calling AE title not recognized")
    (row,) = rows(get(app, "/").text)
    assert "likely 0.900" in row.replace("  ", " ").replace(" UNTRAINED", "")
    assert "failed delivery to pacs failed: calling AE title not recognized" in row
    page = get(app, f"/studies/{uid(1)}").text
    assert f"ulna requeue {uid(1)}" in page
    assert "not delivered, needs a person" in page


def test_a_late_view_marks_the_finding_as_of_the_revision_before(sqlite_only: Store, app: Starlette) -> None:
    store_factory.delivered_study(sqlite_only, 1, category=TriageCategory.NOT_FLAGGED, score=0.2)
    store_factory.record(sqlite_only, store_factory.received(1, 2), now=after(30))
    (row,) = rows(get(app, "/").text)
    assert "of revision 1; a later view is on its way" in row
    assert "revision 2" in row


@pytest.mark.parametrize(
    ("query", "studies"),
    [
        ("", [1, 3, 2]),
        ("?category=suspected", [1]),
        ("?category=not-flagged", [2]),
        ("?category=in-progress", [3]),
        ("?category=likely", []),
        ("?state=delivered", [1, 2]),
        ("?state=open", [3]),
        ("?category=not-flagged&state=delivered&period=all", [2]),
    ],
)
def test_the_query_string_selects(sqlite_only: Store, app: Starlette, query: str, studies: list[int]) -> None:
    store_factory.delivered_study(sqlite_only, 1, category=TriageCategory.SUSPECTED, score=0.6)
    store_factory.delivered_study(sqlite_only, 2, category=TriageCategory.NOT_FLAGGED, score=0.2)
    store_factory.record(sqlite_only, store_factory.received(3))
    listed = get(app, f"/api/studies{query}").json()["studies"]
    assert [study["patient_id"] for study in listed] == [f"TEST-{number}" for number in studies]
    assert len(rows(get(app, f"/{query}").text)) == len(studies)


def test_an_unknown_selection_is_refused_with_what_is_allowed(app: Starlette) -> None:
    answer = get(app, "/api/studies?category=healthy")
    assert answer.status_code == 400
    assert "likely, suspected, failed, not-analyzed, in-progress, not-flagged" in answer.json()["error"]
    assert get(app, "/?state=gone").status_code == 400


def test_old_studies_leave_the_list_unless_somebody_must_act(sqlite_only: Store, spool: Spool) -> None:
    store_factory.delivered_study(sqlite_only, 1)
    store_factory.reported_study(sqlite_only, 2)
    store_factory.refuse_all(sqlite_only, reason="refused")
    store_factory.record(sqlite_only, store_factory.received(3))
    app = make_app(sqlite_only, spool, seconds=timedelta(days=2).total_seconds())
    page = get(app, "/").text
    assert "TEST-1" not in page
    assert "TEST-2" in page
    assert "TEST-3" in page
    assert "1 older study is outside the chosen time" in page
    assert "TEST-1" in get(app, "/?period=week").text


def old(study: int, instance: int = 1) -> ReceivedInstance:
    return store_factory.received(study, instance, is_old=True, priority=3)


def deliver(store: Store, study: int) -> None:
    store_factory.analyze_all(store)
    claimed = store_factory.claim(store, study)
    record_report(store, claimed, store_factory.report(claimed), owner=store_factory.REPORTER, now=NOW)
    store_factory.send_all(store)


@pytest.mark.parametrize(
    ("query", "patients"),
    [
        ("", ["TEST-1", "TEST-4"]),
        ("?period=week", ["TEST-1", "TEST-4"]),
        ("?period=old", ["TEST-2", "TEST-4", "TEST-3"]),
        ("?period=all", ["TEST-1", "TEST-2", "TEST-4", "TEST-3"]),
    ],
)
def test_studies_of_long_ago_stand_apart_but_those_that_failed(
    sqlite_only: Store, app: Starlette, query: str, patients: list[str]
) -> None:
    store_factory.delivered_study(sqlite_only, 1, category=TriageCategory.NOT_FLAGGED, score=0.1)
    store_factory.record(sqlite_only, old(2))
    deliver(sqlite_only, 2)
    other = store_factory.identity(4, patient_id="OTHER")
    store_factory.record(sqlite_only, old(4), replace(old(4, 2), identity=other))
    store_factory.analyze_all(sqlite_only)
    store_factory.record(sqlite_only, old(3))
    markup = get(app, f"/{query}").text
    listed = rows(markup)
    assert [next(word for word in row.split() if word.startswith("TEST-")) for row in listed] == patients
    assert all(("old study" in row) == ("TEST-1" not in row) for row in listed)
    assert "old studies 3" in plain(markup)
    assert ("3 old studies stand apart" in plain(markup)) == (query in ("", "?period=week"))
    assert "outside the chosen time" not in markup


def test_a_list_without_studies_of_long_ago_does_not_speak_of_them(
    sqlite_only: Store, app: Starlette
) -> None:
    store_factory.delivered_study(sqlite_only, 1)
    assert "old stud" not in plain(get(app, "/").text)


def test_what_is_outside_the_chosen_time_is_counted_without_studies_of_long_ago(
    sqlite_only: Store, spool: Spool
) -> None:
    store_factory.delivered_study(sqlite_only, 1)
    store_factory.record(sqlite_only, old(2))
    deliver(sqlite_only, 2)
    app = make_app(sqlite_only, spool, seconds=timedelta(days=2).total_seconds())
    page = plain(get(app, "/").text)
    assert "1 older study is outside the chosen time" in page
    assert "1 old study stands apart" in page
    assert "No studies received in this time" in page


def test_the_api_says_which_studies_are_of_long_ago(sqlite_only: Store, app: Starlette) -> None:
    store_factory.record(sqlite_only, store_factory.received(1), old(2))
    listed = get(app, "/api/studies").json()["studies"]
    assert [(study["patient_id"], study["is_old"]) for study in listed] == [
        ("TEST-1", False),
        ("TEST-2", True),
    ]
    assert [s["patient_id"] for s in get(app, "/api/studies?period=old").json()["studies"]] == ["TEST-2"]


def test_refused_instances_are_listed_with_their_reason(sqlite_only: Store, app: Starlette) -> None:
    record_rejection(
        sqlite_only,
        Rejection(rejected_at=NOW, source="CR@10.0.0.7", sop_instance_uid="", reason="the file is not DICOM"),
    )
    page = plain(get(app, "/").text)
    assert "CR@10.0.0.7 instance cannot be read the file is not DICOM 1 not known" in page


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)


def listed_patients(listed: list[str]) -> list[str]:
    return [next(word for word in row.split() if word.startswith("TEST-")) for row in listed]


def linked(page: str, kind: str) -> list[str]:
    return re.findall(rf'<a rel="{kind}" href="([^"]*)"', page)


@pytest.mark.usefixtures("pages_of_two")
def test_a_long_list_comes_in_pages_that_lead_to_each_other(sqlite_only: Store, app: Starlette) -> None:
    store_factory.record(sqlite_only, *(store_factory.received(number) for number in range(1, 6)))
    seen, path, pages_seen = [], "/?state=open", 0
    while path:
        page = get(app, path).text
        pages_seen += 1
        seen += listed_patients(rows(page))
        assert "TEST" not in "".join(linked(page, "next") + linked(page, "prev"))
        path = "".join(linked(page, "next")).replace("&amp;", "&")
    assert (seen, pages_seen) == ([f"TEST-{number}" for number in range(1, 6)], 3)
    assert "Studies 5 to 5 of 5" in plain(page)
    assert linked(page, "prev") == ["/?state=open&amp;page=2"]
    assert linked(get(app, "/?state=open&page=2").text, "prev") == ["/?state=open"]


@pytest.mark.usefixtures("pages_of_two")
def test_another_selection_begins_at_its_first_page(sqlite_only: Store, app: Starlette) -> None:
    store_factory.record(sqlite_only, *(store_factory.received(number) for number in range(1, 6)))
    filters = get(app, "/?page=2").text.partition('<nav id="filters"')[2].partition("</nav>")[0]
    assert "category=" in filters
    assert "page=" not in filters


@pytest.mark.usefixtures("pages_of_two")
def test_a_page_behind_the_last_one_leads_back(sqlite_only: Store, app: Starlette) -> None:
    store_factory.record(sqlite_only, *(store_factory.received(number) for number in range(1, 4)))
    page = get(app, "/?page=3")
    assert (page.status_code, rows(page.text)) == (200, [])
    assert "There are only 3 studies in this selection" in plain(page.text)
    assert "What the PACS sends appears here" not in page.text


def test_the_api_gives_all_studies_page_by_page(sqlite_only: Store, app: Starlette) -> None:
    store_factory.record(sqlite_only, *(store_factory.received(number) for number in range(1, 6)))
    offset: int | None = 0
    seen = []
    while offset is not None:
        answer = get(app, f"/api/studies?limit=2&offset={offset}").json()
        assert (answer["selected"], answer["limit"], answer["offset"]) == (5, 2, offset)
        seen += [study["patient_id"] for study in answer["studies"]]
        offset = answer["next_offset"]
    assert seen == [f"TEST-{number}" for number in range(1, 6)]


def test_the_api_gives_a_hundred_at_once_whoever_asks_for_more_and_leads_on(
    sqlite_only: Store, app: Starlette
) -> None:
    store_factory.record(sqlite_only, *(store_factory.received(number) for number in range(1, 103)))
    answer = get(app, "/api/studies?limit=300").json()
    assert (answer["limit"], len(answer["studies"]), answer["next_offset"]) == (100, 100, 100)
    assert len(get(app, "/api/studies?limit=300&offset=100").json()["studies"]) == 2


@pytest.mark.parametrize(
    "path", ["/?page=0", "/?page=x", "/?page=9999999999", "/?page=%C2%B2", "/api/studies?limit=301"]
)
def test_a_page_that_cannot_be_is_refused_with_what_is_allowed(app: Starlette, path: str) -> None:
    answer = get(app, path)
    assert answer.status_code == 400
    assert re.search("must be a number from [01] to [0-9]+", answer.text)


def test_a_dead_letter_shows_while_another_destination_is_still_tried(
    sqlite_only: Store, app: Starlette
) -> None:
    store_factory.reported_study(sqlite_only, 1, destinations=("pacs", "viewer"))
    store_factory.refuse_all(sqlite_only, reason="refused", destination="pacs")
    (row,) = rows(get(app, "/").text)
    assert "sending results not delivered to pacs, needs a person viewer will be tried again" in row
    (listed,) = get(app, "/api/studies").json()["studies"]
    assert (listed["dead_destinations"], listed["waiting_destinations"]) == (["pacs"], ["viewer"])


def test_a_dead_letter_of_an_earlier_revision_concerns_nobody(sqlite_only: Store, app: Starlette) -> None:
    store_factory.reported_study(sqlite_only, 1)
    store_factory.refuse_all(sqlite_only, reason="refused")
    store_factory.record(sqlite_only, store_factory.received(1, 2), now=after(30))
    store_factory.analyze_all(sqlite_only)
    claimed = store_factory.claim(sqlite_only, 1)
    record_report(
        sqlite_only, claimed, store_factory.report(claimed), owner=store_factory.REPORTER, now=after(40)
    )
    answer = get(app, "/api/studies").json()
    assert answer["needs_person"] == NEEDS_OF_STAGES
    (listed,) = answer["studies"]
    assert (listed["state"], listed["dead_destinations"]) == ("delivering", [])
    assert listed["waiting_destinations"] == ["pacs"]


def test_a_study_with_an_unusual_view_is_marked_and_keeps_its_place(
    sqlite_only: Store, app: Starlette
) -> None:
    for study, check in ((1, InputCheck(distance=3.0, warning=InputWarning.CONTENT)), (2, None)):
        store_factory.record(sqlite_only, store_factory.received(study))
        store_factory.analyze_all(sqlite_only, probability=0.5, input_check=check)
        claimed = store_factory.claim(sqlite_only, study)
        report = store_factory.report(claimed, score=0.9 if study == 1 else 0.6)
        record_report(sqlite_only, claimed, report, owner=store_factory.REPORTER, now=after(1))
    marked, plain_row = rows(get(app, "/").text)
    assert ("unusual input" in marked, "unusual input" in plain_row) == (True, False)
    assert "0.900" in marked
    assert [study["warned_view_count"] for study in get(app, "/api/studies").json()["studies"]] == [1, 0]
