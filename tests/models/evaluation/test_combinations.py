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


def test_probability_weighted_is_what_findings_show():
    activations, probabilities, votes = three_members()
    members = tuple(
        MemberFinding(member=str(number), logit=0.0, probability=p, activation=activation, vote=vote)
        for number, (activation, p, vote) in enumerate(
            zip(activations, probabilities.tolist(), votes.tolist(), strict=True)
        )
    )

    combined = COMBINATIONS["probability_weighted"](activations, probabilities, votes)

    np.testing.assert_array_equal(combined, ViewFinding(view_id="1.2.3", members=members).activation)


def test_log_odds_are_averaged_by_votes():
    activations, probabilities, votes = three_members()

    combined = COMBINATIONS["log_odds"](activations, probabilities, votes)

    np.testing.assert_allclose(combined, (activations * votes[:, None, None]).sum(axis=0) / 8, atol=1e-5)


def test_equal_takes_no_votes():
    activations, probabilities, votes = three_members()

    np.testing.assert_allclose(
        COMBINATIONS["equal"](activations, probabilities, votes), activations.mean(axis=0), atol=1e-5
    )


def test_probability_averages_the_probability_of_each_cell():
    # Odds of 3 are a probability of 3/4, odds of 1/9 one of 1/10.
    activations = np.log(np.array([[[3.0]], [[1 / 9]]])).astype(np.float32)

    combined = COMBINATIONS["probability"](activations, np.array([0.5, 0.5]), np.array([1.0, 3.0]))

    mean = (0.75 + 3 * 0.1) / 4
    np.testing.assert_allclose(combined, [[np.log(mean / (1 - mean))]], rtol=1e-5)


def test_highest_is_what_the_boldest_member_says():
    activations = np.array([[[2.0, -3.0]], [[-1.0, 0.0]]], dtype=np.float32)

    assert COMBINATIONS["highest"](activations, np.array([0.5, 0.5]), np.ones(2)).tolist() == [[2.0, 0.0]]


def test_probability_weighted_gives_a_member_without_suspicion_little_say():
    activations = np.array([[[4.0]], [[-4.0]]], dtype=np.float32)

    combined = COMBINATIONS["probability_weighted"](activations, np.array([0.9, 0.1]), np.array([1.0, 3.0]))

    np.testing.assert_allclose(combined, [[(0.9 * 4 - 0.3 * 4) / 1.2]], rtol=1e-6)


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

    # The weights have the sum 1 here; in the gradient they are divided by 3 members and 49 cells.
    slopes = (probabilities * (1 - probabilities)).sum().item()
    difference = combined - expected * 3 * 49 / slopes
    np.testing.assert_allclose(difference, difference.mean(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_members_that_are_entirely_sure_leave_finite_maps(name):
    activations = np.array([[[500.0, -500.0]], [[500.0, -500.0]]], dtype=np.float32)

    combined = COMBINATIONS[name](activations, np.array([1.0, 0.0]), np.ones(2))

    assert np.isfinite(combined).all()
    assert combined[0, 0] > combined[0, 1]


@pytest.mark.parametrize("name", COMBINATIONS)
def test_maps_are_combined_to_one_of_their_shape(name):
    combined = COMBINATIONS[name](*three_members())

    assert combined.shape == (7, 7)
    assert combined.dtype == np.float32
