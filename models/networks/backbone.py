"""Says what every backbone does, so that one head, one bundle format and one importer serve them all.

This module holds the interface only; the networks are its siblings.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn


class Level(NamedTuple):
    """Where in a backbone features can be looked at: their channels, and pixels of the input per cell."""

    channels: int
    stride: int


class Backbone(nn.Module):
    """A convolutional network without its classifier, numerically equal to its Keras Applications twin.

    Equal means: with the twin's weights it gives the twin's features, at even and odd input sizes. That
    takes Keras' paddings and batch normalization constants, which differ from torch's customs.

    Attributes
    ----------
    levels
        What `walk` yields the features of.
    """

    levels: tuple[Level, ...]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the features of the last activation.

        Parameters
        ----------
        x
            (B, 3, H, W) floating, scaled as the bundle's manifest says.

        Returns
        -------
        torch.Tensor
            (B, C, h, w) of the dtype of `x`, non-negative; C is fixed, and h and w are about H / 32 and
            W / 32 (7 for 224).
        """
        for y in self.walk(x):
            features = y
        return features

    def walk(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the features at each of `levels`, from the first to the last, which `forward` returns.

        Those before the last may be of either sign. Where the side of `x` is a multiple of 32, theirs are
        that side over the stride of the level.
        """
        raise NotImplementedError

    def keras_layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield every layer of the Keras twin that has weights: its name there and the module that equals it.

        A layer that Keras names by itself comes under the name that it has in a fresh session ("conv2d",
        "conv2d_1", ...), and such layers come in the order of the twin.
        """
        raise NotImplementedError
