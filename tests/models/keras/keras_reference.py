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

# With Keras itself, because whoever imports it elsewhere may do so before the backend is chosen.
__all__ = ["TWINS", "features_of", "is_norm", "keras", "layers_of", "twin"]

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
        mean, variance, gamma, beta = (
            keras.ops.convert_to_tensor(weight)
            for weight in (self.moving_mean, self.moving_variance, self.gamma, self.beta)
        )
        return (inputs - mean) * gamma / (variance + self.epsilon) ** 0.5 + beta


def twin(name: str, *, dtype: str, rows: int = 224, cols: int = 224) -> Any:
    """Build the Keras model without its top, for (rows, cols, 3) inputs, computing in `dtype` throughout."""
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    model = TWINS[name](include_top=False, weights=None, input_shape=(rows, cols, 3))
    if dtype == "float64":
        model = keras.models.clone_model(model, clone_function=_double)
    _randomize(model)
    return model


def layers_of(model: Any) -> Layers:
    """Return the names and arrays of the layers, in the order of the model."""
    # Not by get_weights(), which warns that its way to NumPy is deprecated.
    return [
        (layer.name, [weight.value.numpy(force=True) for weight in layer.weights]) for layer in model.layers
    ]


def features_of(model: Any, batch: torch.Tensor) -> torch.Tensor:
    """Run the model on (B, 3, H, W) of its own dtype and return its features (B, C, h, w)."""
    with torch.inference_mode():
        features: torch.Tensor = model(batch.movedim(1, -1), training=False)
    return features.movedim(-1, 1)


def is_norm(layer: Any) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


def _double(layer: Any) -> Any:
    if is_norm(layer):
        return DoubleBatchNormalization.from_config(layer.get_config())
    return layer.__class__.from_config(layer.get_config())


def _randomize(model: Any) -> None:
    rng = np.random.default_rng(0)
    for layer in model.layers:
        shapes = [variable.shape for variable in layer.weights]
        if is_norm(layer):
            ranges = ((0.5, 1.5), (-0.2, 0.2), (-0.2, 0.2), (0.5, 1.5))  # gamma, beta, mean, variance
            layer.set_weights([rng.uniform(*r, size=s) for r, s in zip(ranges, shapes, strict=True)])
        else:
            layer.set_weights([rng.normal(scale=_scale(shape), size=shape) for shape in shapes])


def _scale(shape: tuple[int, ...]) -> float:
    """Keep values about as large as they came in: no ReLU follows a depthwise kernel (rows, cols, c, 1)."""
    rows, cols, inputs, outputs = shape
    return float((1 / (rows * cols)) ** 0.5 if outputs == 1 else (2 / (rows * cols * inputs)) ** 0.5)
