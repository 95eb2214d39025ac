"""This module gives a network the weights that somebody trained with Keras."""

from collections.abc import Collection
from pathlib import Path

from models.keras.file import Layers, read_keras_file
from models.keras.weights import KerasWeightsMismatch, load_keras_weights
from models.networks.backbone import Backbone
from models.networks.member import Member

# MobileNet classifies by a convolution; every other top is a dense layer, which no backbone has.
_TOP_CONVOLUTION = "conv_preds"
_DENSE_AXES = 2


def load_pretrained(network: Backbone | Member, path: Path, *, fresh: Collection[str] = ()) -> None:
    """Fill a backbone from a Keras file, such as one of ImageNet weights; a top in the file is left out.

    Parameters
    ----------
    network
        A backbone, or a member, whose head stays as it is.
    path
        A file that `models.keras.file` reads, of the same architecture, with or without a top.
    fresh
        Names in Keras of layers that the file may lack and that then stay as they are.

    Raises
    ------
    KerasFileInvalid
        The file cannot be read.
    KerasWeightsMismatch
        It is not of this architecture, or lacks layers that are not in `fresh`. The network is unchanged.
    """
    backbone = network.backbone if isinstance(network, Member) else network
    layers, _ = split_top(read_keras_file(path))
    try:
        load_keras_weights(backbone, layers, missing=fresh)
    except KerasWeightsMismatch as exc:
        raise KerasWeightsMismatch(f"{path}: {exc}") from exc


def load_trained(member: Member, path: Path) -> None:
    """Fill backbone and head from a trained Keras model of a backbone, average pooling and Dense(1).

    What the output means is not touched: a head that was trained for P(normal) stays one.

    Raises
    ------
    KerasFileInvalid
        The file cannot be read.
    KerasWeightsMismatch
        It is not of this architecture, or its head is another. The member is unchanged.
    """
    layers, top = split_top(read_keras_file(path))
    heads = [("dense", arrays) for _, arrays in top]
    try:
        if len(heads) != 1:
            found = ", ".join(name for name, _ in top) or "none"
            raise KerasWeightsMismatch(f"expected one dense layer after the backbone, found: {found}")
        load_keras_weights(member, [*layers, *heads])
    except KerasWeightsMismatch as exc:
        raise KerasWeightsMismatch(f"{path}: {exc}") from exc


def split_top(layers: Layers) -> tuple[Layers, Layers]:
    """Return the layers of the backbone, and those that classify what it sees."""
    top = tuple(
        (name, arrays) for name, arrays in layers if name == _TOP_CONVOLUTION or arrays[0].ndim == _DENSE_AXES
    )
    names = {name for name, _ in top}
    return tuple(layer for layer in layers if layer[0] not in names), top
