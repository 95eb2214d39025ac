"""Keeps a member's training on disk, so that it resumes after a kill as if nothing had happened."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from models.errors import CheckpointRefused
from models.training.fingerprint import Fingerprint, differences

# Its name in a member's folder.
CHECKPOINT = "checkpoint.pt"

# Rises when what a checkpoint says of its run changes; 1, not written yet, knew names of images alone.
_FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """What an epoch gave.

    Attributes
    ----------
    epoch
        Counted from 1.
    loss
        Mean training loss of its batches.
    learning_rate
        Of its last step.
    seconds
        Wall time, training and validation.
    validation_loss, validation_auroc
        Of the average weights on whole validation radiographs; None in epochs that were not validated.
    """

    epoch: int
    loss: float
    learning_rate: float
    seconds: float
    validation_loss: float | None = None
    validation_auroc: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Everything that the next epoch depends on.

    `run` is the fingerprint of data, recipe, architecture, start, seed and teachers: the checkpoint of
    another run is refused. `states` holds the state dicts of member, objective, optimizer and average.
    """

    run: Fingerprint
    history: tuple[EpochRecord, ...]
    states: Mapping[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint`, replacing the one at `path` whole or not at all."""
    content = {
        "format": _FORMAT,
        "run": dict(checkpoint.run),
        "history": [asdict(record) for record in checkpoint.history],
        "states": dict(checkpoint.states),
    }
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load_checkpoint(path: Path, *, run: Fingerprint) -> Checkpoint | None:
    """Return the checkpoint at `path`, None if there is none.

    Raises
    ------
    CheckpointRefused
        It cannot be read, is of an earlier version that did not say what its data were, or belongs to another
        run than `run`; the message names what differs.
    """
    if not path.exists():
        return None
    try:
        # Tensors and plain values only: a checkpoint is data and cannot bring code with it.
        content = torch.load(path, map_location="cpu", weights_only=True)
        version, found, history, states = (
            content.get("format", 1),
            content["run"],
            content["history"],
            content["states"],
        )
        records = tuple(EpochRecord(**record) for record in history)
    except Exception as exc:  # torch.load raises whatever a damaged file makes its readers raise
        raise CheckpointRefused(
            f"{path}: not a checkpoint that can be read ({type(exc).__name__}); "
            "move it away to train this member from its start"
        ) from exc
    if version != _FORMAT:
        raise CheckpointRefused(
            f"{path}: written by another version of ulna (format {version}, not {_FORMAT}), so nobody can "
            "say that it belongs to these data; finish the run with that version, or train into another "
            "folder"
        )
    if other := differences(found, run):
        raise CheckpointRefused(
            f"{path}: belongs to another run, which differs from this one in {', '.join(other)}; give what "
            "it was begun with to resume it, train into another folder, or move this one away"
        )
    return Checkpoint(run=found, history=records, states=states)
