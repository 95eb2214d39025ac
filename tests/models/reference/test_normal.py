"""Normal distributions, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA

from models.reference.normal import Cloud, Moments, fit_cloud


def vectors(count, dimensions, *, seed=3):
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(dimensions, dimensions)) * np.geomspace(3.0, 0.1, dimensions)
    return generator.normal(size=(count, dimensions)) @ mixing.T + generator.normal(size=dimensions)


def test_moments_of_parts_add_up_to_those_of_the_whole():
    points = vectors(50, 6)
    summed = Moments.of(points[:7]) + Moments.of(points[7:8]) + Moments.of(points[8:])

    assert summed.count == 50
    np.testing.assert_allclose(summed.mean, points.mean(axis=0))
    np.testing.assert_allclose(summed.scatter, np.cov(points.T, bias=True) * 50)


def test_distance_with_all_axes_is_that_of_the_empirical_covariance():
    points, others = vectors(200, 8), vectors(20, 8, seed=9)
    cloud = fit_cloud(Moments.of(points), axes=99)
    expected = EmpiricalCovariance().fit(points).mahalanobis(others)

    assert cloud.axes.shape == (7, 8)
    np.testing.assert_allclose(cloud.distance(others), np.sqrt(expected / 8))


@pytest.mark.parametrize(("count", "dimensions", "axes"), [(200, 12, 3), (30, 60, 5)])
def test_distance_is_that_of_probabilistic_principal_components(count, dimensions, axes):
    points, others = vectors(count, dimensions), vectors(20, dimensions, seed=9)
    pca = PCA(axes, svd_solver="full").fit(points)
    # scikit-learn divides by count - 1, and spreads the noise over as many dimensions as there are vectors.
    spread = min(count, dimensions)
    pca.noise_variance_ *= (spread - axes) / (dimensions - axes)
    centered = others - points.mean(axis=0)
    expected = np.einsum("ij,jk,ik->i", centered, pca.get_precision(), centered) * count / (count - 1)

    distances = fit_cloud(Moments.of(points), axes=axes).distance(others)

    np.testing.assert_allclose(distances, np.sqrt(expected / dimensions))


def test_distance_by_hand():
    # Variance 4 along the first axis, 1 along each of the others: (2/2)^2 + 2^2 + 1^2 = 6.
    cloud = Cloud(mean=np.zeros(3), axes=np.eye(3)[:1], variances=np.array([4.0]), rest=1.0)

    assert cloud.distance(np.array([[2.0, 2.0, 1.0]])) == pytest.approx(np.sqrt(6 / 3))


def test_one_is_usual_among_what_the_cloud_was_fitted_to():
    points = vectors(400, 10)

    squared = fit_cloud(Moments.of(points), axes=9).distance(points) ** 2

    assert squared.mean() == pytest.approx(1.0)


def test_vectors_that_never_vary_leave_every_other_far_but_finite():
    cloud = fit_cloud(Moments.of(np.ones((10, 4))), axes=3)

    assert cloud.distance(np.ones((1, 4))) == pytest.approx(0.0)
    assert 1e6 < cloud.distance(np.full((1, 4), 2.0))[0] < np.inf


def test_few_vectors_give_few_axes():
    assert fit_cloud(Moments.of(vectors(9, 40)), axes=32).axes.shape == (4, 40)


@pytest.mark.parametrize("shape", [(3, 5), (20, 1)])
def test_too_little_for_a_cloud_is_refused(shape):
    with pytest.raises(ValueError, match="a cloud needs"):
        fit_cloud(Moments.of(np.ones(shape)), axes=2)


@pytest.mark.parametrize(
    "change",
    [
        {"mean": np.zeros(2)},
        {"variances": np.ones(2)},
        {"variances": np.zeros(1)},
        {"rest": 0.0},
        {"rest": np.inf},
        {"axes": np.eye(3)},
    ],
)
def test_cloud_that_cannot_be_is_refused(change):
    parts = {"mean": np.zeros(3), "axes": np.eye(3)[:1], "variances": np.ones(1), "rest": 1.0}

    with pytest.raises(ValueError, match=r"cloud|do not fit"):
        Cloud(**{**parts, **change})
