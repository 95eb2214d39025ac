"""One study, on its page and as JSON."""

import html
import re

import pytest
from starlette.applications import Starlette

from daemon.spool import Spool
from daemon.store.database import Store
from daemon.store.deliveries import claim_deliveries, record_to_retry
from daemon.store.studies import claim_study, record_report
from models.reference.drift import InputCheck, InputWarning
from models.study_finding import TriageCategory
from tests.daemon import store_factory
from tests.daemon.store_factory import after, said
from tests.daemon.web.client import get, make_app, plain
from tests.factories import make_instance, uid, write_instance


@pytest.fixture
def app(sqlite_only: Store, spool: Spool) -> Starlette:
    return make_app(sqlite_only, spool)


def test_the_study_shows_views_members_and_what_was_set_aside(sqlite_only: Store, app: Starlette) -> None:
    store_factory.record(
        sqlite_only,
        store_factory.received(1, 1, laterality="L", projection="lateral"),
        store_factory.unreadable(1, 2),
        store_factory.excluded(1, 3),
    )
    store_factory.analyze_all(sqlite_only, probability=0.7)
    page = plain(get(app, f"/studies/{uid(1)}").text)
    assert "View 1 left wrist, lateral Probability 0.700" in page
    below = "the operating points of its bundle are not at hand"
    assert f"Ensemble of 2 Probability 0.700 {below}" in page
    for name in ("densenet201", "mobilenet"):
        assert f"{name} vote 50% Probability 0.700 {below}" in page
    assert "unreadable this object contains no image" in page
    assert "not analyzed this image shows a body part that ulna does not analyze" in page
    assert "There is no report yet" in page


