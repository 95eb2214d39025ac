"""NASNetMobile, the NASNet-A (4 @ 1056) of Zoph et al. 2018.

This module reads top down: the table of cells, the network, the two kinds of cell. What cells are made of is
in `models.networks.nasnet_parts`.

A cell sees the output of the cell before it and that of the one before that. Both are brought to one size and
width, and are called h and p then. The cell adds pairs of maps made from h and p, and stacks the sums.
"""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional as F

from models.networks.backbone import Backbone, Level
from models.networks.nasnet_parts import CellInputs, DoubleSeparable, Fit, average, norm
from models.networks.padding import pad_same

_STEM_FILTERS = 32
# The cells in order: name in Keras, whether it halves the size, filters of each sum.
_CELLS = (
    ("stem_1", True, 11),
    ("stem_2", True, 22),
    *((f"{number}", False, 44) for number in range(4)),
    ("reduce_4", True, 88),
    *((f"{number}", False, 88) for number in range(5, 9)),
    ("reduce_8", True, 176),
    *((f"{number}", False, 176) for number in range(9, 13)),
)


class NASNetMobile(Backbone):
    """The convolutional part of NASNetMobile: (B, 3, H, W) to (B, 1056, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _STEM_FILTERS, 3, stride=2, bias=False)
        self.stem_norm = norm(_STEM_FILTERS)
        self.cells = nn.ModuleList()
        levels = []
        channels = previous = _STEM_FILTERS
        side = 2
        fit = Fit.KEEP
        for _, halves, filters in _CELLS:
            inputs = CellInputs(channels, previous, filters, fit)
            cell = ReductionCell(inputs) if halves else NormalCell(inputs)
            self.cells.append(cell)
            channels, previous = cell.filters, channels
            side *= 2 if halves else 1
            levels.append(Level(channels, side))
            fit = Fit.HALVE if halves else Fit.PROJECT
        self.levels = tuple(levels)

    def walk(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the features of (B, 3, H, W) after each cell, see `Backbone.walk`."""
        y: torch.Tensor = self.stem_norm(self.stem(x))
        previous = y
        *early, last = self.cells
        for cell in early:
            y, previous = cell(y, previous), y
            yield y
        yield F.relu(last(y, previous))

    def keras_layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers by their names in Keras, see `Backbone.keras_layers`."""
        yield "stem_conv1", self.stem
        yield "stem_bn1", self.stem_norm
        for (name, _, _), cell in zip(_CELLS, self.cells, strict=True):
            if isinstance(cell, NormalCell | ReductionCell):
                yield from cell.keras_layers(name)


class NormalCell(nn.Module):
    """Keeps the size: stacks p and five sums of `inputs.filters` channels each."""

    def __init__(self, inputs: CellInputs) -> None:
        super().__init__()
        filters = inputs.filters
        self.filters = inputs.previous_filters + 5 * filters
        self.inputs = inputs
        self.left1 = DoubleSeparable(filters, filters, 5)
        self.right1 = DoubleSeparable(inputs.previous_filters, filters, 3)
        self.left2 = DoubleSeparable(inputs.previous_filters, filters, 5)
        self.right2 = DoubleSeparable(inputs.previous_filters, filters, 3)
        self.left5 = DoubleSeparable(filters, filters, 3)

    def forward(self, x: torch.Tensor, previous: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) and the output of the cell before to (B, self.filters, H, W)."""
        h, p = self.inputs(x, previous)
        sums = (
            self.left1(h) + self.right1(p),
            self.left2(p) + self.right2(p),
            average(h) + p,
            2 * average(p),  # both sides of the fourth pair are the same pool
            self.left5(h) + h,
        )
        return torch.cat((p, *sums), dim=1)

    def keras_layers(self, name: str) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers of this cell, which Keras calls `name`, by their names there."""
        yield from self.inputs.keras_layers("normal", name)
        yield from self.left1.keras_layers(f"normal_left1_{name}")
        yield from self.right1.keras_layers(f"normal_right1_{name}")
        yield from self.left2.keras_layers(f"normal_left2_{name}")
        yield from self.right2.keras_layers(f"normal_right2_{name}")
        yield from self.left5.keras_layers(f"normal_left5_{name}")


class ReductionCell(nn.Module):
    """Halves the size: stacks four of five sums of `inputs.filters` channels; the first feeds two others."""

    def __init__(self, inputs: CellInputs) -> None:
        super().__init__()
        filters = inputs.filters
        self.filters = 4 * filters
        self.inputs = inputs
        self.left1 = DoubleSeparable(filters, filters, 5, stride=2)
        self.right1 = DoubleSeparable(inputs.previous_filters, filters, 7, stride=2)
        self.right2 = DoubleSeparable(inputs.previous_filters, filters, 7, stride=2)
        self.right3 = DoubleSeparable(inputs.previous_filters, filters, 5, stride=2)
        self.left5 = DoubleSeparable(filters, filters, 3)

    def forward(self, x: torch.Tensor, previous: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) and the output of the cell before to (B, self.filters, ceil(H/2), ceil(W/2))."""
        h, p = self.inputs(x, previous)
        # The zeros of this padding are pooled like data: they can be the maximum, and the mean counts them.
        padded = pad_same(h, 3)
        largest = F.max_pool2d(padded, 3, stride=2)
        sum1 = self.left1(h) + self.right1(p)
        sum2 = largest + self.right2(p)
        sum3 = F.avg_pool2d(padded, 3, stride=2) + self.right3(p)
        sum4 = average(sum1) + sum2
        sum5 = self.left5(sum1) + largest
        return torch.cat((sum2, sum3, sum4, sum5), dim=1)

    def keras_layers(self, name: str) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers of this cell, which Keras calls `name`, by their names there."""
        yield from self.inputs.keras_layers("reduction", name)
        yield from self.left1.keras_layers(f"reduction_left1_{name}")
        yield from self.right1.keras_layers(f"reduction_right1_{name}")
        yield from self.right2.keras_layers(f"reduction_right2_{name}")
        yield from self.right3.keras_layers(f"reduction_right3_{name}")
        # Keras gives the left side of the fifth pair the name of the fourth.
        yield from self.left5.keras_layers(f"reduction_left4_{name}")
