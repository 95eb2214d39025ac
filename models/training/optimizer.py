"""Takes the steps of a training. This module is where gradients become changes of weights."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from models.training.recipe import Recipe

# Gradients longer than this are shortened: one odd batch must not undo an epoch.
_LONGEST_GRADIENT = 5.0
# Share of the mean gradient that a step keeps, and how long its change is: as AdamW's with twice the rate
# (Liu et al. 2025 measured 0.2 for equal rates).
_MOMENTUM = 0.95
_LENGTH = 0.4
# The odd polynomial of Jordan et al. 2024: five times applied, it brings all singular values of a matrix of
# norm 1 near 1, to between 0.68 and 1.2.
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)
_TIMES = 5
# The cost grows with the cube of a matrix's shorter side: where both are longer, Adam it is.
_LONGEST_SIDE = 512


class Optimizer:
    """AdamW (Loshchilov & Hutter 2019); where the recipe says so, kernels take orthogonalized steps (Muon).

    Parameters
    ----------
    recipe
        Its `weight_decay`, decoupled (0 leaves plain Adam), and `orthogonal`.
    kernels
        Parameters of which those that mix channels, and are not large, may take orthogonalized steps.
    others
        All other parameters.
    """

    def __init__(
        self, recipe: Recipe, kernels: Iterable[nn.Parameter], others: Iterable[nn.Parameter]
    ) -> None:
        kernels = list(kernels)
        mixing = [kernel for kernel in kernels if recipe.orthogonal and _is_orthogonalized(kernel)]
        chosen = {id(kernel) for kernel in mixing}
        rest = [*(kernel for kernel in kernels if id(kernel) not in chosen), *others]
        self._all = [*mixing, *rest]
        self._parts: dict[str, torch.optim.Optimizer] = {
            "adam": torch.optim.AdamW(rest, lr=1.0, weight_decay=recipe.weight_decay)
        }
        if mixing:
            self._parts["orthogonal"] = OrthogonalMomentum(mixing, lr=1.0, weight_decay=recipe.weight_decay)

    def clear(self) -> None:
        """Forget the gradients."""
        for part in self._parts.values():
            part.zero_grad(set_to_none=True)

    def shorten(self) -> None:
        """Shorten the gradients where they are too long."""
        torch.nn.utils.clip_grad_norm_(self._all, _LONGEST_GRADIENT)

    def step(self, rate: float) -> None:
        """Change the weights by a step with that learning rate."""
        for part in self._parts.values():
            for group in part.param_groups:
                group["lr"] = rate
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must keep."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        for name, part in self._parts.items():
            part.load_state_dict(state[name])


class OrthogonalMomentum(torch.optim.Optimizer):
    """Steps whose matrices have singular values near 1: every direction of a kernel learns alike.

    This is Muon (Jordan et al. 2024) with Nesterov's momentum. torch's own takes matrices only, one by one.
    Here a kernel is a matrix of (outputs, inputs times cells), and the polynomial is applied to its product
    with itself, which is smaller, for all products of one size in one call.

    Parameters
    ----------
    parameters
        Of two dimensions or more.
    lr, weight_decay
        As in AdamW.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], *, lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change the parameters by one step."""
        for group in self.param_groups:
            with_gradient = [parameter for parameter in group["params"] if parameter.grad is not None]
            changes = orthogonalized([self._moved(parameter) for parameter in with_gradient])
            for parameter, change in zip(with_gradient, changes, strict=True):
                parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
                length = _LENGTH * max(change.shape) ** 0.5
                parameter.add_(change.reshape(parameter.shape), alpha=-group["lr"] * length)

    def _moved(self, parameter: nn.Parameter) -> torch.Tensor:
        """Take the gradient into the momentum and return both together as a matrix."""
        gradient = parameter.grad
        if gradient is None:
            raise ValueError("a parameter without a gradient takes no step")
        momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
        momentum.lerp_(gradient, 1.0 - _MOMENTUM)
        return gradient.lerp(momentum, _MOMENTUM).reshape(len(parameter), -1)


def orthogonalized(matrices: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return matrices (m, n) with the singular vectors of `matrices` and all singular values near 1.

    Those that are small beside the largest of a matrix are only brought nearer; zeros stay.
    """
    wide = [matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T for matrix in matrices]
    wide = [matrix / matrix.norm().clamp(min=1e-12) for matrix in wide]
    sizes: dict[int, list[int]] = {}
    for place, matrix in enumerate(wide):
        sizes.setdefault(len(matrix), []).append(place)
    for places in sizes.values():
        factors = _factors(torch.stack([wide[place] @ wide[place].T for place in places]))
        for place, factor in zip(places, factors, strict=True):
            wide[place] = factor @ wide[place]
    return [
        result if matrix.shape[0] <= matrix.shape[1] else result.T
        for matrix, result in zip(matrices, wide, strict=True)
    ]


def _factors(squares: torch.Tensor) -> torch.Tensor:
    """Return what brings X to near orthogonal rows from the left, (B, m, m), of products X X^T (B, m, m)."""
    first, third, fifth = _POLYNOMIAL
    identity = torch.eye(squares.shape[-1], device=squares.device).expand_as(squares)
    factors = identity
    for _ in range(_TIMES):
        polynomial = first * identity + third * squares + fifth * (squares @ squares)
        factors = polynomial @ factors
        # All are polynomials of one matrix, so that they commute.
        squares = polynomial @ polynomial @ squares
    return factors


def _is_orthogonalized(parameter: nn.Parameter) -> bool:
    if parameter.ndim != 4 or parameter.shape[1] == 1:
        return False
    return min(parameter.shape[0], parameter[0].numel()) <= _LONGEST_SIDE
