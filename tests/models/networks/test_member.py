import numpy as np
import pytest
import torch
from pytorch_grad_cam.grad_cam import GradCAM
from torch import nn

from models.errors import UnknownArchitecture
from models.networks.architectures import ARCHITECTURES
from models.networks.member import Member, MemberOutput, build_member, initialize

# Keras' count for the model without top plus Dense(1), all tensors, moving statistics included.
KERAS_PARAMETERS = {
    "densenet201": 18_323_905,
    "densenet169": 12_644_545,
    "mobilenet": 3_229_889,
    "nasnetmobile": 4_270_773,
    "xception": 20_863_529,
}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def member(request: pytest.FixtureRequest) -> Member:
    built = build_member(request.param)
    initialize(built, seed=5)
    return built


class LogitOnly(nn.Module):
    """What pytorch-grad-cam takes: a model that answers (B, classes)."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self.member = member

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: MemberOutput = self.member(x)
        return output.logit[:, None]


def limbs(count: int) -> torch.Tensor:
    """Draw (count, 3, 224, 224) bars on black, each of another width, direction and brightness."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 224), torch.linspace(-1, 1, 224), indexing="ij")
    pictures = []
    for number in range(count):
        angle, width = torch.tensor(0.4 * number), 0.15 + 0.08 * number
        distance = (x * angle.cos() + y * angle.sin()).abs()
        flesh = (1 - distance / (2 * width)).clamp(0, 1)
        bone = (distance < width / 2).float() * (1 + 0.3 * torch.sin(40 * (x + y)))
        pictures.append((0.3 + 0.1 * number) * (0.4 * flesh + 0.5 * bone))
    return torch.stack(pictures)[:, None].expand(-1, 3, -1, -1)


def raw_grad_cam(member: Member, views: torch.Tensor) -> np.ndarray:
    """Return pytorch-grad-cam's weighted sum of features, before it is rectified and normalized."""
    targets = [lambda logits: logits[0]] * len(views)
    with GradCAM(model=LogitOnly(member), target_layers=[member.backbone]) as cam:
        cam(views, targets)
        recorded = cam.activations_and_grads
        features, gradients = (kept[0].numpy() for kept in (recorded.activations, recorded.gradients))
        raw: np.ndarray = cam.get_cam_image(views, member.backbone, targets, features, gradients)
    return raw


def weights_of(member: Member) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in member.state_dict().items()}


@pytest.mark.parametrize("sharpness", [0.0, 2.0])
def test_activation_is_grad_cam_times_the_number_of_its_pixels(
    sharpness: float, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member, "sharpness", sharpness)
    views = limbs(2)
    with torch.inference_mode():
        activation = member(views).activation.numpy()
    grad_cam = raw_grad_cam(member, views) * activation[0].size
    assert np.abs(activation - grad_cam).max() < 1e-5 * np.abs(activation).max()


def test_logit_is_mean_of_activation_plus_bias_and_head_of_pooled_features(member: Member) -> None:
    with torch.inference_mode():
        output = member(limbs(2))
        pooled = member.head(member.backbone(limbs(2)).mean(dim=(2, 3)))[:, 0]
    assert output.activation.shape == (2, 7, 7)
    assert torch.equal(output.logit, output.activation.mean(dim=(1, 2)) + member.head.bias)
    torch.testing.assert_close(output.logit, pooled, rtol=1e-4, atol=1e-4)


def test_untrained_member_answers_differently_and_not_saturated(member: Member) -> None:
    with torch.inference_mode():
        output = member(limbs(6))
    assert output.logit.std() > 0.05
    assert output.logit.abs().max() < 8  # a probability between 0.0003 and 0.9997
    assert (output.activation > 0).any()
    assert (output.activation < 0).any()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_parameters_are_as_many_as_in_keras(name: str) -> None:
    tensors = (tensor for tensor in build_member(name).state_dict().values() if tensor.ndim)
    assert sum(tensor.numel() for tensor in tensors) == KERAS_PARAMETERS[name]


def test_bias_moves_the_logit_and_not_the_activation() -> None:
    member = build_member("mobilenet")
    with torch.inference_mode():
        before = member(limbs(1))
        member.head.bias.add_(3)
        after = member(limbs(1))
    torch.testing.assert_close(after.logit, before.logit + 3)
    assert torch.equal(after.activation, before.activation)


def test_seed_determines_the_weights_whatever_the_threads() -> None:
    weights = []
    threads = torch.get_num_threads()
    for count in (1, 3):
        member = build_member("mobilenet")
        torch.set_num_threads(count)
        try:
            initialize(member, seed=11)
        finally:
            torch.set_num_threads(threads)
        weights.append(weights_of(member))
    assert weights[0] == weights[1]


def test_other_seed_gives_other_weights() -> None:
    one, other = build_member("mobilenet"), build_member("mobilenet")
    initialize(one, seed=1)
    initialize(other, seed=2)
    assert not torch.equal(one.head.weight, other.head.weight)


def test_initialized_member_is_ready_for_inference() -> None:
    member = build_member("mobilenet").train()
    initialize(member, seed=1)
    assert not any(module.training for module in member.modules())
    assert {tensor.dtype for tensor in member.parameters()} == {torch.float32}
    assert {m.momentum for m in member.modules() if isinstance(m, nn.BatchNorm2d)} == {0.01}


def test_global_random_generator_is_left_as_it_was() -> None:
    before = torch.random.get_rng_state()
    initialize(build_member("mobilenet"), seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_unknown_architecture_is_refused() -> None:
    with pytest.raises(UnknownArchitecture, match="'resnet50'"):
        build_member("resnet50")
