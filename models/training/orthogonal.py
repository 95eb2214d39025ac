"""Steps whose matrices have singular values near 1: every direction of a kernel learns alike.

They are those of Muon (Jordan et al. 2024) with Nesterov's momentum, as long as AdamW's. torch's own Muon
makes them in bfloat16, for which CPUs without such arithmetic need up to 80 times as long as for float32.
"""

from collections.abc import Iterable

import torch

_MOMENTUM = 0.95
# Of the odd polynomial of Jordan et al., which in five steps brings singular values to between 0.7 and 1.2.
_LINEAR, _CUBIC, _QUINTIC = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5
_SMALLEST = 1e-7
# Root mean square of AdamW's steps, which this one has too, whatever the shape (Liu et al. 2025).
_LENGTH = 0.2


class Orthogonal(torch.optim.Optimizer):
    """Muon for matrices, in their own precision.

    Parameters
    ----------
    matrices
        Two-dimensional parameters.
    weight_decay
        Decoupled: taken times the rate.
    """

    def __init__(self, matrices: Iterable[torch.nn.Parameter], *, weight_decay: float) -> None:
        super().__init__(matrices, {"lr": 1e-3, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change the matrices that have gradients; a closure is not taken."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                momentum = self.state[matrix].setdefault("momentum_buffer", torch.zeros_like(matrix.grad))
                momentum.lerp_(matrix.grad, 1.0 - _MOMENTUM)
                step = orthogonalized(matrix.grad.lerp(momentum, _MOMENTUM))
                matrix.mul_(1.0 - group["lr"] * group["weight_decay"])
                matrix.add_(step, alpha=-group["lr"] * _LENGTH * max(matrix.shape) ** 0.5)


def orthogonalized(matrix: torch.Tensor) -> torch.Tensor:
    """Return the matrix with singular values near 1 that is nearest to `matrix`, by Newton and Schulz.

    Singular values grow 485 times at most: those below a thousandth of the matrix's norm stay below 0.5.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    found: torch.Tensor = wide / wide.norm().clamp(min=_SMALLEST)
    for _ in range(_ITERATIONS):
        gram = found @ found.T
        factor = torch.addmm(gram, gram, gram, beta=_CUBIC, alpha=_QUINTIC)
        found = torch.addmm(found, factor, found, beta=_LINEAR)
    return found if wide is matrix else found.T
