"""Runs members with torch, on a CPU or an NVIDIA GPU."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle.loading import Bundle
from models.engines.device import repeatable
from models.engines.engine import MemberPass
from models.networks.member import Member, MemberOutput

_MOST_AT_ONCE: Mapping[str, int] = MappingProxyType({"cpu": 4})
"""How many views take their way through the members together, by the type of the device; else all.

On a CPU each needs 0.2 GB on its way, which the process keeps, and together they are no faster: with the
shipped bundle a view took 1.1 s of one AMD core in twos, 1.0 in fours and 1.1 in eights.
"""


class TorchEngine:
    """The members of a bundle as torch runs them: an `models.engines.engine.Engine`.

    Parameters
    ----------
    bundle
        The loaded bundle. Its own members are moved to `device` and laid out for it: no copies.
    device
        "cpu" or "cuda", see `models.engines.device.choose_device`.
    threads
        How many CPU threads torch may use in this process; None leaves torch's own choice.
    """

    label = "torch float32"  # also on a GPU, where `repeatable` keeps convolutions from TF32

    def __init__(self, bundle: Bundle, *, device: str, threads: int | None = None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._device = torch.device(device)
        self._channels = bundle.manifest.preprocessing.channels
        # On two CPU cores channels_last was measured 1.2 to 1.6 times as fast as the default layout.
        self._members: dict[str, Member] = {
            name: member.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            for name, member in bundle.members.items()
        }

    def run(self, batch: NDArray[np.float32]) -> Mapping[str, MemberPass]:
        """Take a batch (B, H, W) through all members, see `models.engines.engine.Engine.run`."""
        count = _MOST_AT_ONCE.get(self._device.type, len(batch))
        with torch.inference_mode(), repeatable(exact=True):
            passes = [self._pass(batch[first : first + count]) for first in range(0, len(batch), count)]
        return {name: _joined([each[name] for each in passes]) for name in self._members}

    def _pass(self, batch: NDArray[np.float32]) -> Mapping[str, MemberPass]:
        views = torch.from_numpy(batch).to(self._device)
        x = views[:, None].expand(-1, self._channels, -1, -1)
        x = x.contiguous(memory_format=torch.channels_last)
        # All members before the first array: fetching one waits until a GPU has done what it was given.
        outputs = {name: member(x) for name, member in self._members.items()}
        return {name: _fetched(self._members[name], output) for name, output in outputs.items()}


def _fetched(member: Member, output: MemberOutput) -> MemberPass:
    """Return as arrays what `member` put out; call it where gradients are off."""
    return MemberPass(
        logit=output.logit.double().cpu().numpy(),
        activation=(output.activation.float() + member.head.bias).cpu().numpy(),
        embedding=output.embedding.float().cpu().numpy(),
    )


def _joined(passes: Sequence[MemberPass]) -> MemberPass:
    """Return as one what a member says of parts of a batch."""
    return MemberPass(
        logit=np.concatenate([each.logit for each in passes]),
        activation=np.concatenate([each.activation for each in passes]),
        embedding=np.concatenate([each.embedding for each in passes]),
    )
