"""Builds the Keras twins of our backbones, with random weights, as the reference that they must equal."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"  # Keras reads it once, when it is imported

import keras
import numpy as np
import torch
from keras.src.applications.nasnet import NASNet
from numpy.typing import NDArray

Layers = list[tuple[str, list[NDArray[np.floating]]]]

# keras.applications.NASNetMobile refuses to run on torch; what it would call does run there.
_nasnetmobile = partial(
    NASNet,
    penultimate_filters=1056,
    num_blocks=4,
    stem_block_filters=32,
    skip_reduction=False,
    filter_multiplier=2,
)

TWINS: dict[str, Callable[..., Any]] = {
    "densenet201": keras.applications.DenseNet201,
    "densenet169": keras.applications.DenseNet169,
    "mobilenet": keras.applications.MobileNet,
    "nasnetmobile": _nasnetmobile,
    "xception": keras.applications.Xception,
}


class DoubleBatchNormalization(keras.layers.BatchNormalization):
    """Normalizes in float64, where Keras' own layer computes in float32 whatever its policy says."""

    def call(self, inputs, training=None, mask=None):
        scale = self.gamma / (self.moving_variance + self.epsilon) ** 0.5
        return (inputs - self.moving_mean) * scale + self.beta


def twin(name: str, *, size: int, dtype: str, seed: int = 0) -> Any:
    """Build the Keras model without its top, for (size, size, 3) inputs, computing in `dtype` throughout."""
    keras.config.set_floatx(dtype)
    model = TWINS[name](include_top=False, weights=None, input_shape=(size, size, 3))
    if dtype == "float64":
        model = keras.models.clone_model(model, clone_function=_double)
    _randomize(model, seed)
    return model


def _double(layer: Any) -> Any:
    if isinstance(layer, keras.layers.BatchNormalization):
        return DoubleBatchNormalization.from_config(layer.get_config())
    return layer.__class__.from_config(layer.get_config())


def _randomize(model: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        arrays = [array.shape for array in layer.get_weights()]
        if isinstance(layer, keras.layers.BatchNormalization):
            ranges = ((0.5, 1.5), (-0.2, 0.2), (-0.2, 0.2), (0.5, 1.5))  # gamma, beta, mean, variance
            layer.set_weights([rng.uniform(*r, size=s) for r, s in zip(ranges, arrays, strict=True)])
        elif arrays:
            # Depthwise kernels end in 1, so this is the number of inputs of one output for all kernels.
            layer.set_weights([rng.normal(scale=_he(shape), size=shape) for shape in arrays])


def _he(shape: tuple[int, ...]) -> float:
    fan_in = np.prod(shape[:2]) if shape[-1] == 1 else np.prod(shape[:-1])
    return float(np.sqrt(2.0 / fan_in))


def layers_of(model: Any) -> Layers:
    """Return the names and arrays of the layers, in the order of the model."""
    return [(layer.name, layer.get_weights()) for layer in model.layers]


def features_of(model: Any, batch: NDArray[np.floating]) -> NDArray[np.floating]:
    """Run the model on (B, 3, H, W) and return its features (B, C, h, w)."""
    with torch.inference_mode():
        features = model(np.moveaxis(batch, 1, -1), training=False)
    return np.moveaxis(features.cpu().numpy(), -1, 1)
