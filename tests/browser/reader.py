"""A reader at a study's page: what stands on the canvases, and where."""

from base64 import b64decode
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page

_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


@dataclass(frozen=True, slots=True)
class Reader:
    """Opens studies and looks."""

    page: Page
    address: str

    def open(self, path: str) -> None:
        """Open a page and wait until its first viewer is ready."""
        self.page.goto(self.address + path)
        self.viewer().and_(self.page.locator("[data-step=ready]")).wait_for()
        self.settle()

    def viewer(self, number: int = 1) -> Locator:
        return self.page.locator("[data-viewer]").nth(number - 1)

    def panels(self, number: int = 1) -> Locator:
        return self.viewer(number).locator("[data-panels]")

    def do(self, name: str) -> None:
        """Press a button of the first viewer."""
        self.viewer().locator(f"[data-do={name}]").click()
        self.settle()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def settle(self) -> None:
        """Wait until what was done is drawn."""
        self.page.evaluate(_FRAMES)

    def readout(self) -> str:
        return self.viewer().locator("[data-readout]").inner_text()

    def pixels(self, panel: str = "ensemble", number: int = 1) -> NDArray[np.int64]:
        """Return (height, width, 3) of a panel's canvas."""
        canvas = self.viewer(number).locator(f"[data-panel={panel}] canvas")
        picture = canvas.evaluate("canvas => canvas.toDataURL('image/png').split(',')[1]")
        return np.asarray(Image.open(BytesIO(b64decode(picture))).convert("RGB")).astype(np.int64)
