"""Keeps a member's training on disk, so that it goes on after a kill as if nothing had happened."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from models.errors import CheckpointRefused


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

    `run` is the fingerprint of recipe, data, architecture, start and seed: the checkpoint of another run is
    refused. `states` holds the state dicts of member, objective, optimizer and average.
    """

    run: str
    history: tuple[EpochRecord, ...]
    states: Mapping[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint`, replacing the one at `path` whole or not at all."""
    content = {
        "run": checkpoint.run,
        "history": [asdict(record) for record in checkpoint.history],
        "states": dict(checkpoint.states),
    }
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load_checkpoint(path: Path, *, run: str) -> Checkpoint | None:
    """Return the checkpoint at `path`, None if there is none.

    Raises
    ------
    CheckpointRefused
        It cannot be read, or belongs to another run than `run`.
    """
    if not path.exists():
        return None
    try:
        # Tensors and plain values only: a checkpoint is data and cannot bring code with it.
        content = torch.load(path, map_location="cpu", weights_only=True)
        found, history, states = content["run"], content["history"], content["states"]
        records = tuple(EpochRecord(**record) for record in history)
    except Exception as exc:  # torch.load raises whatever a damaged file makes its readers raise
        raise CheckpointRefused(
            f"{path}: not a checkpoint that can be read ({type(exc).__name__}); "
            "move it away to train this member from its start"
        ) from exc
    if found != run:
        raise CheckpointRefused(
            f"{path}: belongs to another run (other data, recipe, seed, start or architecture: {found[:12]}, "
            f"not {run[:12]}); train into another folder, or move this one away"
        )
    return Checkpoint(run=found, history=records, states=states)
