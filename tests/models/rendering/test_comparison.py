"""The view beside its overlay: what the colors between two cells stand for."""

import numpy as np

from models.bundle.manifest import Preprocessing
from models.rendering.comparison import GAP, view_beside_overlay
from models.rendering.overlay import blend
from tests.models.builders import a_view

SIDE = 224
SQUARE = Preprocessing(input_size=(SIDE, SIDE))


def test_the_map_is_enlarged_as_log_odds_and_then_made_probabilities():
    # Half way between log-odds of 20 and of -2 they are 9: there it is 1, not the mean of 1 and 0.1.
    activation = np.tile(np.array([20.0, 20.0, 20.0, -2.0, -2.0, -2.0], dtype=np.float32), (6, 1))
    gray = np.full((SIDE, SIDE), 0.5, dtype=np.float32)

    picture = view_beside_overlay(
        gray, a_view(0.9, activation=activation), SQUARE, (SIDE, 2 * SIDE + GAP), pixel_aspect=1.0, line=None
    )

    overlay = np.asarray(picture)[:, SIDE + GAP :]
    certain = blend(gray[:1, :1], np.ones((1, 1), dtype=np.float32))[0, 0]
    assert np.abs(overlay[SIDE // 2, SIDE // 2 - 1].astype(int) - certain).max() <= 1