def test_what_was_set_aside_is_explained_by_its_header(
    sqlite_only: Store, spool: Spool, app: Starlette
) -> None:
    aside = [store_factory.excluded(1, number) for number in range(1, 61)]
    store_factory.record(sqlite_only, *aside)
    path = spool.absolute(aside[0].path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_instance(make_instance(BodyPartExamined="CHEST", SeriesDescription="Thorax <b>"), path)
    page = get(app, f"/studies/{uid(1)}").text
    assert page.count("<summary>Explain</summary>") == 1, "the other files are gone"
    assert "SeriesDescription <q><bdi>Thorax &lt;b&gt;</bdi></q>" in page
    assert page.count("this image shows a body part that ulna does not analyze") == 60


def test_the_study_shows_all_revisions_and_their_deliveries(sqlite_only: Store, app: Starlette) -> None:
    store_factory.delivered_study(sqlite_only, 1)
    store_factory.record(sqlite_only, store_factory.received(1, 2), now=after(10))
    store_factory.analyze_all(sqlite_only, now=after(11))
    claimed = claim_study(
        sqlite_only, store_factory.open_study(sqlite_only, 1), owner=store_factory.REPORTER, now=after(12)
    )
    assert claimed is not None
    report = store_factory.report(claimed)
    record_report(sqlite_only, claimed, report, owner=store_factory.REPORTER, now=after(12))
    (delivery, *_) = claim_deliveries(sqlite_only, destination="pacs", owner="s", limit=9, now=after(13))
    record_to_retry(sqlite_only, delivery, owner="s", remark=said("connection refused"), retry_at=after(90))
    markup = get(app, f"/studies/{uid(1)}").text
    assert re.findall(r"img src=\"[^\"]*/results/([0-9.]+)\.png", markup) == [
        result.sop_instance_uid for result in report.results[1:]
    ]
    page = plain(markup)
    assert page.index("Revision 2") < page.index("Revision 1 superseded")
    assert re.search(r"pacs will be tried again 1 next at \d\d:\d\d:\d\d connection refused", page)
    results = get(app, f"/api/studies/{uid(1)}").json()["results"]
    assert [result["revision"] for result in results] == [1, 1, 2, 2, 2]
    assert results[2]["deliveries"][0]["retry_at"] == after(90).isoformat()


@pytest.mark.parametrize(
    ("cautions", "sentence"),
    [
        (["younger", "younger"], "The patient is younger than 18 years, for whom the model was not tested"),
        (["unknown", "unknown"], "The patient's age is not known, and the model was not tested below 18"),
        (["unknown", ""], ""),
    ],
)
def test_the_caution_about_the_age_is_said_once(
    sqlite_only: Store, app: Starlette, cautions: list[str], sentence: str
) -> None:
    for number, caution in enumerate(cautions, start=1):
        view = store_factory.received(1, number, age_caution=caution, minimum_age_years=18)
        store_factory.record(sqlite_only, view)
    page = html.unescape(plain(get(app, f"/studies/{uid(1)}").text))
    assert page.count("treat the result with caution") == bool(sentence)
    assert sentence in page
    instances = get(app, f"/api/studies/{uid(1)}").json()["instances"]
    assert [instance["age_caution"] for instance in instances] == cautions


def test_an_old_study_is_marked(sqlite_only: Store, app: Starlette) -> None:
    store_factory.record(sqlite_only, store_factory.received(1, is_old=True), store_factory.received(2))
    assert "old study" in get(app, f"/studies/{uid(1)}").text
    assert "old study" not in get(app, f"/studies/{uid(2)}").text


@pytest.mark.parametrize(
    "path", [f"/studies/{uid(5)}", "/studies/no-uid", "/studies/1..2", f"/studies/{'1' * 65}", "/studies/%00"]
)
def test_an_unknown_or_malformed_study_is_not_found(app: Starlette, path: str) -> None:
    page = get(app, path)
    assert (page.status_code, "No such study" in page.text) == (404, True)
    answer = get(app, f"/api{path}")
    assert (answer.status_code, list(answer.json())) == (404, ["error"])


def test_the_api_gives_numbers_and_keywords(sqlite_only: Store, app: Starlette) -> None:
    store_factory.delivered_study(sqlite_only, 1, score=0.6, category=TriageCategory.SUSPECTED)
    study = get(app, f"/api/studies/{uid(1)}").json()
    assert (study["study_instance_uid"], study["patient_id"]) == (uid(1), "TEST-1")
    assert (study["category"], study["probability"], study["state"]) == ("suspected", 0.6, "delivered")
    assert study["turn_around_seconds"] == 0.0
    assert study["instances"][0]["members"][0]["probability"] == 0.6
    assert "path" not in study["instances"][0]


def test_the_study_tells_its_history(sqlite_only: Store, app: Starlette) -> None:
    store_factory.reported_study(sqlite_only)
    address = uid(1)
    events = get(app, f"/api/studies/{address}").json()["events"]
    assert [event["cause"] for event in events][:3] == ["opened", "arrived", "analysis stored"]
    assert {event["author"] for event in events} == {"command"}
    page = plain(get(app, f"/studies/{address}").text)
    assert f"History {len(events)} changes of state, the last at" in page
    assert "received to analyzed analysis stored command" in page


def test_a_view_unlike_the_training_data_is_warned_of(sqlite_only: Store, app: Starlette) -> None:
    store_factory.record(sqlite_only, store_factory.received(1, 1))
    unusual = InputCheck(distance=2.5, warning=InputWarning.INVERTED)
    store_factory.analyze_all(sqlite_only, probability=0.7, input_check=unusual)
    store_factory.record(sqlite_only, store_factory.received(1, 2))
    store_factory.analyze_all(sqlite_only, probability=0.7, input_check=InputCheck(distance=0.5))
    page = plain(get(app, f"/studies/{uid(1)}").text)
    assert page.count("This view looks inverted (black for white)") == 1
    assert page.count("frontal Probability 0.700") == 2
    study = get(app, f"/api/studies/{uid(1)}").json()
    assert study["warned_view_count"] == 1
    assert [(i["input_warning"], i["input_distance"]) for i in study["instances"]] == [
        ("inverted", 2.5),
        ("", 0.5),
    ]
