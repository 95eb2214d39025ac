"""The direction between two kinds of vectors, against scikit-learn."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from models.reference.discriminant import Discriminant, fit_discriminant
from models.reference.normal import Moments
from tests.models.reference.test_normal import vectors


def test_direction_is_that_of_shrunk_linear_discriminant_analysis():
    first, second = vectors(80, 30), vectors(40, 30, seed=8) + 1.0
    points, kinds = np.vstack([first, second]), np.repeat([0, 1], [80, 40])
    expected = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(points, kinds).coef_[0]

    found = fit_discriminant(Moments.of(first), Moments.of(second)).weights

    np.testing.assert_allclose(found / np.linalg.norm(found), expected / np.linalg.norm(expected))


def test_the_first_kind_has_mean_0_and_deviation_1_and_the_second_lies_above():
    first, second = vectors(80, 30), vectors(40, 30) + 5.0
    discriminant = fit_discriminant(Moments.of(first), Moments.of(second))

    positions = discriminant.position(first)

    assert (positions.mean(), positions.std()) == (pytest.approx(0.0, abs=1e-9), pytest.approx(1.0))
    assert discriminant.position(second).mean() > 1.0


def test_kinds_that_cannot_be_told_apart_are_refused():
    points = Moments.of(vectors(20, 4))

    with pytest.raises(ValueError, match="kinds that differ"):
        fit_discriminant(points, points)
    with pytest.raises(ValueError, match="vectors that vary"):
        fit_discriminant(Moments.of(np.ones((5, 4))), Moments.of(np.ones((5, 4))))


def test_discriminant_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite"):
        Discriminant(weights=np.array([np.nan, 1.0]), offset=0.0)
