"""DenseNet169 and DenseNet201 (Huang et al. 2017), from torchvision with Keras' constants.

This module adds what torchvision does not have: the constants, and the names of the layers in Keras.
"""

from collections.abc import Iterator

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from models.networks.backbone import Backbone

_EPS = 1.001e-5
_MOMENTUM = 0.01  # Keras counts the part that is kept, 0.99


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
        for module in self.features.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = _EPS
                module.momentum = _MOMENTUM

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, 3, H, W) to (B, C, h, w)."""
        return F.relu(self.features(x), inplace=True)

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


def densenet169() -> DenseNet:
    """Build DenseNet169, (B, 3, H, W) to (B, 1664, h, w): the baseline that came with MURA."""
    return DenseNet(torchvision.models.densenet169(weights=None))


def densenet201() -> DenseNet:
    """Build DenseNet201, (B, 3, H, W) to (B, 1920, h, w)."""
    return DenseNet(torchvision.models.densenet201(weights=None))
