"""The viewer on phantoms: every pixel that is seen is the one that was computed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dicom_io.decoding.pixels import read_stored
from models.finding import ViewFinding, cell_probabilities
from models.rendering.overlay import blend, upsample_activation
from tests.browser.reader import Reader
from tests.browser.site import (
    BLOCK,
    COLUMNS,
    INTERCEPT,
    PLACE,
    ROWS,
    SLOPE,
    Site,
    members_of,
    phantom,
    put_phantoms,
    running_site,
)
from tests.daemon import store_factory
from tests.factories import uid

pytestmark = pytest.mark.slow

STUDY = f"/studies/{uid(1)}"
LEVELS = {1: 0.3, 2: 0.9}
HIGH, WIDE = 2 * ROWS, COLUMNS  # of the phantom in square pixels


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    def fill(store, spool, bundle) -> None:
        put_phantoms(store, spool, bundle, LEVELS)

    with running_site(tmp_path_factory.mktemp("site"), fill) as running:
        yield running


def centers(screen: NDArray[np.int64], zoom: float = 1.0) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the canvas in the middle of each block that can be seen, row by row."""
    height, width = screen.shape[:2]
    scale = zoom * min(height / HIGH, width / WIDE)
    rows = (np.arange(BLOCK / 2, ROWS, BLOCK) * 2 - HIGH / 2) * scale + height / 2
    columns = (np.arange(BLOCK / 2, COLUMNS, BLOCK) - WIDE / 2) * scale + width / 2
    return np.floor(rows).astype(np.intp), np.floor(columns).astype(np.intp)


def seen(screen: NDArray[np.int64], zoom: float = 1.0) -> NDArray[np.int64]:
    """Return the color in the middle of each block (6, 8, 3); black for those beyond the canvas."""
    rows, columns = centers(screen, zoom)
    within = np.ix_(np.clip(rows, 0, screen.shape[0] - 1), np.clip(columns, 0, screen.shape[1] - 1))
    return screen[within]


def blocks(image: NDArray[Any]) -> NDArray[Any]:
    return image[BLOCK // 2 :: BLOCK, BLOCK // 2 :: BLOCK]


def windowed(center: float, width: float, number: int = 1) -> NDArray[np.float64]:
    """Return the grays of the blocks through a window (PS3.3 C.11.2.1.2.1)."""
    values = blocks(phantom(number)) * SLOPE + INTERCEPT
    grays: NDArray[np.float64] = np.rint(255 * np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1))
    return grays


def alone(reader: Reader) -> None:
    """Open the phantoms without maps and outlines."""
    reader.open(STUDY)
    reader.do("map")
    reader.do("places")


def test_the_first_picture_is_what_was_analyzed(reader: Reader, site: Site) -> None:
    alone(reader)
    image = read_stored(site.spool.absolute(store_factory.received(1, 1).path))
    expected = blocks(image.grays[image.values])
    for panel in ("ensemble", *site.bundle.identity.members):
        shown = seen(reader.pixels(panel))
        np.testing.assert_array_equal(shown[..., 0], expected)
        np.testing.assert_array_equal(shown, np.repeat(shown[..., :1], 3, axis=2))


def test_pixels_that_are_not_square_are_shown_in_their_proportions(reader: Reader) -> None:
    alone(reader)
    screen = reader.pixels()
    lit = (screen != screen[0, 0]).any(axis=2)
    high, wide = np.flatnonzero(lit[:-30].any(axis=1)), np.flatnonzero(lit[:-30].any(axis=0))
    assert (high[-1] - high[0] + 1) / (wide[-1] - wide[0] + 1) == pytest.approx(HIGH / WIDE, rel=0.02)


def test_a_drag_moves_the_window_over_the_values_of_the_source(reader: Reader) -> None:
    alone(reader)
    box = reader.viewer().locator("canvas").first.bounding_box()
    assert box is not None
    mouse = reader.page.mouse
    start = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.move(*start)
    mouse.down()
    mouse.move(start[0] - 60, start[1] - 80)
    mouse.up()
    reader.settle()
    values = 4095 * SLOPE
    width, center = 5000 - 60 / box["width"] * values, 2600 - 80 / box["height"] * values
    shown = seen(reader.pixels())[..., 0]
    np.testing.assert_allclose(shown, windowed(center, width), atol=1)
    assert (shown == 255).any(), "nothing is cut off"
    assert f"window center {center:.5g}, width {width:.5g}" in reader.readout()


