"""Starting from files that Keras wrote for the architectures of Keras Applications."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.errors import KerasFileInvalid
from models.keras.pretrained import load_pretrained, load_trained
from models.keras.weights import KerasWeightsMismatch
from models.networks.architectures import ARCHITECTURES
from models.networks.member import build_member
from tests.models.keras.keras_files import SIDE, answers, named_weights, views, whole_model, write_legacy
from tests.models.keras.keras_reference import features_of, keras

# Keras itself takes tensors to NumPy by a way that is deprecated, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# The paper's; DenseNet169 is DenseNet201 with shorter blocks.
FOUR = [name for name in ARCHITECTURES if name != "densenet169"]


@pytest.fixture(scope="module")
def mobilenet() -> Any:
    """A MobileNet with the top that its ImageNet weights come with: a convolution."""
    return keras.applications.MobileNet(weights=None, input_shape=(SIDE, SIDE, 3), classes=7)


def features(network: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = network(views())
    return found


@pytest.mark.parametrize("architecture", FOUR)
def test_trained_model_gives_the_answers_of_keras(architecture: str, tmp_path: Path):
    model = whole_model(architecture, nested=architecture != "xception")
    model.save(tmp_path / "trained.keras")
    member = build_member(architecture)
    load_trained(member, tmp_path / "trained.keras")
    with torch.inference_mode():
        found = torch.sigmoid(member(views()).logit)
    expected = answers(model)
    assert expected.std() > 0.1  # else there would be little to compare
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_top_of_the_file_is_left_out_and_the_head_kept(mobilenet: Any, tmp_path: Path):
    mobilenet.save_weights(tmp_path / "imagenet.weights.h5")
    member = build_member("mobilenet")
    head = member.head.weight.detach().clone()
    load_pretrained(member, tmp_path / "imagenet.weights.h5")
    expected = features_of(
        keras.Model(mobilenet.input, mobilenet.get_layer("conv_pw_13_relu").output), views()
    )
    torch.testing.assert_close(features(member.backbone), expected, atol=1e-4, rtol=1e-4)
    assert torch.equal(member.head.weight, head)


def test_file_without_top_fills_a_backbone(tmp_path: Path):
    model = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(SIDE, SIDE, 3))
    model.save(tmp_path / "model.h5")
    backbone = build_member("mobilenet").backbone
    load_pretrained(backbone, tmp_path / "model.h5")
    torch.testing.assert_close(features(backbone), features_of(model, views()), atol=1e-4, rtol=1e-4)


def test_layer_that_is_missing_must_be_named_and_stays_as_it_is(mobilenet: Any, tmp_path: Path):
    weights = [(name, each) for name, each in named_weights(mobilenet) if name != "conv_pw_13"]
    write_legacy(tmp_path / "partial.h5", weights)
    backbone = build_member("mobilenet").backbone
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    with pytest.raises(
        KerasWeightsMismatch, match=r"partial\.h5: .*missing conv_pw_13; unknown none; .* may be missing"
    ):
        load_pretrained(backbone, tmp_path / "partial.h5")
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.state_dict().items())
    load_pretrained(backbone, tmp_path / "partial.h5", fresh=("conv_pw_13",))
    same = [name for name, tensor in backbone.state_dict().items() if torch.equal(tensor, before[name])]
    kept = [name for name in same if tensor_of_kernels(before[name])]
    assert kept == ["blocks.12.pointwise.weight"]


def tensor_of_kernels(tensor: torch.Tensor) -> bool:
    """Say whether a tensor was drawn at random, unlike those of normalizations."""
    return tensor.ndim == 4


def test_file_of_another_architecture_is_named_as_what_it_looks_like(mobilenet: Any, tmp_path: Path):
    mobilenet.save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(KerasWeightsMismatch) as refused:
        load_pretrained(build_member("nasnetmobile"), tmp_path / "a.weights.h5")
    message = str(refused.value)
    assert "missing normal_bn_1_0" in message or "missing adjust_" in message
    assert "unknown conv1" in message
    assert "most layers are those of mobilenet" in message


def test_mobilenet_of_another_width_is_refused(tmp_path: Path):
    narrow = keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=None, input_shape=(SIDE, SIDE, 3)
    )
    narrow.save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(
        KerasWeightsMismatch, match=r"layer conv1: expected arrays of the shapes \(3, 3, 3, 32\)"
    ):
        load_pretrained(build_member("mobilenet"), tmp_path / "a.weights.h5")


def test_head_of_two_layers_is_refused(tmp_path: Path):
    backbone = keras.applications.MobileNet(
        include_top=False, weights=None, input_shape=(SIDE, SIDE, 3), pooling="avg"
    )
    hidden, output = keras.layers.Dense(4, name="hidden"), keras.layers.Dense(1, name="output")
    keras.Sequential([backbone, hidden, output]).save(tmp_path / "a.keras")
    with pytest.raises(KerasWeightsMismatch, match=r"expected one dense layer .* found: hidden, output"):
        load_trained(build_member("mobilenet"), tmp_path / "a.keras")


def test_head_of_many_classes_is_refused(mobilenet: Any, tmp_path: Path):
    mobilenet.save(tmp_path / "a.keras")
    with pytest.raises(
        KerasWeightsMismatch, match=r"layer dense: expected arrays of the shapes \(1024, 1\), \(1,\)"
    ):
        load_trained(build_member("mobilenet"), tmp_path / "a.keras")


def test_backbone_alone_is_no_trained_model(tmp_path: Path):
    write_legacy(tmp_path / "a.h5", [("conv1", [("conv1/kernel", np.zeros((3, 3, 3, 32)))]), ("relu", [])])
    with pytest.raises(
        KerasWeightsMismatch, match="expected one dense layer after the backbone, found: none"
    ):
        load_trained(build_member("mobilenet"), tmp_path / "a.h5")


def test_file_that_is_none_of_keras_is_refused(tmp_path: Path):
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(KerasFileInvalid):
        load_pretrained(build_member("mobilenet"), tmp_path / "a.h5")
