"""This module reads the weights in a file of Keras, without Keras: names and arrays of the layers.

Four forms are known. A legacy HDF5 file (.h5) lists its layers in attributes, at its root or, where the whole
model was saved, in the group "model_weights"; the layers of a model inside the model stand in one group. A
file of Keras 3 (.weights.h5) numbers the layers by class, and .keras is a zip file of such a one and of the
model's configuration. In a NumPy file (.npz) an array is called "layer|weight".
"""

import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import h5py
import numpy as np
from numpy.typing import NDArray

from models.errors import KerasFileInvalid

Layers = tuple[tuple[str, tuple[NDArray[np.floating], ...]], ...]

_Weight = tuple[str, str, NDArray[np.floating]]  # layer, what it is there ("kernel"), array

# Far above any network here; a file that claims more is damaged, or made to fill the memory.
_MAX_BYTES = 2_000_000_000

# The order in which Keras gives the weights of a layer; in some files those that are trained come first.
_ORDER = (
    *("depthwise_kernel", "kernel", "pointwise_kernel", "bias"),
    *("gamma", "beta", "moving_mean", "moving_variance"),
)

# "moving_mean_3:0": what TensorFlow appends when a name occurs again, and for the output of an operation.
_SUFFIX = re.compile(r"(_\d+)?(:\d+)?$")
# Before 2018, two layers of DenseNet had a slash in their names.
_RENAMED = {"conv1/conv": "conv1_conv", "conv1/bn": "conv1_bn"}

# Layers, and layers of models inside the model; not the optimizer, nor the random state of a dropout.
_STORED_LAYER = re.compile(r"(?P<layer>(layers/[^/]+/)+)vars")

_UNREADABLE = (OSError, KeyError, ValueError, TypeError, RuntimeError, zipfile.BadZipFile, EOFError)


def read_keras_file(path: Path) -> Layers:
    """Read the layers with weights in the file at `path`.

    Parameters
    ----------
    path
        A file that Keras 1 to 3 wrote, of any of the forms above; its content decides, not its name.

    Returns
    -------
    Layers
        Name and arrays of each layer, in Keras' own order of axes, names of models around it left out. Layers
        with names that Keras made itself ("conv2d_7") are in the order in which they were made.

    Raises
    ------
    KerasFileInvalid
        The file cannot be read or is of none of these forms; the message says what to do.
    """
    try:
        return _by_layer(_weights(path))
    except _UNREADABLE as exc:
        raise KerasFileInvalid(
            f"{path}: expected weights that Keras saved (.h5, .weights.h5, .keras) or .npz, found {exc}; "
            "save the model again, best as .keras"
        ) from exc


def _weights(path: Path) -> Iterator[_Weight]:
    """Yield the weights of the file, whichever its form."""
    if not zipfile.is_zipfile(path):
        with h5py.File(path, "r") as file:
            yield from _hdf5_weights(file)
        return
    with zipfile.ZipFile(path) as archive:
        members = archive.namelist()
        if "model.weights.h5" in members:
            names = _names_by_place(json.loads(_extract(archive, "config.json"))["config"])
            with h5py.File(io.BytesIO(_extract(archive, "model.weights.h5")), "r") as file:
                yield from _numbered_weights(file, names)
            return
        for member in members:
            layer, separator, weight = member.removesuffix(".npy").partition("|")
            if not separator:
                raise ValueError(f"an array with the name {member!r} instead of layer|weight")
            array = np.load(io.BytesIO(_extract(archive, member)), allow_pickle=False)
            yield layer, weight, _checked(array, member)


def _extract(archive: zipfile.ZipFile, member: str) -> bytes:
    if archive.getinfo(member).file_size > _MAX_BYTES:
        raise ValueError(f"more than {_MAX_BYTES} bytes in {member}")
    return archive.read(member)


def _hdf5_weights(file: h5py.File) -> Iterator[_Weight]:
    root = file.get("model_weights", file)
    if layers := _texts(root, "layer_names"):
        return (weight for layer in layers for weight in _legacy_weights(root[layer], layer))
    if "layers" in root:
        return _numbered_weights(root, {})
    raise ValueError("an HDF5 file without layers")


