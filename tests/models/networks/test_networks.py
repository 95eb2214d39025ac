"""Every network against Keras, which the published weights come from."""

from typing import Any

import pytest
import torch

from models.keras.weights import load_keras_weights
from models.networks.architectures import ARCHITECTURES
from models.networks.backbone import Backbone
from tests.models.keras.keras_reference import features_of, is_norm, layers_of, twin

# DenseNet169 is DenseNet201 with shorter blocks; the odd sizes need not be shown twice.
ODD_SIZES = [name for name in ARCHITECTURES if name != "densenet169"]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def single(request: pytest.FixtureRequest) -> tuple[Any, Backbone]:
    return twins(request.param, torch.float32)


def twins(name: str, dtype: torch.dtype, **size: int) -> tuple[Any, Backbone]:
    """Build a Keras model and our backbone with the same random weights."""
    reference = twin(name, dtype=str(dtype).removeprefix("torch."), **size)
    backbone = ARCHITECTURES[name].build().to(dtype).eval()
    load_keras_weights(backbone, layers_of(reference))
    return reference, backbone


def batch(rows: int, cols: int, dtype: torch.dtype) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.rand(1, 3, rows, cols, dtype=dtype, generator=generator)


def relative_error(reference: Any, backbone: Backbone, views: torch.Tensor) -> float:
    expected = features_of(reference, views)
    with torch.inference_mode():
        found = backbone(views)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype == views.dtype
    assert (expected > 0).float().mean() > 0.1  # else there would be little to compare
    return float((found - expected).abs().max() / expected.abs().max())


def test_features_equal_keras_in_float32(single: tuple[Any, Backbone]) -> None:
    assert relative_error(*single, batch(224, 224, torch.float32)) < 1e-5


def test_normalization_has_the_constants_of_keras(single: tuple[Any, Backbone]) -> None:
    reference, backbone = single
    # Keras' momentum is the part that is kept, torch's the part that is replaced.
    expected = {(layer.epsilon, round(1 - layer.momentum, 6)) for layer in reference.layers if is_norm(layer)}
    norms = [module for module in backbone.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(expected) == 1
    assert {(norm.eps, norm.momentum) for norm in norms} == expected


def test_parameters_are_as_many_as_in_keras(single: tuple[Any, Backbone]) -> None:
    reference, backbone = single
    tensors = (tensor for tensor in backbone.state_dict().values() if tensor.ndim)
    assert sum(tensor.numel() for tensor in tensors) == reference.count_params()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_features_equal_keras_in_float64(name: str) -> None:
    assert relative_error(*twins(name, torch.float64), batch(224, 224, torch.float64)) < 1e-12


@pytest.mark.parametrize("name", ODD_SIZES)
def test_features_equal_keras_where_sides_are_odd_and_differ(name: str) -> None:
    pair = twins(name, torch.float64, rows=225, cols=130)
    assert relative_error(*pair, batch(225, 130, torch.float64)) < 1e-12
