"""Xception (Chollet 2017).

This module is written out because libraries pool it by torch's custom, which shifts the maps against Keras'.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from models.networks.backbone import Backbone, Level
from models.networks.separable import SeparableConv2d

# What comes into a block, and the filters of its separable convolutions. The middle ones keep size and width.
_ENTRY = ((64, (128, 128)), (128, (256, 256)), (256, (728, 728)))
_MIDDLE = ((728, (728, 728, 728)),) * 8
_LAST_HALVING = ((728, (728, 1024)),)
_FIRST_BLOCK = 2  # as Keras numbers them; its block 1 is the stem, its block 14 has no shortcut


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    """ReLU, separable convolution and normalization, some times over, beside a shortcut.

    A block that changes the width also halves the size: by a max pool, and by a strided shortcut.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        incoming = channels
        for width in widths:
            self.convolutions.append(SeparableConv2d(incoming, width, 3))
            self.norms.append(_norm(width))
            incoming = width
        self.shortcut: nn.Sequential | None = None
        if incoming != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, incoming, 1, stride=2, bias=False), _norm(incoming)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to (B, widths[-1], H, W), or to half of H and W, rounded up."""
        y = x
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            # Keras leaves out the first ReLU of block 2, whose input is rectified already.
            y = norm(convolution(F.relu(y)))
        if self.shortcut is None:
            return x + y
        rows, cols = y.shape[-2:]
        # Keras' padding "same" without a copy: an odd side is padded on both ends, and on an even side the
        # last window (ceil_mode) hangs over the end. Pooling ignores what is padded.
        pooled = F.max_pool2d(y, 3, stride=2, padding=(rows % 2, cols % 2), ceil_mode=True)
        halved: torch.Tensor = pooled + self.shortcut(x)
        return halved

    def keras_layers(self, number: int) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers of the main path by their names in Keras, as block `number`."""
        for index, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True), start=1):
            yield f"block{number}_sepconv{index}", convolution
            yield f"block{number}_sepconv{index}_bn", norm


class Xception(Backbone):
    """The convolutional part of Xception: (B, 3, H, W) to (B, 2048, h, w)."""

    # The first block is left out: its sides are odd.
    levels = (Level(256, 8), *(Level(728, 16),) * 9, Level(2048, 32))

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, bias=False),
            _norm(32),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 64, 3, bias=False),
            _norm(64),
            nn.ReLU(inplace=True),
        )
        self.blocks = nn.ModuleList(
            Block(channels, widths) for channels, widths in (*_ENTRY, *_MIDDLE, *_LAST_HALVING)
        )
        self.exit = nn.Sequential(
            SeparableConv2d(1024, 1536, 3),
            _norm(1536),
            nn.ReLU(inplace=True),
            SeparableConv2d(1536, 2048, 3),
            _norm(2048),
            nn.ReLU(inplace=True),
        )

    def walk(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the features of (B, 3, H, W) after the middle blocks and the last, see `Backbone.walk`."""
        first, *middle, halving = self.blocks
        y = first(self.stem(x))
        for block in middle:
            y = block(y)
            yield y
        yield self.exit(halving(y))

    def keras_layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers by their names in Keras, see `Backbone.keras_layers`."""
        yield "block1_conv1", self.stem[0]
        yield "block1_conv1_bn", self.stem[1]
        yield "block1_conv2", self.stem[3]
        yield "block1_conv2_bn", self.stem[4]
        blocks = [block for block in self.blocks if isinstance(block, Block)]
        for number, block in enumerate(blocks, start=_FIRST_BLOCK):
            yield from block.keras_layers(number)
        number = _FIRST_BLOCK + len(blocks)
        yield f"block{number}_sepconv1", self.exit[0]
        yield f"block{number}_sepconv1_bn", self.exit[1]
        yield f"block{number}_sepconv2", self.exit[3]
        yield f"block{number}_sepconv2_bn", self.exit[4]
        # Keras gives the shortcuts no names of their own.
        shortcuts = [block.shortcut for block in blocks if block.shortcut is not None]
        for index, shortcut in enumerate(shortcuts):
            suffix = f"_{index}" if index else ""
            yield f"conv2d{suffix}", shortcut[0]
            yield f"batch_normalization{suffix}", shortcut[1]
