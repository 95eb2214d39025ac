import asyncio
import json
import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from daemon.config.sections import Study
from daemon.predictor.messages import WorkerSetting
from daemon.predictor.predictor import Predictor
from daemon.predictor.uploads import UploadLimits
from daemon.spool import Spool
from daemon.store.database import Store
from daemon.web.app import create_predictor_app
from daemon.web.sources import Sources
from daemon.web.stated import StatedBundle, stated_bundle
from models.bundle.shipped import DEFAULT_BUNDLE, bundle_folder
from tests.daemon.store_factory import NOW
from tests.daemon.web.client import get, make_app, plain
from tests.factories import encode, make_instance, uid

SAMPLE = (Path(__file__).parents[3] / "daemon/demo/samples/hand-left-ap.jpg").read_bytes()
OURS = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
LIMITS = UploadLimits(file_bytes=2_000_000)
MEMBERS = ("densenet201", "mobilenet", "nasnetmobile")


@pytest.fixture(scope="module")
def bundle() -> StatedBundle:
    return stated_bundle(bundle_folder(DEFAULT_BUNDLE), "sensitive")


@pytest.fixture(scope="module")
def predictor(bundle: StatedBundle) -> Iterator[Predictor]:
    setting = WorkerSetting(
        bundle=bundle_folder(DEFAULT_BUNDLE), operating_point="sensitive", device="cpu", study=Study()
    )
    with closing(Predictor(setting, bundle.identity, limits=LIMITS)) as opened:
        yield opened


@pytest.fixture(scope="module")
def app(predictor: Predictor, bundle: StatedBundle) -> Iterator[Starlette]:
    with closing(Sources()) as sources:
        yield create_predictor_app(predictor, bundle, product="ulna 9.9", sources=sources, clock=lambda: NOW)


@pytest.fixture(scope="module")
def result(app: Starlette) -> str:
    """Return the address of the result for one picture."""
    return drop(app, SAMPLE)


def post(
    app: Starlette, path: str, content: bytes = b"", headers: dict[str, str] | None = None
) -> httpx.Response:
    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post(path, content=content, headers=OURS if headers is None else headers)

    return asyncio.run(answer())


def drop(app: Starlette, *files: bytes) -> str:
    address = "/predictor"
    for file in files:
        answer = post(app, f"{address}/uploads", file)
        assert answer.status_code == 201, answer.text
        address = f"/predictor/{answer.json()['token']}"
    answer = post(app, f"{address}/prediction")
    assert answer.json() == {"address": address}
    return address


def test_the_page_says_what_is_taken_and_that_nothing_is_kept(app: Starlette) -> None:
    page = plain(get(app, "/predictor").text)
    for words in ("DICOM, PNG or JPEG", "40 files", "2 MB", "30 minutes", "written nowhere"):
        assert words in page
    assert "Not for diagnostic use." in page


def test_a_result_shows_every_member_and_what_was_looked_for(app: Starlette, result: str) -> None:
    page = get(app, result).text
    assert re.findall('data-panel="([^"]+)"', page) == ["ensemble", *MEMBERS]
    assert f'data-viewer="{result}/views/1"' in page
    words = plain(page)
    assert "other findings were not looked for" in words
    assert "Not for diagnostic use." in words
    assert re.search(r"\bnormal\b", words, re.IGNORECASE) is None


def test_pages_load_nothing_from_elsewhere_and_hold_no_script(app: Starlette, result: str) -> None:
    for path in ("/predictor", result):
        page = get(app, path).text
        assert re.search(r"(?:src|href)=\"(?!/(?!/)|[#?])", page) is None
        assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]
        assert re.search(r"\son\w+=|style=", page) is None


