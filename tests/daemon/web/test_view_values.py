"""What a browser gets of a view: enough to draw what pictures and reports of ulna draw."""

import json

import numpy as np

from daemon.web.view_values import view_values
from models.bundle.entries import CodedConcept, OperatingPoint, Preprocessing, Target
from models.finding import MemberFinding, ViewGeometry
from models.panels import panels_of
from models.places import Place
from models.preprocess import placement
from models.rendering.overlay import color_map
from tests.models.builders import an_identity

TARGET = Target(
    text="fracture",
    code=CodedConcept(value="125605004", scheme="SCT", meaning="Fracture of bone"),
    not_looked_for="dislocation",
)
POINT = OperatingPoint(name="sensitive", threshold=0.1, data="none")
SPEC = Preprocessing(input_size=(448, 448), resize="letterbox")
GEOMETRY = ViewGeometry(rows=300, columns=200, pixel_aspect=0.5)
CELLS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
PLACE = Place(outline=((1.0, 2.0), (3.0, 4.5), (5.0, 0.0)), peak=0.4, peak_at=(2.0, 2.5))


def values():
    cells = CELLS
    members = [MemberFinding(member=m, logit=0.0, probability=0.5, activation=cells) for m in "ab"]
    panels = panels_of(members, threshold=POINT.threshold)
    bundle = an_identity(target=TARGET, preprocessing=SPEC)
    return view_values(GEOMETRY, panels, [PLACE], bundle=bundle, point=POINT)


def test_it_can_be_written_as_json():
    assert json.loads(json.dumps(values(), allow_nan=False)) == values()


def test_a_map_comes_row_by_row_with_its_shape():
    _, first, _ = values()["panels"]
    sent = np.array(first["map"]["log_odds"], dtype=np.float32).reshape(first["map"]["rows"], -1)
    np.testing.assert_allclose(sent, CELLS, atol=1e-6)


def test_the_part_of_the_input_that_the_view_fills_heeds_the_shape_of_its_pixels():
    place = placement((300, 200), SPEC, 0.5)
    assert values()["placement"] == {
        "top": place.top, "left": place.left, "rows": place.rows, "columns": place.cols
    }  # fmt: skip
    assert place.cols > place.rows, "wide pixels make it wider than high"


def test_the_colors_are_those_of_the_overlay():
    colors = bytes.fromhex(values()["colors"])
    assert colors == bytes(color_map().flat)


def test_places_are_in_the_pixels_of_the_image():
    assert values()["places"] == [
        {"outline": [[1.0, 2.0], [3.0, 4.5], [5.0, 0.0]], "peak": 0.4, "peak_at": [2.0, 2.5]}
    ]
