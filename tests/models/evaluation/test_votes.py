import numpy as np
import pytest
from scipy.optimize import minimize

from models.evaluation.votes import fit_votes


def some_members(seed=0, samples=400):
    """Labels, and the probabilities of a good member, a poor one and one that knows nothing."""
    rng = np.random.default_rng(seed)
    labels = rng.random(samples) < 0.3
    logits = np.stack([2.0, 0.5, 0.0])[:, None] * (labels - 0.5) + rng.normal(size=(3, samples)) - 0.8
    return labels, 1 / (1 + np.exp(-logits))


def test_votes_are_those_that_a_general_optimizer_finds():
    labels, probabilities = some_members()
    likelihoods = np.where(labels, probabilities, 1 - probabilities)

    def loss(free):
        votes = np.exp(free) / np.exp(free).sum()
        prior = 0.02 * labels.size * np.log(votes).sum()
        return -(np.log(votes @ likelihoods).sum() + prior)

    best = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-8}).x
    np.testing.assert_allclose(fit_votes(labels, probabilities), np.exp(best) / np.exp(best).sum(), atol=1e-4)


def test_the_better_member_has_the_larger_vote_and_none_is_silenced():
    votes = fit_votes(*some_members())

    assert votes[0] > votes[1] > votes[2] > 0.015
    assert votes.sum() == pytest.approx(1.0)


def test_members_that_say_the_same_have_equal_votes():
    labels, probabilities = some_members()

    assert fit_votes(labels, probabilities[[0, 0]]).tolist() == pytest.approx([0.5, 0.5])


def test_probabilities_of_0_and_1_are_taken():
    votes = fit_votes([True, False], [[0.0, 1.0], [1.0, 0.0]])

    assert votes[1] > votes[0] > 0.0
