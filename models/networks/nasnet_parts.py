"""What the cells of NASNet-A are made of.

This module has the inputs of a cell, its pairs of separable convolutions, its pool and its normalization.
"""

from collections.abc import Iterator
from enum import Enum, auto

import torch
from torch import nn
from torch.nn import functional as F

from models.networks.separable import SeparableConv2d


class Fit(Enum):
    """How the output of the cell before the last is brought to the size and width of the cell."""

    KEEP = auto()
    PROJECT = auto()
    HALVE = auto()


class CellInputs(nn.Module):
    """Makes h and p of the two outputs that a cell sees.

    Parameters
    ----------
    channels, previous
        Channels of the outputs of the cell before and of the one before that.
    filters
        Channels of h, and of p unless it is kept as it is.
    fit
        What p needs: nothing, another width, or half the size as well.
    """

    def __init__(self, channels: int, previous: int, filters: int, fit: Fit) -> None:
        super().__init__()
        self.filters = filters
        self.previous_filters = previous if fit is Fit.KEEP else filters
        self.squeeze = Squeeze(channels, filters)
        self.fit: Squeeze | HalvingSqueeze | None = None
        if fit is Fit.PROJECT:
            self.fit = Squeeze(previous, filters)
        elif fit is Fit.HALVE:
            self.fit = HalvingSqueeze(previous, filters)

    def forward(self, x: torch.Tensor, previous: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return h (B, filters, H, W) and p (B, previous_filters, H, W)."""
        return self.squeeze(x), previous if self.fit is None else self.fit(previous)

    def keras_layers(self, kind: str, name: str) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers by their names in Keras, for a cell of that kind and name."""
        if isinstance(self.fit, Squeeze):
            yield f"adjust_conv_projection_{name}", self.fit.conv
            yield f"adjust_bn_{name}", self.fit.norm
        elif isinstance(self.fit, HalvingSqueeze):
            yield f"adjust_conv_1_{name}", self.fit.even
            yield f"adjust_conv_2_{name}", self.fit.odd
            yield f"adjust_bn_{name}", self.fit.norm
        yield f"{kind}_conv_1_{name}", self.squeeze.conv
        yield f"{kind}_bn_1_{name}", self.squeeze.norm


class Squeeze(nn.Module):
    """ReLU, 1x1 convolution, normalization: another width."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, 1, bias=False)
        self.norm = norm(filters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to (B, filters, H, W)."""
        y: torch.Tensor = self.norm(self.conv(F.relu(x)))
        return y


class HalvingSqueeze(nn.Module):
    """The same at half the size: one half of the filters sees the even pixels, the other the odd ones."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(channels, filters // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(channels, filters // 2, 1, stride=2, bias=False)
        self.norm = norm(filters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to (B, filters, ceil(H / 2), ceil(W / 2))."""
        rectified = F.relu(x)
        # One pixel up and left; the zeros that come in from below are reached where the side is odd.
        shifted = F.pad(rectified, (-1, 1, -1, 1))
        y: torch.Tensor = self.norm(torch.cat((self.even(rectified), self.odd(shifted)), dim=1))
        return y


class DoubleSeparable(nn.Module):
    """ReLU, separable convolution, normalization; then the same again. The first one takes the stride."""

    def __init__(self, channels: int, filters: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__()
        self.first = SeparableConv2d(channels, filters, kernel, stride=stride)
        self.first_norm = norm(filters)
        self.second = SeparableConv2d(filters, filters, kernel)
        self.second_norm = norm(filters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to (B, filters, ceil(H / stride), ceil(W / stride))."""
        y = self.first_norm(self.first(F.relu(x)))
        z: torch.Tensor = self.second_norm(self.second(F.relu(y, inplace=True)))
        return z

    def keras_layers(self, place: str) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers by their names in Keras, at that place of a cell."""
        yield f"separable_conv_1_{place}", self.first
        yield f"separable_conv_1_bn_{place}", self.first_norm
        yield f"separable_conv_2_{place}", self.second
        yield f"separable_conv_2_bn_{place}", self.second_norm


def norm(channels: int) -> nn.BatchNorm2d:
    """Normalize `channels` with the constants that Keras uses for NASNet."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=3e-4)


def average(x: torch.Tensor) -> torch.Tensor:
    """Average 3x3 pixels around each pixel; at the border, those of them that exist."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
