"""Bundles of trained Keras models, against the answers of these models themselves."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.bundle.loading import load_bundle
from models.bundle.targets import ABNORMALITY
from models.errors import BundleExists, KerasFileInvalid, ManifestInvalid, UnknownArchitecture
from models.keras.importing import Description, KerasModel, Positive, import_keras
from tests.models.keras.keras_files import answers, views, whole_model

# Keras itself takes tensors to NumPy by a way that is deprecated, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FACTS: dict[str, Any] = {
    "name": "mine",
    "version": "1.0.0",
    "license": "not to be redistributed",
    "training_data": "MURA 1.1, train",
    "intended_use": "Research; not for diagnostic use.",
    "target": ABNORMALITY,
}


@pytest.fixture(scope="module")
def model() -> Any:
    return whole_model("mobilenet", nested=True)


@pytest.fixture
def trained(model: Any, tmp_path: Path) -> KerasModel:
    model.save(tmp_path / "trained.keras")
    return KerasModel(name="first", architecture="mobilenet", file=tmp_path / "trained.keras")


def imported(folder: Path, *models: KerasModel, positive: Positive = "normal", half=False, **changes) -> Path:
    description = Description(**{**FACTS, **changes})
    import_keras(folder, models=models, positive=positive, description=description, half=half)
    return folder


def probabilities(folder: Path) -> torch.Tensor:
    """P(abnormal) of the first member of a bundle, (B,)."""
    member = next(iter(load_bundle(folder).members.values()))
    with torch.inference_mode():
        found: torch.Tensor = torch.sigmoid(member(views()).logit)
    return found


def test_output_for_normal_is_turned_around(model: Any, trained: KerasModel, tmp_path: Path):
    found = probabilities(imported(tmp_path / "bundle", trained, positive="normal"))
    torch.testing.assert_close(found, 1 - answers(model), atol=1e-4, rtol=0)
    assert (found - answers(model)).abs().max() > 0.1  # else polarity would not show


def test_output_for_abnormal_stays(model: Any, trained: KerasModel, tmp_path: Path):
    found = probabilities(imported(tmp_path / "bundle", trained, positive="abnormal"))
    torch.testing.assert_close(found, answers(model), atol=1e-4, rtol=0)


def test_map_speaks_for_abnormal_as_the_logit_does(trained: KerasModel, tmp_path: Path):
    member = load_bundle(imported(tmp_path / "bundle", trained)).members["first"]
    with torch.inference_mode():
        output = member(views())
    torch.testing.assert_close(output.activation.mean(dim=(1, 2)) + member.head.bias, output.logit)


def test_half_is_half_the_size(trained: KerasModel, tmp_path: Path):
    whole = imported(tmp_path / "whole", trained)
    half = imported(tmp_path / "half", trained, half=True)
    sizes = [(folder / "first.safetensors").stat().st_size for folder in (half, whole)]
    assert sizes[0] < 0.51 * sizes[1]
    heads = [load_bundle(folder).members["first"].head.weight for folder in (half, whole)]
    assert torch.equal(heads[0], heads[1].half().float())


def test_manifest_says_what_was_given_and_that_nothing_was_measured(trained: KerasModel, tmp_path: Path):
    facts: dict[str, Any] = {
        "lower": -1.0,
        "input_size": 256,
        "resize": "letterbox",
        "sensitive": 0.3,
        "specific": 0.7,
    }
    manifest = load_bundle(imported(tmp_path / "bundle", trained, **facts)).manifest
    assert (manifest.name, manifest.version, manifest.license) == ("mine", "1.0.0", FACTS["license"])
    assert (manifest.training_data, manifest.intended_use) == (FACTS["training_data"], FACTS["intended_use"])
    assert manifest.trained
    assert manifest.preprocessing.input_size == (256, 256)
    assert (manifest.preprocessing.resize, manifest.preprocessing.lower) == ("letterbox", -1.0)
    points = {point.name: point for point in manifest.operating_points}
    assert {name: point.threshold for name, point in points.items()} == {"sensitive": 0.3, "specific": 0.7}
    assert {point.data for point in points.values()} == {"chosen by the importer, not measured"}
    assert all(point.sensitivity is None for point in points.values())


def test_preprocessing_is_the_papers_where_nothing_is_said(trained: KerasModel, tmp_path: Path):
    preprocessing = load_bundle(imported(tmp_path / "bundle", trained)).manifest.preprocessing
    assert (preprocessing.input_size, preprocessing.resize) == ((224, 224), "square")
    assert (preprocessing.lower, preprocessing.upper, preprocessing.mean, preprocessing.std) == (0, 1, 0, 1)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "no blanks here"}, "name:"),
        ({"license": ""}, "license:"),
        ({"lower": 2.0}, "lower must be below upper"),
        ({"input_size": 100}, "input_size"),
        ({"sensitive": 0.9}, 'the threshold of "sensitive" must not be above'),
        ({"sensitive": -0.1}, "threshold:"),
    ],
)
def test_description_that_makes_no_manifest_is_refused_before_anything_is_read(
    tmp_path: Path, change: dict[str, Any], problem: str
):
    absent = KerasModel(name="first", architecture="mobilenet", file=tmp_path / "absent.h5")
    with pytest.raises(ManifestInvalid, match=problem):
        imported(tmp_path / "bundle", absent, **change)
    assert not any(tmp_path.iterdir())


def test_two_members_of_one_name_are_refused(trained: KerasModel, tmp_path: Path):
    with pytest.raises(ManifestInvalid, match="distinct"):
        imported(tmp_path / "bundle", trained, trained)


def test_name_that_would_leave_the_folder_is_refused(tmp_path: Path):
    with pytest.raises(ManifestInvalid, match="name"):
        imported(tmp_path / "bundle", KerasModel(name="../x", architecture="mobilenet", file=tmp_path))


@pytest.mark.parametrize(
    ("architecture", "content", "error"),
    [("resnet50", b"", UnknownArchitecture), ("mobilenet", b"text", KerasFileInvalid)],
)
def test_model_that_cannot_be_read_leaves_nothing_behind(
    tmp_path: Path, architecture: str, content: bytes, error: type[Exception]
):
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(error):
        imported(tmp_path / "bundle", KerasModel(name="a", architecture=architecture, file=tmp_path / "a.h5"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_nothing_is_overwritten(trained: KerasModel, tmp_path: Path):
    (tmp_path / "bundle").mkdir()
    with pytest.raises(BundleExists):
        imported(tmp_path / "bundle", trained)
