"""Files that Keras wrote, in every form, and files that it did not write."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from models.errors import KerasFileInvalid
from models.keras.file import read_keras_file
from tests.models.keras.keras_files import named_weights, whole_model, write_legacy
from tests.models.keras.keras_reference import keras, layers_of

# Keras itself takes tensors to NumPy by a way that is deprecated, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def flat() -> Any:
    return whole_model("mobilenet", nested=False)


@pytest.fixture(scope="module")
def nested() -> Any:
    return whole_model("mobilenet", nested=True)


def expected_layers(model: Any) -> dict[str, list[np.ndarray]]:
    """The weights as Keras holds them, with the layers of a model inside among the others."""
    layers: dict[str, list[np.ndarray]] = {}
    for layer, (name, arrays) in zip(model.layers, layers_of(model), strict=True):
        layers |= expected_layers(layer) if hasattr(layer, "layers") else {name: arrays}
    return {name: arrays for name, arrays in layers.items() if arrays}


def assert_holds(path: Path, model: Any) -> None:
    found, expected = dict(read_keras_file(path)), expected_layers(model)
    assert found.keys() == expected.keys()
    for name, arrays in expected.items():
        assert len(found[name]) == len(arrays)
        assert all(map(np.array_equal, found[name], arrays))


def write_npz(model: Any, path: Path) -> None:
    arrays = {
        weight.replace("/", "|"): array for _, weights in named_weights(model) for weight, array in weights
    }
    np.savez(path, allow_pickle=False, **arrays)


WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "model.keras": lambda model, path: model.save(path),
    "model.h5": lambda model, path: model.save(path),
    "model.weights.h5": lambda model, path: model.save_weights(path),
    "legacy.h5": lambda model, path: write_legacy(path, named_weights(model)),
    "model.npz": write_npz,
}


@pytest.mark.parametrize("form", WRITERS)
def test_every_form_holds_the_weights_of_a_flat_model(flat: Any, tmp_path: Path, form: str):
    WRITERS[form](flat, tmp_path / form)
    assert_holds(tmp_path / form, flat)


@pytest.mark.parametrize("form", ["model.keras", "model.h5", "model.weights.h5"])
def test_every_form_holds_the_weights_of_a_model_inside(nested: Any, tmp_path: Path, form: str):
    WRITERS[form](nested, tmp_path / form)
    assert_holds(tmp_path / form, nested)


def test_model_that_was_compiled_brings_no_weights_of_its_optimizer(tmp_path: Path):
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, name="head")])
    model.compile(optimizer="adam", loss="mse")
    model.fit(np.zeros((1, 2)), np.zeros((1, 1)), verbose=0)
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        assert_holds(tmp_path / name, model)


def test_file_without_names_takes_them_from_the_configuration(flat: Any, tmp_path: Path):
    """Early versions of Keras 3 wrote no names beside the weights."""
    flat.save(tmp_path / "whole.keras")
    with zipfile.ZipFile(tmp_path / "whole.keras") as whole:
        (tmp_path / "model.weights.h5").write_bytes(whole.read("model.weights.h5"))
        config = whole.read("config.json")
    strip_names(tmp_path / "model.weights.h5")
    with zipfile.ZipFile(tmp_path / "early.keras", "w") as early:
        early.writestr("config.json", config)
        early.write(tmp_path / "model.weights.h5", "model.weights.h5")
    assert_holds(tmp_path / "early.keras", flat)
    with pytest.raises(KerasFileInvalid, match="no name for the layer at layers/"):
        read_keras_file(tmp_path / "model.weights.h5")


def strip_names(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.visititems(lambda _, item: item.attrs.pop("name", None) and None)


def test_layers_that_keras_named_come_in_the_order_of_their_numbers(tmp_path: Path):
    convolutions = [keras.layers.Conv2D(filters, 1, use_bias=False) for filters in range(1, 13)]
    model = keras.Sequential([keras.layers.Input((4, 4, 1)), *convolutions])
    model.save_weights(tmp_path / "a.weights.h5")
    found = [arrays[0].shape[-1] for _, arrays in read_keras_file(tmp_path / "a.weights.h5")]
    assert found == list(range(1, 13))


def test_names_of_old_files_are_those_of_today(tmp_path: Path):
    one = np.ones(1, dtype=np.float32)
    weights = [("conv1/bn/gamma_1", one), ("conv1/bn/moving_variance_1", 4 * one)]
    write_legacy(tmp_path / "a.h5", [("conv1/bn", weights), ("bn", [("bn/beta", one)])])
    assert [name for name, _ in read_keras_file(tmp_path / "a.h5")] == ["conv1_bn", "bn"]


def test_statistics_come_last_in_whatever_order_they_were_written(tmp_path: Path):
    names = ("moving_variance", "moving_mean", "beta", "gamma")
    weights = [(f"bn/{name}", np.full(1, number, np.float32)) for number, name in enumerate(names)]
    write_legacy(tmp_path / "a.h5", [("bn", weights), ("other", [])])
    ((_, arrays),) = read_keras_file(tmp_path / "a.h5")
    assert [int(array[0]) for array in arrays] == [3, 2, 1, 0]


def test_text_is_no_keras_file(tmp_path: Path):
    (tmp_path / "a.h5").write_text("weights")
    with pytest.raises(KerasFileInvalid, match=r"expected weights that Keras saved .* best as \.keras"):
        read_keras_file(tmp_path / "a.h5")


def test_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(KerasFileInvalid, match="No such file"):
        read_keras_file(tmp_path / "a.h5")


def test_other_hdf5_file_is_refused(tmp_path: Path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(KerasFileInvalid, match="an HDF5 file without layers"):
        read_keras_file(tmp_path / "a.h5")


def test_other_zip_file_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(KerasFileInvalid, match="instead of layer"):
        read_keras_file(tmp_path / "a.keras")


def test_file_without_weights_is_refused(tmp_path: Path):
    write_legacy(tmp_path / "a.h5", [("relu", []), ("pool", [])])
    with pytest.raises(KerasFileInvalid, match="no weights"):
        read_keras_file(tmp_path / "a.h5")


def test_objects_in_an_npz_file_are_not_unpickled(tmp_path: Path):
    np.savez(tmp_path / "a.npz", allow_pickle=True, **{"conv1|kernel": np.array([{}], dtype=object)})
    with pytest.raises(KerasFileInvalid, match="allow_pickle"):
        read_keras_file(tmp_path / "a.npz")


def test_numbers_that_are_whole_are_no_weights(tmp_path: Path):
    write_legacy(tmp_path / "a.h5", [("conv1", [("conv1/kernel", np.zeros(2, np.int64))]), ("other", [])])
    with pytest.raises(KerasFileInvalid, match="of the type int64"):
        read_keras_file(tmp_path / "a.h5")


def test_array_that_claims_more_than_any_network_is_not_read(tmp_path: Path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv1"]
        group = file.create_group("conv1")
        group.attrs["weight_names"] = [b"conv1/kernel"]
        group.create_dataset("conv1/kernel", shape=(2**40,), dtype="f4", chunks=(1024,))
    with pytest.raises(KerasFileInvalid, match="more than 2000000000 bytes"):
        read_keras_file(tmp_path / "a.h5")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("form", ["model.keras", "model.h5", "model.npz"])
def test_file_that_is_cut_short_is_refused(flat: Any, tmp_path: Path, form: str, share: float):
    WRITERS[form](flat, tmp_path / form)
    content = (tmp_path / form).read_bytes()
    (tmp_path / form).write_bytes(content[: int(share * len(content))])
    with pytest.raises(KerasFileInvalid):
        read_keras_file(tmp_path / form)
