"""Chooses the arithmetic of a training step. This module is where bfloat16 is turned on, or is not."""

from contextlib import AbstractContextManager

import torch

# On CPUs with bfloat16 arithmetic a step was measured 1.4 (MobileNet) and 1.8 (DenseNet201) times as fast as
# in float32; NASNetMobile's many small convolutions were 1.2 times slower, and 1.1 times as fast on cores
# with AMX (benchmarks/train_step.py).
_SLOWER_ON_CPU = frozenset({"nasnetmobile"})


def autocast(architecture: str, device: str, precision: str) -> AbstractContextManager[None]:
    """Return the context in which a member's forward pass runs.

    "auto" is bfloat16 on CUDA, where it was not faster at a batch of 32
    (docs/research.md), and on CPUs that have it, for the members that gain.
    bfloat16 has the range of float32, so that gradients need no scaling.
    """
    kind = torch.device(device).type
    if precision == "auto":
        able = kind != "cpu" or torch.cpu._is_avx512_bf16_supported()
        chosen = able and not (kind == "cpu" and architecture in _SLOWER_ON_CPU)
    else:
        chosen = precision == "bfloat16"
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=chosen)
