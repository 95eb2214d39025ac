import copy

import pytest
import torch

from models.networks.depthwise import DepthwiseConv2d

Gradients = tuple[torch.Tensor, torch.Tensor, torch.Tensor]

ROUNDING = torch.finfo(torch.bfloat16).eps / 2 * 1.01
"""The most that rounding to bfloat16 changes a number by, of it; and a little for sums in float32."""


def gradients(layer: torch.nn.Conv2d, x: torch.Tensor, *, magnitudes: bool = False) -> Gradients:
    x = x.clone().requires_grad_()
    y = layer(x)
    factors = torch.linspace(-1, 1, y.numel()).reshape(y.shape)
    weighted = y.float() * (factors.abs() if magnitudes else factors)
    to_x, to_weight = torch.autograd.grad(weighted.sum(), (x, layer.weight))
    return y.detach().float(), to_x, to_weight


def sums_of_magnitudes(layer: DepthwiseConv2d, x: torch.Tensor) -> Gradients:
    """Return output and gradients with every term of every sum taken positive."""
    positive = copy.deepcopy(layer)
    positive.weight.data = layer.weight.data.abs()
    return gradients(positive, x.abs(), magnitudes=True)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (7, 2)])
@pytest.mark.parametrize("side", [14, 15])
def test_in_bfloat16_it_is_the_convolution_with_its_gradients(kernel: int, stride: int, side: int) -> None:
    generator = torch.Generator().manual_seed(kernel)
    layer = DepthwiseConv2d(6, kernel, stride=stride)
    # Values that bfloat16 holds exactly, so that only the sums are rounded.
    layer.weight.data = torch.randn(layer.weight.shape, generator=generator).bfloat16().float()
    x = torch.randn(2, 6, side, side, generator=generator).bfloat16().float()
    x = x.contiguous(memory_format=torch.channels_last)
    exact = gradients(layer, x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = gradients(layer, x)
    # Rounding changes each term and each sum by a part of its magnitude. Some CPUs' own kernels, which the
    # narrow one uses, also round after each of its nine terms.
    times = kernel**2 if (kernel, stride) == (3, 1) else 2
    magnitudes = sums_of_magnitudes(layer, x)
    for approximate, reference, magnitude in zip(found, exact, magnitudes, strict=True):
        assert approximate.shape == reference.shape
        assert ((approximate - reference).abs() <= times * ROUNDING * magnitude).all()


def test_without_autocast_it_is_torchs_own_to_the_bit() -> None:
    layer = DepthwiseConv2d(4, 5, stride=2)
    own = torch.nn.Conv2d(4, 4, 5, stride=2, groups=4, bias=False)
    own.load_state_dict(layer.state_dict())
    x = torch.rand(1, 4, 12, 12, generator=torch.Generator().manual_seed(0))
    for found, expected in zip(gradients(layer, x), gradients(own, x), strict=True):
        assert torch.equal(found, expected)


def test_gradients_of_a_wide_one_are_not_rounded_to_bfloat16() -> None:
    layer = DepthwiseConv2d(4, 5)
    x = torch.rand(1, 4, 12, 12, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, _, weight = gradients(layer, x)
    assert not torch.equal(weight, weight.bfloat16().float())
