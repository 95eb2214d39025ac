"""Keeps the moving average of a member's weights. This module makes what is measured and shipped."""

import torch

from models.networks.member import Member


class WeightAverage:
    """An exponential moving average of all that a member's state holds (Polyak & Juditsky 1992).

    It forgets its start: after n steps the decay is at most (1 + n) / (10 + n).

    Parameters
    ----------
    member
        Where the average starts.
    decay
        Per step; 0 keeps the latest weights.
    """

    def __init__(self, member: Member, decay: float) -> None:
        self.state = {key: tensor.detach().clone() for key, tensor in member.state_dict().items()}
        self.steps = 0
        self._decay = decay

    @torch.no_grad()
    def add(self, member: Member) -> None:
        """Take the present weights of `member` into the average."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        for key, tensor in member.state_dict().items():
            if tensor.is_floating_point():
                self.state[key].lerp_(tensor, 1.0 - decay)
            else:
                self.state[key].copy_(tensor)
