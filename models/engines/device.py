"""Chooses the device that the members run on, and how it computes."""

from contextlib import AbstractContextManager

import torch

from models.errors import DeviceUnavailable


def choose_device(configured: str) -> str:
    """Return the device for a configured "auto", "cpu" or "cuda": "cpu" or "cuda".

    "auto" takes the GPU where there is one. Raises DeviceUnavailable for "cuda" without a GPU, ValueError for
    another word.
    """
    if configured not in ("auto", "cpu", "cuda"):
        raise ValueError(f'device must be "auto", "cpu" or "cuda", not {configured!r}')
    if configured == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if configured == "cuda":
        raise DeviceUnavailable(
            'device "cuda": expected an NVIDIA GPU with its driver, found none; '
            'check that nvidia-smi lists it, or configure "auto" or "cpu"'
        )
    return "cpu"


def repeatable(*, exact: bool) -> AbstractContextManager[None]:
    """Return the context in which cuDNN answers with the same bits each time; elsewhere nothing changes.

    `exact` also keeps float32 convolutions from TF32, so that a GPU agrees with a CPU.
    """
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=not exact
    )
    return flags
