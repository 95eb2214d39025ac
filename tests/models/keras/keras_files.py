"""Trains nothing, but builds whole Keras models as the paper has them, and writes them as older Keras did."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from tests.models.keras.keras_reference import keras, twin

SIDE = 96  # pixels: small, but with a map of several cells


def whole_model(architecture: str, *, nested: bool) -> Any:
    """A backbone, average pooling and a sigmoid on one dense output, whose answers are not all alike."""
    backbone = twin(architecture, dtype="float32", rows=SIDE, cols=SIDE)
    head = keras.layers.Dense(1, activation="sigmoid")
    if nested:
        model = keras.Sequential([backbone, keras.layers.GlobalAveragePooling2D(), head])
    else:
        pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
        # In training only; its random state stands in the file beside the weights.
        model = keras.Model(backbone.input, head(keras.layers.Dropout(0.5)(pooled)))
    pool = keras.Sequential([backbone, keras.layers.GlobalAveragePooling2D()])
    head.set_weights(_telling_head(_run(pool)))
    return model


def views(count: int = 3) -> torch.Tensor:
    """(B, 3, SIDE, SIDE) float32 in [0, 1], from dark to bright."""
    generator = torch.Generator().manual_seed(11)
    brightness = torch.linspace(0.2, 1.0, count).reshape(-1, 1, 1, 1)
    return torch.rand(count, 3, SIDE, SIDE, generator=generator) * brightness


def answers(model: Any) -> torch.Tensor:
    """What Keras itself answers to `views`, (B,)."""
    return _run(model)[:, 0]


def _run(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        outputs: torch.Tensor = model(views().movedim(1, -1), training=False)
    return outputs


def _telling_head(features: torch.Tensor) -> list[np.ndarray]:
    """Return kernel and bias that give these features (B, C) logits about 0.25 with a deviation of 1."""
    kernel = np.random.default_rng(5).normal(size=(features.shape[1], 1))
    logits = features.double().numpy() @ kernel
    kernel /= logits.std()
    return [kernel, 0.25 - logits.mean(axis=0) / logits.std()]


def write_legacy(path: Path, layers: Iterable[tuple[str, list[tuple[str, np.ndarray]]]]) -> None:
    """Write a weights file in the form of Keras 2: byte strings, ":0" behind names, attributes in chunks.

    `layers` holds for each layer its name and its weights, called as in the file ("conv1/kernel").
    """
    layers = list(layers)
    with h5py.File(path, "w") as file:
        names = np.array([name.encode() for name, _ in layers])
        for number, chunk in enumerate(np.array_split(names, 2)):
            file.attrs[f"layer_names{number}"] = chunk
        for name, weights in layers:
            group = file.create_group(name)
            group.attrs["weight_names"] = np.array([f"{weight}:0".encode() for weight, _ in weights])
            for weight, array in weights:
                group.create_dataset(f"{weight}:0", data=array)


def named_weights(model: Any) -> list[tuple[str, list[tuple[str, np.ndarray]]]]:
    """The layers of a Keras model in the form that `write_legacy` takes."""
    return [
        (
            layer.name,
            [(f"{layer.name}/{weight.name}", weight.value.numpy(force=True)) for weight in layer.weights],
        )
        for layer in model.layers
    ]
