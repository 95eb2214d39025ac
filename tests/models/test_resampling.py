import numpy as np
import pytest
import torch

from models.resampling import cubic_weights, resize, triangle_weights


def an_image(rows, cols):
    return np.random.default_rng(rows * 7919 + cols).random((rows, cols), dtype=np.float32)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((500, 400), (224, 224)),
        ((224, 224), (224, 224)),
        ((100, 60), (224, 224)),  # enlarged
        ((301, 97), (64, 96)),  # one side shrunk, one almost kept
        ((1000, 3), (32, 32)),
        ((1, 1), (32, 32)),
        ((225, 223), (224, 224)),
        ((997, 1201), (7, 2)),
    ],
)
def test_resize_equals_torch_with_antialiasing(source, target):
    image = an_image(*source)
    # In float32 torch places its samples with an error that shows at 3e-6; float64 is the reference.
    exact = torch.from_numpy(image.astype(np.float64))[None, None]
    expected = torch.nn.functional.interpolate(
        exact, size=target, mode="bilinear", antialias=True, align_corners=False
    )

    resized = resize(image, target)

    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, expected[0, 0].numpy(), rtol=0, atol=1e-6)


def test_halving_weighs_neighbors_as_worked_out_by_hand():
    # Scale 2: a triangle of half width 2 around 1 and 3. Samples at .5, 1.5, 2.5, 3.5 lie .5, .5, 1.5 from 1:
    # weights .75, .75, .25, normalized by 1.75. The other row is the mirror image.
    expected = np.array([[3, 3, 1, 0], [0, 1, 3, 3]], dtype=np.float32) / 7

    np.testing.assert_allclose(triangle_weights(4, 2), expected, atol=1e-7)


def test_weights_are_made_once_and_cannot_be_changed():
    weights = triangle_weights(300, 224)

    assert triangle_weights(300, 224) is weights
    with pytest.raises(ValueError, match="read-only"):
        weights[0, 0] = 1.0


def test_cubic_passes_through_the_source_values():
    # Three target pixels per source pixel: the middle one lies on the source's center.
    values = np.array([0.2, 0.9, 0.1, 0.4], dtype=np.float32)

    np.testing.assert_allclose((cubic_weights(4, 12, (0.0, 4.0)) @ values)[1::3], values, atol=1e-6)


def test_cubic_keeps_a_constant_up_to_the_border():
    np.testing.assert_allclose(cubic_weights(7, 100, (0.0, 7.0)).sum(axis=1), 1.0, atol=1e-6)


def test_cubic_window_is_a_cut_out_of_the_whole():
    whole = cubic_weights(7, 70, (0.0, 7.0))

    np.testing.assert_allclose(cubic_weights(7, 30, (2.0, 5.0)), whole[20:50], atol=1e-6)
