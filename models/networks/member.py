"""One member of an ensemble: a backbone and a linear head, whose activation map comes with its logit.

Global average pooling and a linear head commute: the head applied to each pixel of the features gives the
class activation map (Zhou et al. 2016), and the mean of that map plus the bias is the logit. Grad-CAM of such
a network is the same map times a positive factor, so no gradients are needed. This module relies on that.

The mean asks for abnormality everywhere, while a fracture fills one cell of the map. A member may therefore
pool its map by the log of the mean of exponentials (Pinheiro & Collobert 2015), which lies between the mean
and the maximum; its map is then still each cell's evidence, in the units of the logit, and still Grad-CAM up
to the number of cells, because the shares of the cells in the pooled value sum to 1.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from models.networks.architectures import architecture_named
from models.networks.backbone import Backbone

# Synthetic images for `initialize`: how many, and their side in pixels, small because only statistics count.
_IMAGES = 8
_IMAGE_SIDE = 128


class MemberOutput(NamedTuple):
    """What a member says of a batch, a tuple of tensors as torch's tools want it.

    `logit` is (B,), its sigmoid is P(abnormal). `activation` is (B, h, w), positive where the view speaks for
    abnormal; pooled over h and w and with the bias of the head added, it is the logit. `embedding` is (B, C),
    the mean of the features over h and w: what the member saw, before it judged.
    """

    logit: torch.Tensor
    activation: torch.Tensor
    embedding: torch.Tensor


class Member(nn.Module):
    """A backbone with a linear head of one output.

    Parameters
    ----------
    backbone
        The network that makes the features.
    sharpness
        How the map is pooled into the logit, see `pool`; 0 is global average pooling.
    """

    def __init__(self, backbone: Backbone, sharpness: float = 0.0) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(backbone.levels[-1].channels, 1)
        self.sharpness = sharpness

    def forward(self, x: torch.Tensor) -> MemberOutput:
        """Read a batch (B, 3, H, W), scaled as the bundle's manifest says, in one pass."""
        return self.judge(self.backbone(x))

    def judge(self, features: torch.Tensor) -> MemberOutput:
        """Apply the head to `features` (B, C, h, w) of the backbone."""
        activation = F.conv2d(features, self.head.weight[:, :, None, None])[:, 0]
        logit = pool(activation, self.sharpness) + self.head.bias
        return MemberOutput(logit, activation, features.mean(dim=(2, 3)))

    def keras_layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers by their names in Keras, see `Backbone.keras_layers`; the head is "dense"."""
        yield from self.backbone.keras_layers()
        yield "dense", self.head


def pool(activation: torch.Tensor, sharpness: float) -> torch.Tensor:
    """Pool maps (B, h, w) into (B,): the mean if `sharpness` is 0, above it ever more the maximum.

    The pooled value is log(mean(exp(s * a))) / s for the sharpness s, in the units of the map.
    """
    if sharpness == 0.0:
        return activation.mean(dim=(1, 2))
    cells = activation[0].numel()
    return (torch.logsumexp(sharpness * activation.float(), dim=(1, 2)) - math.log(cells)) / sharpness


def build_member(architecture: str, *, sharpness: float = 0.0) -> Member:
    """Build a member in evaluation mode whose weights are still to be loaded, copied or initialized.

    The state of torch's random generator is left as it was. Raises UnknownArchitecture.
    """
    found = architecture_named(architecture)
    with torch.random.fork_rng(devices=[]):
        return Member(found.build(), sharpness).eval()


def initialize(member: Member, seed: int) -> None:
    """Give `member` random weights that answer differently to different views, for bundles without training.

    Kernels are drawn by He's rule. The batch normalizations take their statistics from synthetic images, and
    the head is scaled to activation maps of standard deviation 1 on these; a deep member without that would
    give every view one saturated probability. The member is in evaluation mode afterwards. A seed gives the
    same weights whatever the number of threads, and torch's own random generator is left as it was.

    Parameters
    ----------
    member
        float32, on the CPU.
    seed
        Any integer of 64 bits.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in member.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                inputs_of_one_output = module.weight[0].numel()
                module.weight.normal_(std=math.sqrt(2 / inputs_of_one_output), generator=generator)
        images = _synthetic_images(generator)
        # Sums depend on the number of threads; in float64 that does not show after rounding to float32.
        member.double()
        _set_statistics(member.backbone, images.double())
        _set_head(member.head, member.backbone(images.double()))
        member.float().eval()


def _synthetic_images(generator: torch.Generator) -> torch.Tensor:
    """Return (B, 3, H, W) float32 gray images in [0, 1]: bright shapes on black, from blurred to sharp.

    They are more varied than radiographs, so that a radiograph is nothing extreme to the statistics.
    """
    side = _IMAGE_SIDE

    def noise(cells: int) -> torch.Tensor:
        grid = torch.rand(_IMAGES, 1, cells, cells, generator=generator)
        return F.interpolate(grid, size=side, mode="bilinear")

    def level() -> torch.Tensor:
        return torch.rand(_IMAGES, 1, 1, 1, generator=generator)

    sharpness = torch.logspace(1, 6, _IMAGES, base=2).reshape(-1, 1, 1, 1)
    body = (sharpness * (noise(4) - 0.5) + 0.3).clamp(0, 1)
    bones = (sharpness * (2 * noise(12) - 1) + 0.5).clamp(0, 1)
    grain = 1 - 0.6 * level() * noise(side)
    brightness = 0.3 + 0.7 * level()
    return (body * (0.3 + 0.7 * bones) * grain * brightness).expand(-1, 3, -1, -1)


def _set_statistics(backbone: Backbone, images: torch.Tensor) -> None:
    """Set each batch normalization of `backbone` to the statistics of its own input."""
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_parameters()
        norm.momentum = 1.0  # one batch replaces what was there
    backbone.train()
    backbone(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    backbone.eval()


def _set_head(head: nn.Linear, features: torch.Tensor) -> None:
    """Turn and scale `head` so that it maps `features` (B, C, h, w) to maps of mean 0 and deviation 1."""
    mean = features.mean(dim=(0, 2, 3))
    # Across the mean, or all features growing together with the contrast of a view would decide.
    head.weight.sub_((head.weight @ mean)[:, None] / (mean @ mean) * mean)
    maps = F.conv2d(features, head.weight[:, :, None, None])
    head.weight.div_(maps.std())
    head.bias.zero_()
