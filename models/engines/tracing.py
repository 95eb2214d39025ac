"""Records the members of a bundle as one torch graph, from which other libraries make theirs."""

import warnings
from collections.abc import Iterable

import torch
from torch import nn

from models.bundle.loading import Bundle
from models.networks.member import Member


class _Members(nn.Module):
    """All members on one batch of views (B, H, W); three tensors of each, as a `MemberPass` has them."""

    def __init__(self, members: Iterable[Member], channels: int) -> None:
        super().__init__()
        self._each = tuple(members)
        self._list = nn.ModuleList(self._each)  # so that torch knows their parameters
        self._channels = channels

    def forward(self, views: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = views[:, None].expand(-1, self._channels, -1, -1)
        passes = [(member(x), member.head.bias) for member in self._each]
        return tuple(
            tensor
            for output, bias in passes
            for tensor in (output.logit, output.activation + bias, output.embedding)
        )


def traced_members(bundle: Bundle) -> tuple[torch.jit.ScriptModule, torch.Tensor]:
    """Return the graph of a bundle's members, which are on the CPU, and the input that it was recorded with.

    Its input is (1, H, W) float32 of the manifest's size, its output three tensors for each member in the
    manifest's order: logit (1,), activation (1, h, w) with the bias of the head, embedding (1, C).
    """
    rows, columns = bundle.manifest.preprocessing.input_size
    members = _Members(bundle.members.values(), bundle.manifest.preprocessing.channels).eval()
    views = torch.zeros(1, rows, columns)
    with torch.no_grad(), warnings.catch_warnings():
        # Of the sizes, which become constants: there is only this one. And of tracing itself, which torch
        # means to replace; torch is pinned to a minor version, and an export is verified before it is used.
        warnings.simplefilter("ignore")
        graph: torch.jit.ScriptModule = torch.jit.trace(members, views, check_trace=False)  # type: ignore[no-untyped-call]
        return graph, views
