import numpy as np
import pytest
import torch

from models.evaluation.combinations import COMBINATIONS
from models.finding import MemberFinding, ViewFinding


def three_members(seed=0):
    """(activations, probabilities, raw logits) of three members whose biases are 0.3, -1 and 2."""
    activations = np.random.default_rng(seed).normal(0.5, 3.0, size=(3, 7, 7)).astype(np.float32)
    raw_logits = activations.mean(axis=(1, 2), dtype=np.float64) + np.array([0.3, -1.0, 2.0])
    return activations, 1 / (1 + np.exp(-raw_logits)), raw_logits


def silent(activations):
    return -np.abs(activations)


@pytest.mark.parametrize("spoil", [lambda maps: maps, lambda maps: np.stack([maps[0], *silent(maps[1:])])])
def test_own_max_is_what_findings_show(spoil):
    activations, probabilities, raw_logits = three_members()
    activations = spoil(activations)
    members = tuple(
        MemberFinding(member=str(number), logit=logit, probability=probability, activation=activation)
        for number, (activation, probability, logit) in enumerate(
            zip(activations, probabilities.tolist(), raw_logits.tolist(), strict=True)
        )
    )

    combined = COMBINATIONS["own_max"](activations, probabilities, raw_logits)

    np.testing.assert_array_equal(combined, ViewFinding(view_id="1.2.3", members=members).activation)


def test_sum_is_the_mean_map():
    combined = COMBINATIONS["sum"](*three_members())

    np.testing.assert_allclose(combined, three_members()[0].sum(axis=0) / 3, rtol=1e-5, atol=1e-6)


def test_sigmoid_averages_the_probability_of_each_cell():
    activations, probabilities, raw_logits = three_members()
    biases = np.array([0.3, -1.0, 2.0])[:, None, None]

    combined = COMBINATIONS["sigmoid"](activations, probabilities, raw_logits)

    np.testing.assert_allclose(combined, (1 / (1 + np.exp(-(activations + biases)))).mean(axis=0), rtol=1e-5)


def test_sigmoid_takes_logits_of_any_size():
    activations = np.array([[[5000.0, -5000.0]]], dtype=np.float32)

    combined = COMBINATIONS["sigmoid"](activations, np.array([0.5]), np.array([0.0]))

    assert combined.tolist() == [[1.0, 0.0]]


def test_weighted_gradient_is_grad_cam_of_the_mean_probability():
    # One channel for each member, head weight w: the map is w times the channel, and Grad-CAM is the sum of
    # the channels weighted by the mean gradient of the mean probability.
    channels = torch.rand(3, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    channels.requires_grad_()
    weights = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    maps = weights[:, None, None] * channels
    raw_logits = maps.mean(dim=(1, 2)) + torch.tensor([0.2, 1.0, -3.0], dtype=torch.float64)
    probabilities = torch.sigmoid(raw_logits)
    (gradient,) = torch.autograd.grad(probabilities.mean(), channels)
    expected = (gradient.mean(dim=(1, 2), keepdim=True) * channels).sum(dim=0).detach().numpy()

    combined = COMBINATIONS["weighted_gradient"](
        maps.detach().numpy().astype(np.float32), probabilities.detach().numpy(), raw_logits.detach().numpy()
    )

    # The same up to the factor of the two means, 3 members and 49 cells.
    np.testing.assert_allclose(combined, expected * 3 * 49, rtol=1e-5, atol=1e-6)


def test_probability_weighted_gives_a_member_without_suspicion_little_say():
    activations = np.array([[[4.0, 0.0]], [[0.0, 0.1]]], dtype=np.float32)

    combined = COMBINATIONS["probability_weighted"](activations, np.array([0.9, 0.01]), np.array([2.2, -4.6]))

    np.testing.assert_allclose(combined, [[0.9, 0.01]], rtol=1e-6)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_maps_are_combined_to_one_of_their_shape(name):
    combined = COMBINATIONS[name](*three_members())

    assert combined.shape == (7, 7)
    assert combined.dtype == np.float32


@pytest.mark.parametrize("name", ["own_max", "probability_weighted"])
def test_members_that_are_nowhere_positive_give_an_empty_map(name):
    activations, probabilities, raw_logits = three_members()

    assert not COMBINATIONS[name](silent(activations), probabilities, raw_logits).any()
