"""Weighs what a member says of a batch against its targets. This module is the loss, and nothing else."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from models.member import MemberOutput
from models.training.recipe import Weights
from models.training.targets import UNKNOWN


class Lesson(NamedTuple):
    """What a teacher says of the same batch: its features (B, C, h, w) and its output."""

    features: torch.Tensor
    output: MemberOutput
    bias: torch.Tensor


class Objective(nn.Module):
    """The loss of a batch, lower is better.

    The label of the view counts as binary cross-entropy (BCE) of the logit, weighted by class. To it come,
    each times its weight: the BCE of each cell whose target is known; the BCE of each cell against the
    teacher's probability for it (Hinton et al. 2015); and one minus the cosine between the teacher's features
    and a linear map of the member's, cell by cell (Romero et al. 2015).

    Parameters
    ----------
    weights
        What each part counts.
    classes
        Weights of normal and of abnormal views.
    channels, teacher_channels
        Of the features of member and teacher; None without a teacher.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        classes: tuple[float, float] = (1.0, 1.0),
        channels: int = 0,
        teacher_channels: int | None = None,
    ) -> None:
        super().__init__()
        self._weights = weights
        self._classes = classes
        self.translation = (
            nn.Identity() if teacher_channels is None else nn.Conv2d(channels, teacher_channels, 1)
        )

    def forward(
        self,
        features: torch.Tensor,
        output: MemberOutput,
        bias: torch.Tensor,
        targets: tuple[torch.Tensor, torch.Tensor],
        lesson: Lesson | None = None,
    ) -> torch.Tensor:
        """Return the loss, a scalar.

        Parameters
        ----------
        features, output, bias
            The member's features (B, C, h, w), what its head made of them, and the head's bias.
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
            alike = F.cosine_similarity(self.translation(features).float(), lesson.features.float(), dim=1)
            loss = loss + self._weights.teacher_cells * taught
            loss = loss + self._weights.teacher_features * (1.0 - alike.mean())
        return loss


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
