"""Copies the weights of a Keras model into the equal network.

This module needs no Keras: it takes the names and arrays of the layers, wherever they were read from. Arrays
are Keras' own: kernels (rows, cols, in, out), depthwise kernels (rows, cols, channels, 1), dense kernels (in,
out), and for a batch normalization gamma, beta, moving mean, moving variance.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.errors import ModelError
from models.networks.architectures import ARCHITECTURES
from models.networks.backbone import Backbone
from models.networks.member import Member
from models.networks.separable import SeparableConv2d

# Layers that were given no name get one from Keras, numbered on through the session that built the model.
_AUTOMATIC_NAME = re.compile(r"(conv2d|batch_normalization|dense|convolution2d|batchnormalization)(_\d+)?")
# What Keras 1 called them.
_OLD_KINDS = {"convolution2d": "conv2d", "batchnormalization": "batch_normalization"}

# For each axis of our tensor, the axis of Keras' array.
_KERNEL = (3, 2, 0, 1)
_DEPTHWISE_KERNEL = (2, 3, 0, 1)
_DENSE_KERNEL = (1, 0)
_VECTOR = (0,)

_NAMES_SHOWN = 5


class KerasWeightsMismatch(ModelError):
    """The layers of a Keras model are not those of the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """A tensor of the network and the order in which it takes the axes of a Keras array."""

    tensor: torch.Tensor
    axes: tuple[int, ...]

    @property
    def keras_shape(self) -> tuple[int, ...]:
        """The shape that the Keras array must have."""
        return tuple(self.tensor.shape[self.axes.index(axis)] for axis in range(len(self.axes)))


def load_keras_weights(
    network: Backbone | Member,
    layers: Iterable[tuple[str, Sequence[NDArray[np.floating]]]],
    *,
    missing: Collection[str] = (),
) -> None:
    """Fill every tensor of `network` from the layers of its Keras twin, or change nothing and raise.

    What the numbers mean is not touched: a head that was trained for P(normal) stays one.

    Parameters
    ----------
    network
        A backbone, or a member, whose head is then the twin's only layer of the kind "dense".
    layers
        Name and arrays of each layer, in the order of the Keras model. Layers without arrays are passed
        over. Names that Keras made itself ("conv2d_7") count by their order, whatever their number.
    missing
        Names of layers of `network` that `layers` need not hold; one that is absent keeps what it has.

    Raises
    ------
    KerasWeightsMismatch
        A layer is missing, unknown or given twice, or an array has another shape, or is not finite; the
        message names the layers.
    """
    given = _by_fresh_name(layers)
    expected = _by_name(network)
    if strangers := set(missing) - expected.keys():
        raise KerasWeightsMismatch(f"the network has no layers called {_listed(sorted(strangers))}")
    expected = {name: slots for name, slots in expected.items() if name in given or name not in missing}
    _refuse_other_names(expected=expected.keys(), given=given.keys())
    pairs = [
        pair for name, slots in expected.items() for pair in _pairs(name, slots=slots, arrays=given[name])
    ]
    with torch.no_grad():
        for slot, array in pairs:
            slot.tensor.copy_(torch.from_numpy(np.array(array.transpose(slot.axes))))


def _by_fresh_name(
    layers: Iterable[tuple[str, Sequence[NDArray[np.floating]]]],
) -> dict[str, Sequence[NDArray[np.floating]]]:
    """Return the arrays by layer name, with Keras' own names numbered as in a fresh session."""
    given: dict[str, Sequence[NDArray[np.floating]]] = {}
    seen: Counter[str] = Counter()
    for name, arrays in layers:
        if not arrays:
            continue
        fresh = name
        if automatic := _AUTOMATIC_NAME.fullmatch(name):
            kind = _OLD_KINDS.get(automatic.group(1), automatic.group(1))
            fresh = f"{kind}_{seen[kind]}" if seen[kind] else kind
            seen[kind] += 1
        if fresh in given:
            raise KerasWeightsMismatch(f"layer {name} is given twice; give each layer of the model once")
        given[fresh] = arrays
    return given


def _by_name(network: Backbone | Member) -> dict[str, list[_Slot]]:
    """Return the slots of `network` by layer name; together they are each of its tensors once."""
    slots = {name: _slots(module) for name, module in network.keras_layers()}
    filled = Counter(id(slot.tensor) for layer in slots.values() for slot in layer)
    # All but the scalars: torch counts the batches that a normalization has seen, Keras does not.
    tensors = Counter(id(tensor) for tensor in network.state_dict(keep_vars=True).values() if tensor.ndim)
    if filled != tensors:
        raise KerasWeightsMismatch(
            f"{type(network).__name__} names {filled.total()} tensors in its keras_layers, "
            f"expected each of its {tensors.total()} once; this is a defect of the network's class"
        )
    return slots


def _slots(module: nn.Module) -> list[_Slot]:
    """Return the tensors of one layer in the order of its Keras arrays."""
    match module:
        case SeparableConv2d():
            return [*_slots(module.depthwise), *_slots(module.pointwise)]
        case nn.Conv2d():
            return [_Slot(tensor=module.weight, axes=_DEPTHWISE_KERNEL if module.groups > 1 else _KERNEL)]
        case nn.BatchNorm2d(running_mean=torch.Tensor() as mean, running_var=torch.Tensor() as variance):
            return [
                _Slot(tensor=tensor, axes=_VECTOR) for tensor in (module.weight, module.bias, mean, variance)
            ]
        case nn.Linear():
            return [_Slot(tensor=module.weight, axes=_DENSE_KERNEL), _Slot(tensor=module.bias, axes=_VECTOR)]
        case _:
            raise KerasWeightsMismatch(f"a {type(module).__name__} has no Keras counterpart here")


def _refuse_other_names(*, expected: Set[str], given: Set[str]) -> None:
    if expected == given:
        return
    missing, unknown = sorted(expected - given), sorted(given - expected)
    likeness = architecture_like(given)
    raise KerasWeightsMismatch(
        f"expected the {len(expected)} layers of the network, found {len(given)}: "
        f"missing {_listed(missing)}; unknown {_listed(unknown)}; "
        + (f"most layers are those of {likeness}: " if likeness else "")
        + (
            "check that it is the same architecture"
            if unknown
            else "bring them, or say that they may be missing"
        )
    )


def architecture_like(layers: Set[str]) -> str | None:
    """Return the architecture that shares most names with `layers`, None if it is not more than half."""
    shares = {}
    for name, architecture in ARCHITECTURES.items():
        with torch.device("meta"), torch.random.fork_rng(devices=[]):
            names = {layer for layer, _ in architecture.build().keras_layers()}
        shares[name] = len(names & layers) / len(names | layers)
    likeliest = max(shares, key=lambda name: shares[name])
    return likeliest if shares[likeliest] > 0.5 else None


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN]) or "none"
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"


def _pairs(
    name: str, *, slots: list[_Slot], arrays: Sequence[NDArray[np.floating]]
) -> Iterator[tuple[_Slot, NDArray[np.floating]]]:
    """Join the slots of layer `name` with the arrays that fit them; raise where one does not."""
    expected, found = [slot.keras_shape for slot in slots], [array.shape for array in arrays]
    if expected != found:
        raise KerasWeightsMismatch(
            f"layer {name}: expected arrays of the shapes {_shapes(expected)}, found {_shapes(found)}"
        )
    for slot, array in zip(slots, arrays, strict=True):
        if not np.isfinite(array).all():
            raise KerasWeightsMismatch(f"layer {name}: expected finite numbers, found NaN or infinity")
        yield slot, array


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(str(shape) for shape in shapes)
