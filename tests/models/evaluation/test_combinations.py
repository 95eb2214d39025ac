import numpy as np
import pytest
import torch

from models.evaluation.combinations import COMBINATIONS
from models.finding import MemberFinding, ViewFinding


def three_members(seed=0):
    """(activations, probabilities, votes) of three members, the log-odds of whose views are 0.3, -1 and 2."""
    activations = np.random.default_rng(seed).normal(0.0, 3.0, size=(3, 7, 7)).astype(np.float32)
    logits = np.array([0.3, -1.0, 2.0])
    activations += (logits - activations.mean(axis=(1, 2)))[:, None, None].astype(np.float32)
    return activations, 1 / (1 + np.exp(-logits)), np.array([1.0, 2.0, 5.0])


EQUAL = np.ones(2)


def test_probability_is_what_findings_show():
    activations, probabilities, votes = three_members()
    members = tuple(
        MemberFinding(member=str(number), logit=0.0, probability=0.5, activation=activation, vote=vote)
        for number, (activation, vote) in enumerate(zip(activations, votes.tolist(), strict=True))
    )

    combined = COMBINATIONS["probability"](activations, probabilities, votes)

    np.testing.assert_array_equal(combined, ViewFinding(view_id="1.2.3", members=members).activation)
    first, second, third = 1 / (1 + np.exp(-activations))
    np.testing.assert_allclose(combined, (first + 2 * second + 5 * third) / 8, rtol=1e-5)


def test_log_odds_are_averaged():
    combined = COMBINATIONS["log_odds"](*three_members())

    np.testing.assert_allclose(combined, three_members()[0].sum(axis=0) / 3, rtol=1e-5, atol=1e-6)


def test_highest_is_what_the_boldest_member_says():
    activations = np.array([[[2.0, -3.0]], [[-1.0, 0.0]]], dtype=np.float32)

    combined = COMBINATIONS["highest"](activations, np.array([0.5, 0.5]), EQUAL)

    np.testing.assert_allclose(combined, [[1 / (1 + np.exp(-2.0)), 0.5]], rtol=1e-6)


def test_own_max_gives_a_cautious_member_the_same_say():
    activations = np.log(np.array([[[9.0, 1e-9]], [[1e-9, 1 / 99]]])).astype(np.float32)

    combined = COMBINATIONS["own_max"](activations, np.array([0.9, 0.01]), EQUAL)

    np.testing.assert_allclose(combined, [[0.5, 0.5]], rtol=1e-5)


def test_probability_weighted_gives_a_member_without_suspicion_little_say():
    activations = np.log(np.array([[[9.0, 1e-9]], [[1e-9, 1 / 99]]])).astype(np.float32)

    combined = COMBINATIONS["probability_weighted"](activations, np.array([0.9, 0.01]), EQUAL)

    np.testing.assert_allclose(combined, [[0.9, 0.01]], rtol=1e-5)


def test_weighted_gradient_is_grad_cam_of_the_mean_probability_but_for_a_constant():
    # One channel for each member, head weight w: the map is w times the channel, and Grad-CAM is the sum of
    # the channels weighted by the mean gradient of the mean probability.
    channels = torch.rand(3, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    channels.requires_grad_()
    weights = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)[:, None, None]
    biases = torch.tensor([0.2, 1.0, -3.0], dtype=torch.float64)[:, None, None]
    maps = weights * channels + biases
    probabilities = torch.sigmoid(maps.mean(dim=(1, 2)))
    (gradient,) = torch.autograd.grad(probabilities.mean(), channels)
    expected = (gradient.mean(dim=(1, 2), keepdim=True) * channels).sum(dim=0).detach().numpy()

    combined = COMBINATIONS["weighted_gradient"](
        maps.detach().numpy().astype(np.float32), probabilities.detach().numpy(), np.ones(3)
    )

    # The same up to the factor of the two means, 3 members and 49 cells.
    difference = combined - expected * 3 * 49
    np.testing.assert_allclose(difference, difference.mean(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["probability", "own_max", "probability_weighted", "highest"])
def test_log_odds_of_any_size_are_taken(name):
    activations = np.array([[[5000.0, -5000.0]]], dtype=np.float32)

    assert COMBINATIONS[name](activations, np.array([1.0]), np.ones(1)).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("name", COMBINATIONS)
def test_maps_are_combined_to_one_of_their_shape(name):
    combined = COMBINATIONS[name](*three_members())

    assert combined.shape == (7, 7)
    assert combined.dtype == np.float32
