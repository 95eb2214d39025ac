"""What every engine of the registry must do: the same facts, held against each."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.bundle.loading import load_bundle
from models.engines.engine import Engine
from models.engines.registry import ENGINES, open_engine
from models.ensemble import Ensemble
from models.errors import NonFiniteOutput
from tests.models.fake_engine import plain_views


@pytest.fixture(scope="module", params=ENGINES)
def name(request) -> str:
    engine: str = request.param
    return engine


@pytest.fixture(scope="module")
def engine(name, untrained_bundle) -> Engine:
    """One untrained MobileNet, whose input is (224, 224)."""
    return open_engine(load_bundle(untrained_bundle), device="cpu", name=name)


@pytest.fixture(scope="module")
def pair(name, pristine_bundle) -> Engine:
    """Two members, whose input is (64, 96)."""
    return open_engine(load_bundle(pristine_bundle), device="cpu", name=name)


def some_views(count: int) -> NDArray[np.float32]:
    """Clouds of different brightness, smooth as a radiograph is."""
    generator = torch.Generator().manual_seed(5)
    clouds = torch.nn.functional.interpolate(
        torch.rand(count, 1, 9, 9, generator=generator), size=(224, 224), mode="bilinear"
    )
    views: NDArray[np.float32] = (clouds[:, 0] * torch.linspace(0.3, 1.0, count)[:, None, None]).numpy()
    return views


def test_members_are_all_there_in_the_manifests_order(pair):
    passes = pair.run(plain_views(0.25, 0.5))

    assert list(passes) == ["first", "second"]
    assert (passes["first"].logit < 0).all()
    assert (passes["second"].logit > 0).all()


def test_an_engine_says_what_computes_and_how(engine):
    library, precision = engine.label.split()
    assert precision.startswith(("float", "bfloat", "int"))
    assert engine.label.isascii()
    assert 0 < len(library) <= len(engine.label) <= 64


def test_a_pass_has_numpy_arrays_of_the_stated_shapes_and_types(pair):
    for each in pair.run(plain_views(0.25, 0.5, 0.75)).values():
        forms = [(type(array), array.shape, array.dtype) for array in (each.logit, each.activation)]
        # 64 by 96 pixels, halved five times.
        assert forms == [(np.ndarray, (3,), np.float64), (np.ndarray, (3, 2, 3), np.float32)]
        assert (type(each.embedding), each.embedding.shape) == (np.ndarray, (3, 1024))
        assert each.embedding.dtype == np.float32


def test_numbers_are_those_of_the_member_in_float64(untrained_bundle, engine):
    views = some_views(4)
    member = load_bundle(untrained_bundle).members["mobilenet"].double()

    found = engine.run(views)["mobilenet"]

    with torch.inference_mode():
        exact = member(torch.from_numpy(views).double()[:, None].repeat(1, 3, 1, 1))
        cells = (exact.activation + member.head.bias).numpy()
    assert np.std(exact.logit.numpy()) > 0.05
    # Random weights enlarge the rounding of float32 about a thousandfold.
    np.testing.assert_allclose(found.logit, exact.logit.numpy(), atol=1e-3)
    np.testing.assert_allclose(found.activation, cells, atol=1e-3 * np.abs(cells).max())
    seen = exact.embedding.numpy()
    np.testing.assert_allclose(found.embedding, seen, atol=1e-3 * np.abs(seen).max())


def test_the_bias_of_the_head_is_in_the_map(pair):
    for each in pair.run(plain_views(0.25, 0.5)).values():
        np.testing.assert_allclose(each.activation.mean(axis=(1, 2)), each.logit, atol=1e-4)


def test_a_view_does_not_depend_on_the_others_in_its_batch(engine):
    views = some_views(6)

    together = engine.run(views)["mobilenet"]
    alone = [engine.run(views[n : n + 1])["mobilenet"] for n in range(6)]
    turned = engine.run(np.ascontiguousarray(views[::-1]))["mobilenet"]

    for field in ("logit", "activation", "embedding"):
        expected = getattr(together, field)
        allowed = 1e-5 * np.abs(expected).max()
        ones = np.concatenate([getattr(one, field) for one in alone])
        np.testing.assert_allclose(ones, expected, atol=allowed, rtol=0)
        np.testing.assert_allclose(getattr(turned, field)[::-1], expected, atol=allowed, rtol=0)


def test_same_batch_gives_the_same_bits_and_leaves_what_it_gave(engine):
    views = some_views(2)

    first = engine.run(views)["mobilenet"]
    kept = [first.logit.copy(), first.activation.copy(), first.embedding.copy()]
    engine.run(some_views(3)[1:])
    again = engine.run(views)["mobilenet"]

    for array, copy, same in zip(
        (first.logit, first.activation, first.embedding),
        kept,
        (again.logit, again.activation, again.embedding),
        strict=True,
    ):
        assert np.array_equal(array, copy)
        assert np.array_equal(array, same)


@pytest.mark.parametrize("spoiled", [np.nan, np.inf])
def test_a_view_with_one_pixel_that_is_no_number_gets_none_and_the_others_stay(engine, spoiled):
    views = some_views(3)
    expected = engine.run(views)["mobilenet"].logit
    views[1, 100, 100] = spoiled

    found = engine.run(views)["mobilenet"]

    assert np.isfinite(found.logit).tolist() == [True, False, True]
    assert [bool(np.isfinite(each).all()) for each in found.activation] == [True, False, True]
    np.testing.assert_allclose(found.logit[[0, 2]], expected[[0, 2]], atol=1e-5)


def test_a_view_that_holds_nan_is_named_and_spoils_no_other(untrained_bundle, engine):
    ensemble = Ensemble(load_bundle(untrained_bundle), engine)
    views = some_views(3)
    views[1, 100, 100] = np.nan

    with pytest.raises(NonFiniteOutput) as caught:
        ensemble.predict(views)

    assert (caught.value.member, caught.value.positions) == ("mobilenet", (1,))