def test_inverting_turns_every_gray(reader: Reader) -> None:
    alone(reader)
    before = seen(reader.pixels())
    reader.do("invert")
    np.testing.assert_array_equal(seen(reader.pixels()), 255 - before)


def test_zoom_and_place_are_those_that_were_asked_for(reader: Reader) -> None:
    alone(reader)
    reader.panels().focus()
    reader.press("+", "+")
    screen = reader.pixels()
    rows, columns = centers(screen, 1.25**2)
    inside = np.ix_((rows >= 0) & (rows < screen.shape[0] - 40), (columns >= 0) & (columns < screen.shape[1]))
    np.testing.assert_allclose(seen(screen, 1.25**2)[inside][..., 0], windowed(2600, 5000)[inside], atol=1)
    reader.press("ArrowRight")
    moved = reader.pixels()
    np.testing.assert_allclose(moved[:-40, 40:-80], screen[:-40, 80:-40], atol=1)


def test_the_map_is_laid_over_as_pictures_have_it(reader: Reader, site: Site) -> None:
    reader.open(STUDY)
    reader.do("places")
    members = members_of(site.bundle, LEVELS[1])
    for opacity in (0.6, 0.9):
        slider = reader.viewer().locator("[data-opacity]")
        slider.fill(str(round(100 * opacity)))
        reader.settle()
        expected = {
            "ensemble": ViewFinding(view_id="1", members=members).activation,
            **{member.member: member.activation for member in members},
        }
        for name, activation in expected.items():
            screen = reader.pixels(name)
            scale = min(screen.shape[0] / HIGH, screen.shape[1] / WIDE)
            # Eight times as fine, so that a pixel of the canvas finds its place in the map.
            shape = round(HIGH * scale * 8), round(WIDE * scale * 8)
            enlarged = upsample_activation(activation, shape, site.bundle.identity.preprocessing)
            rows, columns = centers(screen)
            down = (rows + 0.5 - (screen.shape[0] - HIGH * scale) / 2) * 8
            across = (columns + 0.5 - (screen.shape[1] - WIDE * scale) / 2) * 8
            at = np.ix_(down.astype(np.intp), across.astype(np.intp))
            tones = (windowed(2600, 5000) / 255).astype(np.float32)
            laid = blend(tones, cell_probabilities(enlarged)[at], alpha=opacity)
            np.testing.assert_allclose(seen(screen), laid, atol=2, err_msg=name)
            assert (np.ptp(laid, axis=2) > 40).any(), "there is nothing to see"


@pytest.mark.parametrize(("number", "is_dashed"), [(1, True), (2, False)])
def test_outlines_stand_where_the_places_are(reader: Reader, number: int, is_dashed: bool) -> None:
    reader.open(STUDY)
    viewer = reader.viewer(number)
    viewer.scroll_into_view_if_needed()
    viewer.and_(reader.page.locator("[data-step=ready]")).wait_for()
    viewer.locator("[data-do=map]").click()
    reader.settle()
    screen = reader.pixels(number=number)
    scale = min(screen.shape[0] / HIGH, screen.shape[1] / WIDE)
    top, left = (screen.shape[0] - HIGH * scale) / 2, (screen.shape[1] - WIDE * scale) / 2
    (first, second, *_) = PLACE.outline
    row = round(top + first[0] * 2 * scale)
    across = slice(round(left + first[1] * scale) + 4, round(left + second[1] * scale) - 4)
    line = (np.abs(screen[row - 1 : row + 1, across] - (235, 245, 255)).max(axis=2) < 40).any(axis=0)
    beside = (np.abs(screen[row + 8, across] - (235, 245, 255)).max(axis=1) < 12).any()
    assert not beside
    assert line.all() != is_dashed
    if is_dashed:
        assert 0.45 < line.mean() < 0.7
        assert np.abs(np.diff(line.astype(int))).sum() >= 4


