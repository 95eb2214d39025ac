"""A real browser on the page of a real server, and a watch on what it complains of and whom it asks."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.reader import Reader
from tests.browser.site import Site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")  # Debian's name, and Ubuntu's
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

REFUSALS = "status of 410", "status of 415"
"""What the browser itself says of answers that tests ask for: a source that is gone, a file that is none."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """Yield a page that must end without a complaint, and without having asked anybody else."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    asked: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    opened.close()
    assert [url for url in asked if not url.startswith(f"{site.address}/")] == []
    assert [words for words in complaints if not any(one in words for one in REFUSALS)] == []


@pytest.fixture
def reader(page: Page, site: Site) -> Reader:
    return Reader(page, site.address)
