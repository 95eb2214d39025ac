"""Takes the steps of a training. This module is where gradients become changes of weights."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from models.training.orthogonal import Orthogonal
from models.training.recipe import Recipe

# How long an orthogonalized step is, beside one of AdamW with the same rate.
_LENGTH = 2.0
# The cost grows with the cube of a matrix's shorter side: where both are longer, Adam it is.
_LONGEST_SIDE = 512


class Optimizer:
    """AdamW (Loshchilov & Hutter 2019); where the recipe says so, kernels take orthogonalized steps.

    Those are of matrices only, so that a kernel is copied into a matrix of (outputs, inputs times cells)
    before a step and back after it, whatever its layout in memory.

    Parameters
    ----------
    recipe
        Its `weight_decay`, decoupled (0 leaves plain Adam), `orthogonal`, `keras_epsilon` and
        `longest_gradient`.
    kernels
        Parameters of which those that mix channels, and are not large, may take orthogonalized steps.
    others
        All other parameters.
    """

    def __init__(
        self, recipe: Recipe, kernels: Iterable[nn.Parameter], others: Iterable[nn.Parameter]
    ) -> None:
        self._keras_epsilon, self._longest = recipe.keras_epsilon, recipe.longest_gradient
        kernels = list(kernels)
        self._kernels = [kernel for kernel in kernels if recipe.orthogonal and _is_orthogonalized(kernel)]
        self._matrices = [nn.Parameter(kernel.detach().flatten(1).clone()) for kernel in self._kernels]
        self._all = [*kernels, *others]
        chosen = {id(kernel) for kernel in self._kernels}
        rest = [parameter for parameter in self._all if id(parameter) not in chosen]
        adam = torch.optim.AdamW(rest, weight_decay=recipe.weight_decay)
        self._parts: dict[str, tuple[torch.optim.Optimizer, float]] = {"adam": (adam, 1.0)}
        if self._matrices:
            # Decay is taken times the rate, which is longer here.
            decay = recipe.weight_decay / _LENGTH
            self._parts["muon"] = (Orthogonal(self._matrices, weight_decay=decay), _LENGTH)

    def clear(self) -> None:
        """Forget the gradients."""
        for parameter in self._all:
            parameter.grad = None

    def shorten(self) -> None:
        """Shorten the gradients where they are too long for the recipe."""
        if self._longest is not None:
            torch.nn.utils.clip_grad_norm_(self._all, self._longest)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change the weights by a step with that learning rate."""
        for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
            matrix.copy_(kernel.flatten(1))
            matrix.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        for part, length in self._parts.values():
            for group in part.param_groups:
                group["lr"] = rate * length
                if self._keras_epsilon is not None:
                    group["eps"] = _torch_epsilon(self._keras_epsilon, part, group)
            part.step()
        for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
            kernel.copy_(matrix.view_as(kernel))

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must keep."""
        return {name: part.state_dict() for name, (part, _) in self._parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        for name, (part, _) in self._parts.items():
            part.load_state_dict(state[name])


def _torch_epsilon(epsilon: float, adam: torch.optim.Optimizer, group: Mapping[str, Any]) -> float:
    """Return torch's epsilon of the coming step that does what `epsilon` does in Keras.

    Keras divides by root(v) + epsilon and corrects the bias of v in the rate; torch corrects it in the root,
    so that its epsilon is larger by the same factor: 32 times in the first step.
    """
    taken = next((int(state["step"]) for state in adam.state.values()), 0)
    return float(epsilon / (1.0 - group["betas"][1] ** (taken + 1)) ** 0.5)


def _is_orthogonalized(parameter: nn.Parameter) -> bool:
    if parameter.ndim != 4 or parameter.shape[1] == 1:
        return False
    return min(parameter.shape[0], parameter[0].numel()) <= _LONGEST_SIDE