def test_all_members_can_be_chosen_alone_and_as_the_papers_ensembles(app: Starlette, result: str) -> None:
    choices = get(app, result).text.partition('class="choices"')[2].partition("</nav>")[0]
    offered = [plain(f"<{offer}") for offer in choices.split("<li>")[1:]]
    assert [words.split("  ")[0] for words in offered][:2] == [
        "all 3 members, the paper&#39;s ensemble200",
        "the paper&#39;s B",
    ]
    assert [offer for offer in offered if offer.split()[0] in MEMBERS] != []


def test_a_choice_recomputes_and_runs_nothing(
    app: Starlette, result: str, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor, "_running", lambda: pytest.fail("a network was asked"))
    whole = get(app, f"{result}/prediction.json").json()
    said = {each["member"]: each["probability"] for each in whole["instances"][0]["members"]}
    alone = get(app, f"{result}/prediction.json?members=mobilenet").json()
    assert alone["probability"] == said["mobilenet"]
    found = get(app, f"{result}/prediction.json?members=nasnetmobile,mobilenet").json()
    assert found["members"] == ["mobilenet", "nasnetmobile"]
    low, high = sorted([said["mobilenet"], said["nasnetmobile"]])
    assert low < found["probability"] < high
    assert found["category"] is None
    assert whole["category"] is not None


def test_an_operating_point_flags_no_other_choice_than_all_members(app: Starlette, result: str) -> None:
    page = plain(get(app, f"{result}?members=mobilenet").text)
    assert "They do not hold for this choice, so nothing is flagged by it." in page
    assert "is below the operating point" not in page
    values = get(app, f"{result}/views/1/view.json?members=mobilenet").json()
    assert [(panel["name"], panel["is_stated"]) for panel in values["panels"]] == [("mobilenet", False)]
    assert values["places"] == []


def test_the_papers_rule_stands_beside_where_it_is_asked_for(app: Starlette, result: str) -> None:
    assert "1 is NORMAL" in plain(get(app, f"{result}?rule=paper").text)
    values = get(app, f"{result}/views/1/view.json?rule=paper").json()
    assert all(0.0 <= panel["paper"]["score"] <= 1.0 for panel in values["panels"])


@pytest.mark.parametrize("query", ["members=resnet", "members=mobilenet,,", "members=<script>", "rule=mine"])
def test_a_choice_that_does_not_exist_is_refused(app: Starlette, result: str, query: str) -> None:
    answer = get(app, f"{result}?{query}")
    assert answer.status_code == 400
    assert "<script>" not in answer.text


def test_the_pixels_are_those_of_the_file(app: Starlette, result: str) -> None:
    content = get(app, f"{result}/views/1/pixels").content
    header = json.loads(content[4 : 4 + int.from_bytes(content[:4], "little")])
    values = get(app, f"{result}/views/1/view.json").json()
    assert (header["rows"], header["columns"]) == (values["rows"], values["columns"])


@pytest.mark.parametrize("number", ["0", "2", "-1", "1.0", "99999999999", "x", "%2e%2e"])
def test_another_view_is_not_there(app: Starlette, result: str, number: str) -> None:
    for what in ("pixels", "view.json"):
        assert get(app, f"{result}/views/{number}/{what}").status_code == 404


@pytest.mark.parametrize("token", ["a" * 32, "x", "%2e%2e%2fetc", "<b>", "a" * 4000])
def test_a_forged_token_finds_nothing(app: Starlette, token: str) -> None:
    for path in (
        f"/predictor/{token}",
        f"/predictor/{token}/prediction.json",
        f"/predictor/{token}/progress",
    ):
        answer = get(app, path)
        assert answer.status_code == 404
        assert "<b>" not in answer.text
    assert post(app, f"/predictor/{token}/uploads", SAMPLE).status_code == 404
    assert post(app, f"/predictor/{token}/prediction").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
    ],
)
def test_files_from_another_page_are_refused(
    app: Starlette, predictor: Predictor, headers: dict[str, str]
) -> None:
    before = len(predictor.uploads._studies)
    assert post(app, "/predictor/uploads", SAMPLE, headers).status_code == 403
    assert post(app, f"/predictor/{'a' * 32}/prediction", b"", headers).status_code == 403
    assert len(predictor.uploads._studies) == before