def test_the_panels_of_a_view_stay_in_step(reader: Reader, site: Site) -> None:
    alone(reader)
    reader.panels().focus()
    reader.press("+", "+", "+", "ArrowLeft", "ArrowUp", "}", "i")
    first = reader.pixels()
    for name in site.bundle.identity.members:
        np.testing.assert_array_equal(reader.pixels(name), first)
    box = reader.viewer().locator("canvas").nth(2).bounding_box()
    assert box is not None
    reader.page.mouse.move(box["x"] + 30, box["y"] + 50)
    reader.page.mouse.wheel(0, -300)
    reader.settle()
    assert not np.array_equal(reader.pixels(), first)
    for name in site.bundle.identity.members:
        np.testing.assert_array_equal(reader.pixels(name), reader.pixels())


def test_the_keyboard_alone_does_all(reader: Reader) -> None:
    reader.open(STUDY)
    for _ in range(40):
        reader.press("Tab")
        if reader.panels().evaluate("panels => panels === document.activeElement"):
            break
    else:
        pytest.fail("the viewer cannot be reached")
    as_opened = reader.readout()
    assert as_opened == "zoom 1.00, window center 2600, width 5000 (as analyzed)"
    values = 4095 * SLOPE
    for keys, said in (
        (["+"], "zoom 1.25"),
        (["-"], "zoom 1.00"),
        (["Shift+ArrowRight"], f"width {5000 + 0.02 * values:.5g}"),
        (["["], "width 5000"),
        (["Shift+ArrowDown"], f"center {2600 + 0.02 * values:.5g}"),
        (["{", "{"], f"center {2600 - 0.02 * values:.5g}"),
    ):
        reader.press(*keys)
        assert said in reader.readout(), keys
    for key, name in (("i", "invert"), ("o", "map"), ("p", "places")):
        button = reader.viewer().locator(f"[data-do={name}]")
        before = button.get_attribute("aria-pressed")
        reader.press(key)
        assert button.get_attribute("aria-pressed") != before
    reader.press("0", "i", "i")
    assert reader.readout() == as_opened


def test_a_drag_with_shift_moves_the_view_and_leaves_the_window(reader: Reader) -> None:
    alone(reader)
    reader.panels().focus()
    reader.press("+", "+", "+")
    before = reader.pixels()
    box = reader.viewer().locator("canvas").first.bounding_box()
    assert box is not None
    mouse = reader.page.mouse
    mouse.move(box["x"] + 100, box["y"] + 200)
    reader.page.keyboard.down("Shift")
    mouse.down()
    mouse.move(box["x"] + 70, box["y"] + 220)
    mouse.up()
    reader.page.keyboard.up("Shift")
    reader.settle()
    moved = reader.pixels()
    np.testing.assert_allclose(moved[40:-40, :-70], before[20:-60, 30:-40], atol=1)
    assert "(as analyzed)" in reader.readout()


def test_two_fingers_zoom(reader: Reader) -> None:
    alone(reader)
    box = reader.viewer().locator("canvas").first.bounding_box()
    assert box is not None
    fingers = reader.page.context.new_cdp_session(reader.page)
    x, y = box["x"] + box["width"] / 2, box["y"] + 200

    def touch(kind: str, apart: float) -> None:
        points = (
            []
            if kind == "touchEnd"
            else [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        )
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 30)
    for apart in (35, 40, 45, 50, 55, 60):
        touch("touchMove", apart)
    touch("touchEnd", 0)
    reader.settle()
    assert float(reader.readout().split()[1].rstrip(",")) == pytest.approx(2.0, rel=0.05)
    assert "(as analyzed)" in reader.readout()


def test_a_place_in_the_view_survives_news_of_the_study(reader: Reader, site: Site) -> None:
    reader.open(STUDY)
    reader.panels().focus()
    reader.press("+")
    store_factory.record(site.store, store_factory.received(1, 3))
    reader.page.locator("#view-3").wait_for(timeout=20_000)
    reader.viewer().and_(reader.page.locator("[data-step=ready]")).wait_for()
    reader.settle()
    assert "zoom 1.25" in reader.readout()
    assert reader.panels().evaluate("panels => panels === document.activeElement")
