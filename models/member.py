"""One member of an ensemble: a backbone and a linear head, whose activation map comes with its logit.

Global average pooling and a linear head commute: the head applied to each pixel of the features gives the
class activation map (Zhou et al. 2016), and the mean of that map plus the bias is the logit. Grad-CAM of such
a network is the same map times a positive factor, so no gradients are needed. This module relies on that.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from models.architectures import architecture_named
from models.networks.backbone import Backbone


class MemberOutput(NamedTuple):
    """What a member says of a batch, a tuple of tensors as torch's tools want it.

    `logit` is (B,), its sigmoid is P(abnormal). `activation` is (B, h, w), positive where the view speaks for
    abnormal; its mean over h and w plus the bias of the head is the logit.
    """

    logit: torch.Tensor
    activation: torch.Tensor


class Member(nn.Module):
    """A backbone with a linear head of one output.

    Parameters
    ----------
    backbone
        The network that makes the features.
    feature_channels
        How many channels they have.
    """

    def __init__(self, backbone: Backbone, feature_channels: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(feature_channels, 1)

    def forward(self, x: torch.Tensor) -> MemberOutput:
        """Read a batch (B, 3, H, W), scaled as the bundle's manifest says, in one pass."""
        features = self.backbone(x)
        activation = F.conv2d(features, self.head.weight[:, :, None, None])[:, 0]
        return MemberOutput(activation.mean(dim=(1, 2)) + self.head.bias, activation)

    def keras_layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers by their names in Keras, see `Backbone.keras_layers`; the head is "dense"."""
        yield from self.backbone.keras_layers()
        yield "dense", self.head


def build_member(architecture: str) -> Member:
    """Build a member in evaluation mode whose weights are still to be loaded, copied or initialized.

    The state of torch's random generator is left as it was. Raises UnknownArchitecture.
    """
    found = architecture_named(architecture)
    with torch.random.fork_rng(devices=[]):
        return Member(found.build(), found.feature_channels).eval()