def _texts(group: h5py.Group, attribute: str) -> list[str]:
    """Return an attribute that holds names; Keras spreads a long one over several, numbered from 0."""
    chunks = [attribute] if attribute in group.attrs else []
    while f"{attribute}{len(chunks)}" in group.attrs:
        chunks.append(f"{attribute}{len(chunks)}")
    names = [name for chunk in chunks for name in np.ravel(group.attrs[chunk])]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _legacy_weights(group: h5py.Group, layer: str) -> Iterator[_Weight]:
    """Yield the weights of one layer, or those of the layers of a model that is used as a layer."""
    names = [PurePosixPath(name) for name in _texts(group, "weight_names")]
    is_model = len({name.parent for name in names}) > 1
    for name in names:
        owner = str(name.parent) if is_model else layer
        yield _plain(owner), _SUFFIX.sub("", name.name), _read(group[str(name)])


def _plain(layer: str) -> str:
    """Return the name of a layer without those of the models that it is in."""
    last = "/".join(layer.split("/")[-2:])
    return _RENAMED.get(last, layer.rsplit("/", 1)[-1])


def _numbered_weights(file: h5py.File, names: Mapping[str, str]) -> Iterator[_Weight]:
    """Yield the weights of a file of Keras 3.

    `names` holds the layers' names by their places, from the configuration; without one they must be in the
    file itself, where newer versions put them.
    """
    places: list[str] = []
    file.visit(places.append)
    for place in sorted(filter(_STORED_LAYER.fullmatch, places), key=_by_number):
        variables = file[place]
        name = names.get(place.removesuffix("/vars"), variables.attrs.get("name"))
        if not isinstance(name, str):
            raise ValueError(f"no name for the layer at {place}")
        for index in sorted(variables, key=int):
            yield name, "", _read(variables[index])


def _by_number(place: str) -> list[tuple[int, str]]:
    """Sort "conv2d_10" behind "conv2d_9"."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", place)]


def _names_by_place(config: Mapping[str, object], place: str = "") -> dict[str, str]:
    """Return the names of a model's layers by where their weights are: "layers/conv2d_1" -> "conv_pw_1"."""
    names: dict[str, str] = {}
    seen: dict[str, int] = {}
    layers = config["layers"]
    if not isinstance(layers, list):
        raise TypeError("a configuration without layers")
    for layer in layers:
        kind = _snake_case(layer["class_name"])
        number = seen[kind] = seen.get(kind, -1) + 1
        here = f"{place}layers/{kind}" + (f"_{number}" if number else "")
        names[here] = layer["config"]["name"]
        if "layers" in layer["config"]:
            names |= _names_by_place(layer["config"], f"{here}/")
    return names


def _snake_case(name: str) -> str:
    """Write a class name as Keras does in its files: "DepthwiseConv2D" is "depthwise_conv2d"."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def _read(dataset: object) -> NDArray[np.floating]:
    if not isinstance(dataset, h5py.Dataset):
        raise TypeError("a group where an array should be")
    if dataset.nbytes > _MAX_BYTES:
        raise ValueError(f"more than {_MAX_BYTES} bytes in {dataset.name}")
    return _checked(np.asarray(dataset[()]), dataset.name)


def _checked(array: NDArray[np.generic], name: str) -> NDArray[np.floating]:
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"{name} of the type {array.dtype} instead of floating-point numbers")
    return array.astype(np.float32, copy=False)


def _by_layer(weights: Iterable[_Weight]) -> Layers:
    """Put together what belongs to one layer, and sort the layers' weights as Keras does."""
    layers: dict[str, list[tuple[int, NDArray[np.floating]]]] = {}
    for layer, weight, array in weights:
        layers.setdefault(layer, []).append((_rank(weight), array))
    if not layers:
        raise ValueError("no weights")
    return tuple(
        (layer, tuple(array for _, array in sorted(found, key=lambda ranked: ranked[0])))
        for layer, found in layers.items()
    )


def _rank(weight: str) -> int:
    return _ORDER.index(weight) if weight in _ORDER else len(_ORDER)
