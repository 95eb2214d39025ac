"""A reader drops radiographs on the predictor's page, in a real browser on a real server."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Page

from daemon.clock import now
from daemon.config.sections import Analysis, Study
from daemon.predictor.messages import WorkerSetting
from daemon.predictor.predictor import Predictor
from daemon.web.app import create_predictor_app
from daemon.web.server import WebServer
from daemon.web.sources import Sources
from daemon.web.stated import stated_bundle
from models.bundle.shipped import DEFAULT_BUNDLE, bundle_folder

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "daemon/demo/samples"
RESULT = re.compile(r"/predictor/[A-Za-z0-9_-]{32}$")
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def site() -> Iterator[SimpleNamespace]:
    """Serve the predictor alone: no store, no spool."""
    bundle = stated_bundle(bundle_folder(DEFAULT_BUNDLE), "sensitive")
    setting = WorkerSetting.of(Analysis(device="cpu"), Study())
    with closing(Predictor(setting, bundle.identity)) as predictor, closing(Sources()) as sources:
        app = create_predictor_app(predictor, bundle, product="ulna 9.9", sources=sources, clock=now)
        server = WebServer(app, "127.0.0.1", 0)
        try:
            yield SimpleNamespace(address=f"http://127.0.0.1:{server.start()}")
        finally:
            server.stop()


def test_pictures_that_are_dropped_are_shown_by_every_member(page: Page, site: SimpleNamespace) -> None:
    page.goto(f"{site.address}/predictor")
    files = page.locator("[data-files]")
    files.set_input_files([SAMPLES / "hand-left-ap.jpg", SAMPLES / "hand-left-oblique.jpg"])
    page.wait_for_url(RESULT, timeout=PATIENCE_MS)
    page.locator("[data-step=ready]").first.wait_for(timeout=PATIENCE_MS)
    assert page.locator("[data-viewer]").count() == 2
    assert page.locator("[data-viewer]").first.locator("[data-panel]").count() == 4
    page.get_by_text("the paper's B").click()
    page.locator("[data-step=ready]").first.wait_for(timeout=PATIENCE_MS)
    assert "so nothing is flagged by it" in page.locator("#study").inner_text()


def test_the_name_of_a_file_never_leaves_the_browser(page: Page, site: SimpleNamespace) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url} {request.headers}"))
    page.goto(f"{site.address}/predictor")
    content = (SAMPLES / "hand-left-ap.jpg").read_bytes()
    page.locator("[data-files]").set_input_files(
        {"name": "Secret^Patient.jpg", "mimeType": "image/jpeg", "buffer": content}
    )
    page.locator("[data-sending]").get_by_text("Secret^Patient.jpg").wait_for(timeout=PATIENCE_MS)
    page.wait_for_url(RESULT, timeout=PATIENCE_MS)
    page.locator("[data-step=ready]").first.wait_for(timeout=PATIENCE_MS)
    assert "Secret" not in "".join(sent)
    assert "Secret" not in page.content()
