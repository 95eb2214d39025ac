from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from models.keras.weights import KerasWeightsMismatch, architecture_like, load_keras_weights
from models.networks.backbone import Backbone, Level
from models.networks.member import Member, build_member
from models.networks.separable import SeparableConv2d

Layers = dict[str, list[np.ndarray]]


class Toy(Backbone):
    """Every kind of layer once, and each number of channels another."""

    levels = (Level(6, 32),)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, (5, 7), bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, (3, 5), groups=4, bias=False)
        self.separable = SeparableConv2d(4, 6, 3)
        self.shortcuts = nn.ModuleList(nn.Conv2d(6, 6, 1, bias=False) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.separable(self.depthwise(self.norm(self.stem(x))))
        for shortcut in self.shortcuts:
            y = y + shortcut(y)
        return y

    def keras_layers(self) -> Iterator[tuple[str, nn.Module]]:
        yield "stem", self.stem
        yield "stem_bn", self.norm
        yield "dw", self.depthwise
        yield "sep", self.separable
        yield "conv2d", self.shortcuts[0]
        yield "conv2d_1", self.shortcuts[1]


@pytest.fixture
def network() -> Member:
    return Member(Toy())


@pytest.fixture
def layers() -> Layers:
    """Arrays in Keras' shapes as an importer would read them: read-only, with weightless layers between."""
    rng = np.random.default_rng(3)
    shapes: dict[str, list[tuple[int, ...]]] = {
        "input_layer": [],
        "stem": [(5, 7, 3, 4)],
        "stem_bn": [(4,)] * 4,
        "relu": [],
        "dw": [(3, 5, 4, 1)],
        "sep": [(3, 3, 4, 1), (1, 1, 4, 6)],
        "conv2d": [(1, 1, 6, 6)],
        "conv2d_1": [(1, 1, 6, 6)],
        "dense": [(6, 1), (1,)],
    }
    arrays = {name: [rng.uniform(size=shape) for shape in each] for name, each in shapes.items()}
    for each in arrays.values():
        for array in each:
            array.flags.writeable = False
    return arrays


def refusal(network: Member, layers: list[tuple[str, list[np.ndarray]]]) -> str:
    """Return the message of the refusal, after checking that nothing was changed."""
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(KerasWeightsMismatch) as refused:
        load_keras_weights(network, layers)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    return str(refused.value)


def test_every_axis_lands_where_torch_has_it(network: Member, layers: Layers) -> None:
    load_keras_weights(network, layers.items())
    toy = network.backbone
    assert isinstance(toy, Toy)
    assert toy.stem.weight[3, 2, 4, 6].item() == pytest.approx(layers["stem"][0][4, 6, 2, 3])
    assert toy.depthwise.weight[3, 0, 2, 4].item() == pytest.approx(layers["dw"][0][2, 4, 3, 0])
    assert toy.separable.depthwise.weight[3, 0, 0, 2].item() == pytest.approx(layers["sep"][0][0, 2, 3, 0])
    assert toy.separable.pointwise.weight[5, 3, 0, 0].item() == pytest.approx(layers["sep"][1][0, 0, 3, 5])
    assert network.head.weight[0, 4].item() == pytest.approx(layers["dense"][0][4, 0])
    assert network.head.bias[0].item() == pytest.approx(layers["dense"][1][0])


def test_normalization_takes_gamma_beta_mean_variance(network: Member, layers: Layers) -> None:
    load_keras_weights(network, layers.items())
    norm = network.backbone.get_submodule("norm")
    for name, array in zip(("weight", "bias", "running_mean", "running_var"), layers["stem_bn"], strict=True):
        np.testing.assert_allclose(getattr(norm, name).detach(), array, rtol=1e-6)


def test_names_that_keras_made_count_by_their_order(network: Member, layers: Layers) -> None:
    renamed = {"conv2d": "conv2d_7", "conv2d_1": "conv2d_12", "dense": "dense_4"}
    load_keras_weights(network, [(renamed.get(name, name), arrays) for name, arrays in layers.items()])
    toy = network.backbone
    assert isinstance(toy, Toy)
    np.testing.assert_allclose(
        toy.shortcuts[0].get_parameter("weight").detach()[:, :, 0, 0], layers["conv2d"][0][0, 0].T, rtol=1e-6
    )
    np.testing.assert_allclose(
        toy.shortcuts[1].get_parameter("weight").detach()[:, :, 0, 0],
        layers["conv2d_1"][0][0, 0].T,
        rtol=1e-6,
    )


def test_backbone_takes_the_layers_without_head(layers: Layers) -> None:
    del layers["dense"]
    toy = Toy()
    load_keras_weights(toy, layers.items())
    assert toy.stem.weight[0, 0, 0, 0].item() == pytest.approx(layers["stem"][0][0, 0, 0, 0])


def test_missing_and_unknown_layers_are_named(network: Member, layers: Layers) -> None:
    layers["stem_2"] = layers.pop("stem")
    assert "missing stem; unknown stem_2" in refusal(network, list(layers.items()))


def test_weights_of_another_architecture_are_refused_in_a_short_message(layers: Layers) -> None:
    message = refusal(build_member("mobilenet"), list(layers.items()))
    assert "missing conv1, conv1_bn, conv_dw_1, conv_dw_10, conv_dw_10_bn and 49 more" in message


def test_layer_given_twice_is_refused(network: Member, layers: Layers) -> None:
    message = refusal(network, [*layers.items(), ("stem", layers["stem"])])
    assert "layer stem is given twice" in message


def test_other_shape_is_refused_with_both_shapes(network: Member, layers: Layers) -> None:
    layers["stem"] = [np.zeros((7, 5, 3, 4))]
    message = refusal(network, list(layers.items()))
    assert "layer stem: expected arrays of the shapes (5, 7, 3, 4), found (7, 5, 3, 4)" in message


def test_other_number_of_arrays_is_refused(network: Member, layers: Layers) -> None:
    layers["stem_bn"] = layers["stem_bn"][:3]
    assert "layer stem_bn: expected arrays of the shapes (4,), (4,), (4,), (4,)" in refusal(
        network, list(layers.items())
    )


def test_array_that_is_not_finite_is_refused(network: Member, layers: Layers) -> None:
    layers["dw"] = [np.full((3, 5, 4, 1), np.nan)]
    assert "layer dw: expected finite numbers" in refusal(network, list(layers.items()))


def test_network_that_leaves_a_tensor_unfilled_is_refused(layers: Layers) -> None:
    class Forgetful(Toy):
        def keras_layers(self) -> Iterator[tuple[str, nn.Module]]:
            return (pair for pair in super().keras_layers() if pair[0] != "stem_bn")

    del layers["stem_bn"]
    message = refusal(Member(Forgetful()), list(layers.items()))
    assert "Member names 8 tensors in its keras_layers, expected each of its 12 once" in message


def test_network_that_fills_a_tensor_twice_is_refused(layers: Layers) -> None:
    class Repetitive(Toy):
        def keras_layers(self) -> Iterator[tuple[str, nn.Module]]:
            yield from super().keras_layers()
            yield "stem_again", self.stem

    layers["stem_again"] = layers["stem"]
    message = refusal(Member(Repetitive()), list(layers.items()))
    assert "names 13 tensors" in message


def test_layer_that_may_be_missing_keeps_what_it_has(network: Member, layers: Layers) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    del layers["stem"]
    load_keras_weights(network, layers.items(), missing=("stem", "dw"))
    assert torch.equal(
        network.backbone.get_submodule("stem").get_parameter("weight"), before["backbone.stem.weight"]
    )
    depthwise = network.backbone.get_submodule("depthwise").get_parameter("weight")
    assert depthwise[3, 0, 2, 4].item() == pytest.approx(layers["dw"][0][2, 4, 3, 0])


def test_name_of_no_layer_cannot_be_missing(network: Member, layers: Layers) -> None:
    with pytest.raises(KerasWeightsMismatch, match="the network has no layers called stm"):
        load_keras_weights(network, layers.items(), missing=("stm",))


def test_names_of_keras_1_are_those_of_today(network: Member, layers: Layers) -> None:
    renamed = {"conv2d": "convolution2d_1", "conv2d_1": "convolution2d_2"}
    load_keras_weights(network, [(renamed.get(name, name), arrays) for name, arrays in layers.items()])
    toy = network.backbone
    assert isinstance(toy, Toy)
    second = toy.shortcuts[1].get_parameter("weight").detach()[:, :, 0, 0]
    np.testing.assert_allclose(second, layers["conv2d_1"][0][0, 0].T, rtol=1e-6)


def test_architecture_is_recognized_by_most_of_its_layers() -> None:
    names = {name for name, _ in build_member("xception").backbone.keras_layers()}
    assert architecture_like(names - {"block1_conv1"}) == "xception"
    assert architecture_like({"stem", "conv2d"}) is None
