"""MobileNet version 1 at full width (Howard et al. 2017).

This module is written out because libraries pad it by torch's custom, which shifts the maps against Keras'.
"""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional as F

from models.networks.backbone import Backbone, Level
from models.networks.depthwise import DepthwiseConv2d
from models.networks.padding import pad_same

_STEM_FILTERS = 32
# Filters and stride of the blocks 1 to 13.
_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class DepthwiseBlock(nn.Module):
    """A 3x3 depthwise and a 1x1 convolution, each normalized and cut to [0, 6]."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.halves = stride == 2
        self.depthwise = DepthwiseConv2d(channels, 3, stride=stride)
        self.depthwise_norm = _norm(channels)
        self.pointwise = nn.Conv2d(channels, filters, 1, bias=False)
        self.pointwise_norm = _norm(filters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to (B, filters, floor(H / stride), floor(W / stride))."""
        # Keras pads here at the bottom and right whatever the size, so an odd side loses its half pixel.
        padded = F.pad(x, (0, 1, 0, 1)) if self.halves else x
        y = F.relu6(self.depthwise_norm(self.depthwise(padded)), inplace=True)
        return F.relu6(self.pointwise_norm(self.pointwise(y)), inplace=True)


class MobileNet(Backbone):
    """The convolutional part of MobileNet: (B, 3, H, W) to (B, 1024, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _STEM_FILTERS, 3, stride=2, bias=False)
        self.stem_norm = _norm(_STEM_FILTERS)
        self.blocks = nn.Sequential()
        levels = []
        channels, side = _STEM_FILTERS, 2
        for filters, stride in _BLOCKS:
            self.blocks.append(DepthwiseBlock(channels, filters, stride))
            channels, side = filters, side * stride
            levels.append(Level(filters, side))
        self.levels = tuple(levels)

    def walk(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the features of (B, 3, H, W) after each block, values in [0, 6], see `Backbone.walk`."""
        y = F.relu6(self.stem_norm(self.stem(pad_same(x, 3))), inplace=True)
        for block in self.blocks:
            y = block(y)
            yield y

    def keras_layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers by their names in Keras, see `Backbone.keras_layers`."""
        yield "conv1", self.stem
        yield "conv1_bn", self.stem_norm
        for number, block in enumerate(self.blocks.children(), start=1):
            yield f"conv_dw_{number}", block.get_submodule("depthwise")
            yield f"conv_dw_{number}_bn", block.get_submodule("depthwise_norm")
            yield f"conv_pw_{number}", block.get_submodule("pointwise")
            yield f"conv_pw_{number}_bn", block.get_submodule("pointwise_norm")
