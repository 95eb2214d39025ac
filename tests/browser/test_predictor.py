"""A reader drops radiographs on the predictor's page, in a real browser on a real server."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FileChooser, Page, TimeoutError

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


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readers_of_all_kinds_can_use_it(
    browser: Browser, site: SimpleNamespace, scheme: Any, width: int
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844})
    page = context.new_page()
    page.goto(f"{site.address}/predictor")
    page.get_by_text("The models are ready").wait_for(timeout=PATIENCE_MS)
    begun = Axe().run(page)
    drop(page, SAMPLES / "wrist-right-pa.jpg")
    page.goto(f"{page.url}?rule=paper")
    page.locator("[data-step=ready]").first.wait_for(timeout=PATIENCE_MS)
    ended = Axe().run(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    for found in (begun, ended):
        assert found.violations_count == 0, found.generate_report()
    assert wide <= width


def test_files_are_chosen_with_the_keyboard_alone(page: Page, site: SimpleNamespace) -> None:
    page.goto(f"{site.address}/predictor")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('[data-files]')"):
            break
    pressed_enter(page).set_files(SAMPLES / "hand-left-ap.jpg")
    page.wait_for_url(RESULT, timeout=PATIENCE_MS)


def pressed_enter(page: Page) -> FileChooser:
    """Open the browser's dialog by the key; just after a page was loaded Chromium lets one pass by."""
    for _ in range(5):
        with suppress(TimeoutError), page.expect_file_chooser(timeout=3_000) as chooser:
            page.keyboard.press("Enter")
            return chooser.value
    raise AssertionError("the key opens no dialog")


def test_files_that_are_dropped_anywhere_are_taken(page: Page, site: SimpleNamespace) -> None:
    page.goto(f"{site.address}/predictor")
    content = base64.b64encode((SAMPLES / "hand-left-ap.jpg").read_bytes()).decode()
    page.evaluate(
        """(content) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], "a.jpg", { type: "image/jpeg" }));
            const about = { dataTransfer: carried, bubbles: true, cancelable: true };
            document.querySelector("footer").dispatchEvent(new DragEvent("drop", about));
        }""",
        content,
    )
    page.wait_for_url(RESULT, timeout=PATIENCE_MS)


def test_what_is_no_radiograph_is_said_beside_its_name(page: Page, site: SimpleNamespace) -> None:
    page.goto(f"{site.address}/predictor")
    page.locator("[data-files]").set_input_files(
        {"name": "letter.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 a letter"}
    )
    row = page.locator("[data-sending] li")
    row.get_by_text("DICOM").wait_for(timeout=PATIENCE_MS)
    assert "letter.pdf" in row.inner_text()
    assert page.get_by_text("No file was taken.").is_visible()


def test_every_sample_has_the_numbers_of_ulna_analyze(page: Page, site: SimpleNamespace) -> None:
    samples = sorted(SAMPLES.glob("*.jpg"))
    command = [sys.executable, "-m", "daemon", "analyze", "--json", *map(str, samples)]
    said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    views = {Path(view["path"]).name: view for study in said for view in study["views"]}
    for sample in samples:
        page.goto(f"{site.address}/predictor")
        drop(page, sample)
        viewer = page.locator("[data-viewer]")
        viewer.and_(page.locator("[data-step=ready]")).wait_for(timeout=PATIENCE_MS)
        shown = page.evaluate("fetch(`${location.pathname}/views/1/view.json`).then((found) => found.json())")
        expected = views[sample.name]
        assert shown["panels"][0]["probability"] == pytest.approx(expected["probability"], abs=1e-6)
        assert {panel["name"]: panel["probability"] for panel in shown["panels"][1:]} == pytest.approx(
            expected["members"], abs=1e-6
        )
        assert len(shown["places"]) == len(expected["places"])
        captions = viewer.locator("figcaption").all_inner_texts()
        for caption, panel in zip(captions, shown["panels"], strict=True):
            assert f"{panel['probability']:.3f}" in caption


def drop(page: Page, *files: Path) -> None:
    """Have files analyzed, and wait for the result."""
    page.locator("[data-files]").set_input_files(files)
    page.wait_for_url(RESULT, timeout=PATIENCE_MS)
