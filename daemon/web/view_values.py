"""This module gives the browser what it draws of a view: small maps, places, and where they lie."""

from collections.abc import Sequence
from typing import Any

from daemon.store.places import place_values
from models.bundle.manifest import BundleIdentity, OperatingPoint
from models.finding import ViewGeometry
from models.panels import Panel
from models.places import Place
from models.preprocess import placement
from models.rendering.outlines import line_of
from models.rendering.overlay import COLOR_FLOOR, FADE_IN, OPACITY, color_map


def view_values(
    geometry: ViewGeometry,
    panels: Sequence[Panel],
    places: Sequence[Place],
    *,
    bundle: BundleIdentity,
    point: OperatingPoint,
) -> dict[str, Any]:
    """Return the values of one view as JSON has them; docs/reference.md describes them.

    The maps are over the network's whole input, in log-odds. A browser does with them what
    `models.rendering.overlay` does: enlarge, then turn into probabilities, then color. `line` says how the
    places are outlined, by the first panel's probability; it is null where that reaches no operating point.
    """
    preprocessing = bundle.preprocessing
    rows, columns = preprocessing.input_size
    place = placement((geometry.rows, geometry.columns), preprocessing, geometry.pixel_aspect)
    return {
        "rows": geometry.rows,
        "columns": geometry.columns,
        "pixel_aspect": geometry.pixel_aspect,
        "quantity": bundle.target.quantity,
        "operating_point": point.name,
        "threshold": point.threshold,
        "input": {"rows": rows, "columns": columns},
        "placement": {"top": place.top, "left": place.left, "rows": place.rows, "columns": place.cols},
        "colors": color_map().tobytes().hex(),
        "fade": list(FADE_IN),
        "opacity": OPACITY,
        "color_floor": COLOR_FLOOR,
        "panels": [_panel_values(panel) for panel in panels],
        "places": [place_values(each) for each in places],
        "line": line_of(panels[0].probability, bundle, point),
    }


def _panel_values(panel: Panel) -> dict[str, Any]:
    rows, columns = panel.activation.shape
    return {
        "name": panel.name,
        "members": [member.member for member in panel.members],
        "probability": panel.probability,
        "reaches": panel.reaches,
        "is_stated": panel.is_stated,
        "map": {"rows": rows, "columns": columns, "log_odds": panel.activation.ravel().tolist()},
        "paper": None if panel.paper is None else {"score": panel.paper.score},
    }
