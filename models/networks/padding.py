"""Pads as Keras does where a kernel moves by two pixels.

This module exists because torch pads both sides alike; Keras puts an odd pixel at the bottom and right.
"""

import torch
from torch.nn import functional as F


def pad_same(x: torch.Tensor, kernel: int) -> torch.Tensor:
    """Pad with zeros for an odd `kernel` at stride 2, so that n rows (columns) become ceil(n / 2).

    This is Keras' padding "same"; its applications reach the same numbers by an explicit zero padding.

    Parameters
    ----------
    x
        (B, C, H, W).
    kernel
        Side of the kernel that is applied next, odd.

    Returns
    -------
    torch.Tensor
        (B, C, H + kernel - 2 or - 1, W + kernel - 2 or - 1): one less on the top (left) of an even side.

    Examples
    --------
    >>> pad_same(torch.ones(1, 1, 4, 5), 3)[0, 0]
    tensor([[0., 1., 1., 1., 1., 1., 0.],
            [0., 1., 1., 1., 1., 1., 0.],
            [0., 1., 1., 1., 1., 1., 0.],
            [0., 1., 1., 1., 1., 1., 0.],
            [0., 0., 0., 0., 0., 0., 0.]])
    """
    rows, cols = x.shape[-2:]
    half = kernel // 2
    return F.pad(x, (half - 1 + cols % 2, half, half - 1 + rows % 2, half))
