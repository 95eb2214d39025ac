"""What every page says, what none says, and who is answered."""

import re
import subprocess
import sys

import pytest
from starlette.applications import Starlette

from daemon.spool import Spool
from daemon.store.database import Store
from daemon.web.guard import CONTENT_SECURITY_POLICY
from models.study_finding import TriageCategory
from tests.daemon import store_factory
from tests.daemon.web.client import get, make_app, plain
from tests.factories import uid

HOSTILE = "<script>alert(1)</script>^\"'><img src=x onerror=y>"


@pytest.fixture
def app(sqlite_only: Store, spool: Spool) -> Starlette:
    return make_app(sqlite_only, spool)


@pytest.mark.parametrize("path", ["/", f"/studies/{uid(1)}"])
def test_received_text_cannot_become_markup(sqlite_only: Store, app: Starlette, path: str) -> None:
    identity = store_factory.identity(
        1,
        patient_name=HOSTILE,
        patient_id="<b>7</b>",
        study_description="</td>x\x1b",
        accession_number="&<i>",
    )
    store_factory.record(sqlite_only, store_factory.received(1, identity=identity))
    page = get(app, path).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for markup in ("<img src=x", "<b>7", "</td>x", "&<i>"):
        assert markup not in page


@pytest.mark.parametrize("path", ["/", f"/studies/{uid(1)}"])
def test_untrained_results_are_announced(sqlite_only: Store, app: Starlette, path: str) -> None:
    assert "UNTRAINED" not in get(app, "/").text
    store_factory.delivered_study(sqlite_only, 1)
    assert "UNTRAINED model ensemble200-untrained 0.1.0 UNTRAINED : the weights are random" in plain(
        get(app, path).text
    ).replace(": the", " : the").replace("  ", " ")


@pytest.mark.parametrize("path", ["/", f"/studies/{uid(1)}", "/studies/1.2", "/nothing"])
def test_every_page_says_that_it_is_no_diagnosis_and_never_normal(
    sqlite_only: Store, app: Starlette, path: str
) -> None:
    store_factory.delivered_study(sqlite_only, 1, category=TriageCategory.NOT_FLAGGED, score=0.1)
    page = plain(get(app, path).text)
    assert "Not for diagnostic use." in page
    assert re.search(r"\bnormal\b", page, re.IGNORECASE) is None


@pytest.mark.parametrize("path", ["/", "/api/studies", "/healthz", "/static/ulna.css", "/nothing"])
def test_every_answer_has_the_security_headers(app: Starlette, path: str) -> None:
    headers = get(app, path).headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "default-src 'self'" in CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


def test_pages_load_nothing_from_elsewhere_and_hold_no_script(sqlite_only: Store, app: Starlette) -> None:
    store_factory.delivered_study(sqlite_only, 1)
    refresh = '<script src="/static/refresh.js" defer></script>'
    viewer = '<script src="/static/viewer/main.js" type="module"></script>'
    for path, scripts in (("/", [refresh]), (f"/studies/{uid(1)}", [refresh, viewer])):
        page = get(app, path).text
        assert re.search(r"(?:src|href)=\"(?!/(?!/)|[#?])", page) is None
        assert re.findall(r"<script[^>]*>[^<]*</script>", page) == scripts
        assert re.search(r"\son\w+=|style=", page) is None
        assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in page


@pytest.mark.parametrize(
    "host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "10.0.0.9:80", "ulna.localhost"]
)
def test_own_names_and_addresses_are_served(app: Starlette, host: str) -> None:
    assert get(app, "/healthz", host=host).status_code == 200


def test_a_foreign_host_name_is_refused(sqlite_only: Store, spool: Spool, app: Starlette) -> None:
    assert get(app, "/", host="attacker.example").status_code == 421
    named = make_app(sqlite_only, spool, host_names=["Worklist.hospital.example"])
    assert get(named, "/", host="worklist.hospital.example:8080").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(app: Starlette, method: str) -> None:
    for path in ("/", "/api/studies", f"/studies/{uid(1)}"):
        assert get(app, path, method=method).status_code == 405


def test_the_web_process_stays_small() -> None:
    code = (
        "import sys, daemon.web.app, daemon.web.server\n"
        "print([name for name in ('torch', 'torchvision', 'highdicom', 'pynetdicom') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
