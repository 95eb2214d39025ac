"""DenseNet169 and DenseNet201 (Huang et al. 2017) with Keras' constants; layers are named as in torchvision.

This module is written out because importing torchvision loads torch's compiler, which takes longer than torch
itself: seconds in which an analyzer that was started again reads nothing.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from models.networks.backbone import Backbone, Level

_STEM_FILTERS = 64
# Channels that each layer adds, and those it computes them from.
_GROWTH = 32
_BOTTLENECK = 4 * _GROWTH
# Within a block, features are levels after every so many layers, and at its end.
_LAYERS_PER_LEVEL = 8
# Pixels of the input per cell in the first block; each later one has half as many cells on a side.
_FIRST_STRIDE = 4


def _norm(channels: int) -> nn.BatchNorm2d:
    # Keras counts the part of the statistics that is kept, 0.99.
    return nn.BatchNorm2d(channels, eps=1.001e-5, momentum=0.01)


class DenseLayer(nn.Module):
    """A 1x1 and a 3x3 convolution of all features before, each after a normalization and a ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = _norm(channels)
        self.conv1 = nn.Conv2d(channels, _BOTTLENECK, 1, bias=False)
        self.norm2 = _norm(_BOTTLENECK)
        self.conv2 = nn.Conv2d(_BOTTLENECK, _GROWTH, 3, padding=1, bias=False)

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        """Map features of (B, ?, h, w), `channels` together, to (B, 32, h, w)."""
        y = self.conv1(F.relu(self.norm1(torch.cat(features, dim=1)), inplace=True))
        added: torch.Tensor = self.conv2(F.relu(self.norm2(y), inplace=True))
        return added


class DenseBlock(nn.ModuleDict):
    """Layers, each of which sees the features of all before it; `widths` are the channels at its levels."""

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.widths = tuple(channels + _GROWTH * number for number in _level_ends(layers))
        for number in range(layers):
            self[f"denselayer{number + 1}"] = DenseLayer(channels + _GROWTH * number)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, h, w) to (B, channels + 32 * layers, h, w)."""
        features = [x]
        for layer in self.values():
            features.append(layer(features))
        return torch.cat(features, dim=1)

    def walk(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield all features so far after every layer that is a level."""
        features = [x]
        ends = _level_ends(len(self))
        for number, layer in enumerate(self.values(), start=1):
            features.append(layer(features))
            if number in ends:
                features = [torch.cat(features, dim=1)]
                yield features[0]


class Transition(nn.Module):
    """Halves channels and sides between two blocks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, h, w) to (B, channels // 2, h // 2, w // 2)."""
        return F.avg_pool2d(self.conv(F.relu(self.norm(x), inplace=True)), 2)


class DenseNet(Backbone):
    """The convolutional part of a DenseNet, up to the ReLU that Keras calls "relu".

    Parameters
    ----------
    layers
        How many each block has.
    """

    def __init__(self, layers: Sequence[int]) -> None:
        super().__init__()
        self.features = nn.ModuleDict()
        self.features["conv0"] = nn.Conv2d(3, _STEM_FILTERS, 7, stride=2, padding=3, bias=False)
        self.features["norm0"] = _norm(_STEM_FILTERS)
        channels = _STEM_FILTERS
        levels = []
        for number, count in enumerate(layers, start=1):
            block = DenseBlock(channels, count)
            self.features[f"denseblock{number}"] = block
            stride = _FIRST_STRIDE * 2 ** (number - 1)
            levels += [Level(width, stride) for width in block.widths]
            channels = block.widths[-1]
            if number < len(layers):
                self.features[f"transition{number}"] = Transition(channels)
                channels //= 2
        self.features["norm5"] = _norm(channels)
        self.levels = tuple(levels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, 3, H, W) to (B, C, h, w), without the copies that `walk` makes for its levels."""
        y = self._stem(x)
        *blocks, last = self._blocks()
        for block, transition in zip(blocks, self._transitions(), strict=True):
            y = transition(block(y))
        return F.relu(self.features["norm5"](last(y)), inplace=True)

    def walk(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the features of (B, 3, H, W) after every eighth layer of a block, see `Backbone.walk`.

        What comes after the last block is only a batch normalization: its end is no level of its own.
        """
        y = self._stem(x)
        *blocks, last = self._blocks()
        for block, transition in zip(blocks, self._transitions(), strict=True):
            for features in block.walk(y):
                yield (y := features)
            y = transition(y)
        *middle, y = last.walk(y)
        yield from middle
        yield F.relu(self.features["norm5"](y))

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

    def _stem(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.features["norm0"](self.features["conv0"](x)), inplace=True)
        return F.max_pool2d(y, 3, stride=2, padding=1)

    def _blocks(self) -> list[DenseBlock]:
        return [part for part in self.features.values() if isinstance(part, DenseBlock)]

    def _transitions(self) -> list[Transition]:
        return [part for part in self.features.values() if isinstance(part, Transition)]


def _level_ends(layers: int) -> list[int]:
    return sorted({*range(_LAYERS_PER_LEVEL, layers, _LAYERS_PER_LEVEL), layers})


def densenet169() -> DenseNet:
    """Build DenseNet169, (B, 3, H, W) to (B, 1664, h, w): the baseline that came with MURA."""
    return DenseNet((6, 12, 32, 32))


def densenet201() -> DenseNet:
    """Build DenseNet201, (B, 3, H, W) to (B, 1920, h, w)."""
    return DenseNet((6, 12, 48, 32))
