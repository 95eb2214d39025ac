"""DenseNet169 and DenseNet201 (Huang et al. 2017), from torchvision with Keras' constants.

This module adds what torchvision does not have: the constants, and the names of the layers in Keras.
"""

from collections.abc import Iterator

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from models.networks.backbone import Backbone, Level

_EPS = 1.001e-5
_MOMENTUM = 0.01  # Keras counts the part that is kept, 0.99
# Within a block, features are levels after every so many layers, and at its end.
_LAYERS_PER_LEVEL = 8
# What comes after it is only a batch normalization: its end is no level of its own.
_LAST_BLOCK = "denseblock4"


class DenseNet(Backbone):
    """The convolutional part of a torchvision DenseNet, up to the ReLU that Keras calls "relu".

    Parameters
    ----------
    network
        A whole torchvision DenseNet; its classifier is left behind.
    """

    def __init__(self, network: torchvision.models.DenseNet) -> None:
        super().__init__()
        self.features = network.features
        self.levels = tuple(self._levels())
        for module in self.features.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = _EPS
                module.momentum = _MOMENTUM

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, 3, H, W) to (B, C, h, w), without the copies that `walk` makes for its levels."""
        return F.relu(self.features(x), inplace=True)

    def walk(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the features of (B, 3, H, W) after every eighth layer of a block, see `Backbone.walk`."""
        y = x
        for name, part in self.features.named_children():
            if name == _LAST_BLOCK:
                *middle, y = _walk_block(part, y)
                yield from middle
            elif name.startswith("denseblock"):
                for features in _walk_block(part, y):
                    yield (y := features)
            else:
                y = part(y)
        yield F.relu(y)

    def _levels(self) -> Iterator[Level]:
        stride = 4
        for name, part in self.features.named_children():
            if name.startswith("denseblock"):
                layers = list(part.children())
                for number, layer in enumerate(layers, start=1):
                    if _is_level(number, len(layers)):
                        before = layer.get_parameter("norm1.weight").numel()
                        yield Level(before + len(layer.get_parameter("conv2.weight")), stride)
                stride *= 2

    def keras_layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers by their names in Keras, see `Backbone.keras_layers`."""
        find = self.features.get_submodule
        yield "conv1_conv", find("conv0")
        yield "conv1_bn", find("norm0")
        # What Keras numbers conv2 to conv5 and pool2 to pool4, torchvision numbers from 1.
        for stage in range(2, 6):
            block = find(f"denseblock{stage - 1}")
            for number, layer in enumerate(block.children(), start=1):
                name = f"conv{stage}_block{number}"
                yield f"{name}_0_bn", layer.get_submodule("norm1")
                yield f"{name}_1_conv", layer.get_submodule("conv1")
                yield f"{name}_1_bn", layer.get_submodule("norm2")
                yield f"{name}_2_conv", layer.get_submodule("conv2")
            if stage < 5:
                yield f"pool{stage}_bn", find(f"transition{stage - 1}.norm")
                yield f"pool{stage}_conv", find(f"transition{stage - 1}.conv")
        yield "bn", find("norm5")


def _walk_block(block: nn.Module, x: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield all features so far after every layer of a dense block that is a level."""
    features = [x]
    layers = list(block.children())
    for number, layer in enumerate(layers, start=1):
        features.append(layer(features))
        if _is_level(number, len(layers)):
            features = [torch.cat(features, dim=1)]
            yield features[0]


def _is_level(number: int, layers: int) -> bool:
    return number % _LAYERS_PER_LEVEL == 0 or number == layers


def densenet169() -> DenseNet:
    """Build DenseNet169, (B, 3, H, W) to (B, 1664, h, w): the baseline that came with MURA."""
    return DenseNet(torchvision.models.densenet169(weights=None))


def densenet201() -> DenseNet:
    """Build DenseNet201, (B, 3, H, W) to (B, 1920, h, w)."""
    return DenseNet(torchvision.models.densenet201(weights=None))