@pytest.mark.parametrize("headers", [{"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}])
def test_files_from_our_own_page_are_taken(app: Starlette, headers: dict[str, str]) -> None:
    assert post(app, "/predictor/uploads", SAMPLE, headers).status_code == 201


@pytest.mark.parametrize("declared", [None, "3000000", "1", "99999999999999999999"])
def test_a_file_that_is_too_large_is_refused_whatever_it_declares(
    app: Starlette, declared: str | None
) -> None:
    headers = OURS if declared is None else OURS | {"Content-Length": declared}
    answer = post(app, "/predictor/uploads", SAMPLE + bytes(2_000_000), headers)
    assert answer.status_code == 413
    assert "2 MB" in answer.json()["error"]


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7", b"<svg onload=alert(1)>"])
def test_what_is_no_radiograph_is_refused_in_words(app: Starlette, content: bytes) -> None:
    answer = post(app, "/predictor/uploads", content)
    assert answer.status_code == 415
    assert answer.json()["error"].endswith(".")


def test_markup_in_a_dicom_file_reaches_no_page_and_no_patient_does(
    app: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    markup = "<script>alert(1)</script>"
    texts: dict[str, Any] = dict.fromkeys(
        ("StudyDescription", "SeriesDescription", "ProtocolName", "ReferringPhysicianName"), markup
    )
    ds = make_instance(PatientName=f"Secret^{markup}", PatientID=f"4711{markup}", **texts)
    address = drop(app, encode(ds))
    for path in (address, f"{address}/prediction.json"):
        text = get(app, path).text
        for word in ("<script>alert", "Secret", "4711"):
            assert word not in text
    assert "Secret" not in caplog.text + str([vars(each) for each in caplog.records])


def test_bad_files_alone_are_told_on_the_page(app: Starlette) -> None:
    page = plain(get(app, drop(app, encode(make_instance())[:400])).text)
    assert "Not analyzed" in page
    assert "None of the files was analyzed" in page


def test_files_of_two_studies_are_refused(app: Starlette) -> None:
    token = post(app, "/predictor/uploads", encode(make_instance(study=1))).json()["token"]
    post(app, f"/predictor/{token}/uploads", encode(make_instance(study=2)))
    answer = post(app, f"/predictor/{token}/prediction")
    assert answer.status_code == 422
    assert "2 studies" in answer.json()["error"]
    assert get(app, f"/predictor/{token}").status_code == 415


def test_progress_tells_how_many_files_are_analyzed(app: Starlette, result: str) -> None:
    assert get(app, f"{result}/progress").json() == {"is_ready": True, "analyzed": 1, "files": 1}
    assert get(app, "/predictor/state").json() == {"is_ready": True, "problem": ""}


def test_nothing_is_written_anywhere(
    sqlite_only: Store, spool: Spool, predictor: Predictor, bundle: StatedBundle
) -> None:
    before = _files(spool.data_dir)
    with closing(Sources()) as sources:
        app = make_app(sqlite_only, spool, sources=sources, bundle=bundle, predictor=predictor)
        address = drop(app, encode(make_instance(study=7)))
        assert get(app, f"{address}/views/1/pixels").status_code == 200
    assert get(app, "/api/studies").json()["studies"] == []
    assert get(app, f"/api/studies/{uid(7)}").status_code == 404
    assert _files(spool.data_dir) == before
    assert 'href="/predictor"' in get(app, "/").text


def _files(folder: Path) -> dict[str, int]:
    return {
        str(Path(where) / name): (Path(where) / name).stat().st_size
        for where, _, names in os.walk(folder)
        for name in names
    }


def test_the_page_is_not_there_where_it_is_not_wanted(sqlite_only: Store, spool: Spool) -> None:
    app = make_app(sqlite_only, spool)
    assert get(app, "/predictor").status_code == 404
    assert "/predictor" not in get(app, "/").text
