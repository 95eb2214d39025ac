"""Convolves each channel by itself, then mixes the channels pixel by pixel.

This module is Keras' SeparableConv2D, of which Xception and NASNet are made.
"""

import torch
from torch import nn

from models.networks.depthwise import DepthwiseConv2d
from models.networks.padding import pad_same


class SeparableConv2d(nn.Module):
    """A depthwise convolution followed by a 1x1 convolution, both without bias, padded as "same".

    Parameters
    ----------
    channels, filters
        Channels that come in and go out.
    kernel
        Side of the depthwise kernel, odd.
    stride
        1 or 2.
    """

    def __init__(self, channels: int, filters: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__()
        self.kernel = kernel
        self.halves = stride == 2
        self.depthwise = DepthwiseConv2d(channels, kernel, stride=stride)
        self.pointwise = nn.Conv2d(channels, filters, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to (B, filters, ceil(H / stride), ceil(W / stride))."""
        padded = pad_same(x, self.kernel) if self.halves else x
        y: torch.Tensor = self.pointwise(self.depthwise(padded))
        return y
