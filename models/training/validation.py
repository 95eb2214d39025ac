"""Measures a member on whole radiographs, as the daemon will see them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from models.bundle.manifest import Preprocessing
from models.datasets.sample import Sample
from models.engines.device import repeatable
from models.evaluation.metrics import auroc
from models.networks.member import Member
from models.picture import read_picture
from models.preprocess import preprocess

_BATCH = 8


class Validation(NamedTuple):
    """Mean binary cross-entropy of the logits, and the area under the ROC; None if a class is missing."""

    loss: float
    auroc: float | None


@torch.inference_mode()
def validate(
    member: Member, samples: Sequence[Sample], preprocessing: Preprocessing, *, device: str
) -> Validation:
    """Run `member`, in evaluation mode on `device`, over `samples`; in float32, as it will be used."""
    logits = []
    for start in range(0, len(samples), _BATCH):
        inputs = [preprocess(read_picture(s.image), preprocessing) for s in samples[start : start + _BATCH]]
        x = torch.from_numpy(np.stack(inputs)).to(device)[:, None].expand(-1, 3, -1, -1)
        with repeatable(exact=True):
            logits.append(member(x.contiguous(memory_format=torch.channels_last)).logit.cpu())
    labels: NDArray[np.bool_] = np.array([sample.abnormal for sample in samples])
    scores = torch.cat(logits)
    loss = F.binary_cross_entropy_with_logits(scores, torch.from_numpy(labels).float())
    return Validation(float(loss), auroc(labels, scores.double().numpy()))
