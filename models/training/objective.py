"""Weighs what a member says of a batch against its targets. This module is the loss, and nothing else."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from models.member import MemberOutput
from models.training.recipe import Weights
from models.training.targets import UNKNOWN


class Lesson(NamedTuple):
    """What a teacher says of the same batch: its features of three sizes (B, C, h, w), and its output."""

    levels: Sequence[torch.Tensor]
    output: MemberOutput
    bias: torch.Tensor


class Objective(nn.Module):
    """The loss of a batch, lower is better.

    The label of the view counts as binary cross-entropy (BCE) of the logit, weighted by class. To it come,
    each times its weight: the BCE of each cell whose target is known; the BCE of each cell against the
    teacher's probability for it (Hinton et al. 2015); and one minus the cosine between the teacher's features
    and a linear map of the member's, cell by cell, as the mean over the sizes of `Backbone.levels` (Romero et
    al. 2015): what the early layers shall see is then said to them, not only to what is built on them.

    Parameters
    ----------
    weights
        What each part counts.
    classes
        Weights of normal and of abnormal views.
    channels, teacher_channels
        Of the levels of member and teacher; none without a teacher.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        classes: tuple[float, float] = (1.0, 1.0),
        channels: Sequence[int] = (),
        teacher_channels: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self._weights = weights
        self._classes = classes
        self.translations = nn.ModuleList(
            nn.Conv2d(mine, theirs, 1) for mine, theirs in zip(channels, teacher_channels, strict=True)
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
            The member's features at three sizes, what its head made of the last, and the head's bias.
        targets
            Labels (B,) and cells (B, h, w) of the batch, UNKNOWN where they do not count.
        lesson
            The teacher's answer.
        """
        labels, cells = targets
        logits = output.activation.float() + bias.float()
        loss = _of_views(output.logit.float(), labels, self._classes)
        if self._weights.cells:
            loss = loss + self._weights.cells * _of_cells(logits, cells, self._weights.positive_cell)
        if lesson is not None:
            probabilities = torch.sigmoid(lesson.output.activation.float() + lesson.bias.float())
            taught = F.binary_cross_entropy_with_logits(logits, probabilities)
            loss = loss + self._weights.teacher_cells * taught
            loss = loss + self._weights.teacher_features * (1.0 - self._likeness(levels, lesson.levels))
        return loss

    def _likeness(self, levels: Sequence[torch.Tensor], taught: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the mean cosine between translated features and the teacher's, over cells and levels."""
        cosines = [
            F.cosine_similarity(translation(mine).float(), theirs.float(), dim=1).mean()
            for translation, mine, theirs in zip(self.translations, levels, taught, strict=True)
        ]
        return torch.stack(cosines).mean()


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
