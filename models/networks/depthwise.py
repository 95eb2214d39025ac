"""Convolves each channel by itself, with gradients that do not wait for a slow kernel.

This module exists because oneDNN has no fast bfloat16 gradient of strided and of wide depthwise convolutions
on CPUs: it took 5 to 110 times as long as in float32 (see docs/research.md, Speed of training).
"""

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

# Wider kernels than this have a slow gradient in bfloat16, whatever their stride.
_FAST_KERNEL = 3


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution without bias, equal to `torch.nn.Conv2d` with as many groups as channels.

    Under autocast to bfloat16 on a CPU the gradients of a strided or wide one are computed in float32.

    Parameters
    ----------
    channels
        That come in and go out.
    kernel
        Side of the kernel, odd.
    stride
        1, with zeros around that keep the size; or 2, without.
    """

    def __init__(self, channels: int, kernel: int, *, stride: int = 1) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(channels, channels, kernel, stride, padding, groups=channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to (B, channels, h, w)."""
        if self._has_slow_gradient and _is_trained_in_bfloat16(x):
            y: torch.Tensor = _FloatGradient.apply(x.bfloat16(), self.weight, self.stride, self.padding)
            return y
        return super().forward(x)

    @property
    def _has_slow_gradient(self) -> bool:
        return self.stride != (1, 1) or self.kernel_size[0] > _FAST_KERNEL


def _is_trained_in_bfloat16(x: torch.Tensor) -> bool:
    return (
        x.device.type == "cpu"
        and torch.is_grad_enabled()
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") is torch.bfloat16
    )


class _FloatGradient(torch.autograd.Function):
    """A depthwise convolution in the dtype of `x` whose gradients are computed in float32."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: tuple[int, int], padding: tuple[int, int]
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight.to(x.dtype), None, stride, padding, groups=len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(
            gradients[0].float(),
            x.float(),
            weight,
            None,
            ctx.stride,
            ctx.padding,
            (1, 1),
            False,
            (0, 0),
            len(weight),
            (True, True, False),
        )
        return to_x.to(x.dtype), to_weight, None, None
