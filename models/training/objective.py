"""Weighs what a member says of a batch against its targets. This module is the loss, and nothing else."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from models.networks.backbone import Level
from models.networks.member import MemberOutput
from models.training.pairing import paired_levels
from models.training.recipe import Weights
from models.training.targets import UNKNOWN
from models.training.teaching import Lesson

# Added to the variance of a channel, as share of the mean over the channels.
_LEAST_VARIANCE = 0.05


class Objective(nn.Module):
    """The loss of a batch, lower is better.

    The label of the view counts as binary cross-entropy (BCE) of the logit, weighted by class. To it come,
    each times its weight: the BCE of each cell whose target is known; the BCE of each cell against the
    teachers' probability for it (Hinton et al. 2015); and the share of the variance of the taught features
    that a linear map of the member's leaves unexplained, as the mean over paired levels (Romero et al. 2015):
    so it teaches the early layers too, not only what is built on them.

    Parameters
    ----------
    weights
        What each part counts.
    classes
        Weights of normal and of abnormal views.
    levels, teacher_levels
        Of the backbones of the member and of whoever teaches features; none without a teacher.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        classes: tuple[float, float] = (1.0, 1.0),
        levels: Sequence[Level] = (),
        teacher_levels: Sequence[Level] = (),
    ) -> None:
        super().__init__()
        self._weights = weights
        self._classes = classes
        self._pairs = paired_levels(levels, teacher_levels)
        self.translations = nn.ModuleList(
            _translation(levels[mine].channels, teacher_levels[theirs].channels)
            for mine, theirs in self._pairs
        )

    def forward(
        self,
        levels: Sequence[torch.Tensor],
        output: MemberOutput,
        bias: torch.Tensor,
        targets: tuple[torch.Tensor, torch.Tensor],
        lesson: Lesson | None = None,
    ) -> torch.Tensor:
        """Return the loss, a scalar.

        Parameters
        ----------
        levels, output, bias
            The member's features at its levels, what its head made of the last, and the head's bias. Where
            no features are taught they do not count and can be left out.
        targets
            Labels (B,) and cells (B, h, w) of the batch, UNKNOWN where they do not count.
        lesson
            What the teachers say of the batch.
        """
        labels, cells = targets
        logits = output.activation.float() + bias.float()
        loss = _of_views(output.logit.float(), labels, self._classes)
        if self._weights.cells:
            loss = loss + self._weights.cells * _of_cells(logits, cells, self._weights.positive_cell)
        if lesson is not None:
            taught = F.binary_cross_entropy_with_logits(logits, lesson.probabilities)
            loss = loss + self._weights.teacher_cells * taught
            if lesson.levels:
                loss = loss + self._weights.teacher_features * self._unexplained(levels, lesson.levels)
        return loss

    def _unexplained(self, levels: Sequence[torch.Tensor], taught: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the mean share of the teacher's variance that is left, over the pairs of levels."""
        shares = [
            _share_left(translation(levels[mine]).float(), taught[theirs].float())
            for translation, (mine, theirs) in zip(self.translations, self._pairs, strict=True)
        ]
        return torch.stack(shares).mean()


def _translation(channels: int, teacher_channels: int) -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(channels, affine=False), nn.Conv2d(channels, teacher_channels, 1))


def _share_left(said: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
    """Return the share of the variance of `taught` (B, C, h, w), within channels, that `said` leaves.

    Each channel counts alike, but for those that hardly vary, which would be noise made large.
    """
    centered = taught - taught.mean(dim=(0, 2, 3), keepdim=True)
    variance = centered.square().mean(dim=(0, 2, 3), keepdim=True)
    weights = 1.0 / (variance + _LEAST_VARIANCE * variance.mean())
    return (weights * (said - centered).square()).mean() / (weights * variance).mean()


def _of_views(logits: torch.Tensor, labels: torch.Tensor, classes: tuple[float, float]) -> torch.Tensor:
    """Return the sum of the weighted losses over the number of views, as Keras does with class weights."""
    known = labels != UNKNOWN
    weights = torch.where(labels > 0, classes[1], classes[0]) * known
    losses = F.binary_cross_entropy_with_logits(
        logits, labels.clamp(min=0.0), weight=weights, reduction="sum"
    )
    return losses / max(int(known.sum()), 1)


def _of_cells(logits: torch.Tensor, cells: torch.Tensor, positive: float) -> torch.Tensor:
    known = cells != UNKNOWN
    weights = torch.where(cells > 0, positive, 1.0) * known
    losses = F.binary_cross_entropy_with_logits(logits, cells.clamp(min=0.0), weight=weights, reduction="sum")
    return losses / weights.sum().clamp(min=1.0)
