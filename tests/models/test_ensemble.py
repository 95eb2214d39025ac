import math
import pickle

import numpy as np
import pytest
import torch

from models.bundle import load_bundle
from models.ensemble import Ensemble
from models.errors import NonFiniteOutput
from models.finding import ViewFinding


@pytest.fixture(scope="module")
def ensemble(untrained_bundle) -> Ensemble:
    return Ensemble(load_bundle(untrained_bundle), "cpu")


def some_views(count, size=(224, 224)):
    """Clouds of different brightness, smooth as a radiograph is."""
    generator = torch.Generator().manual_seed(5)
    clouds = torch.nn.functional.interpolate(
        torch.rand(count, 1, 9, 9, generator=generator), size=size, mode="bilinear"
    )
    return (clouds[:, 0] * torch.linspace(0.3, 1.0, count)[:, None, None]).numpy()


def test_each_view_gets_a_finding_of_each_member_in_order(pristine_bundle):
    both = Ensemble(load_bundle(pristine_bundle), "cpu")

    findings = both.predict(some_views(3, (64, 96)))

    assert [[finding.member for finding in view] for view in findings] == [["first", "second"]] * 3
    assert all(view[0].logit < 0 < view[1].logit for view in findings)
    # 64 by 96 pixels, halved five times.
    assert {finding.activation.shape for view in findings for finding in view} == {(2, 3)}


def test_findings_are_those_of_the_member_in_float64(untrained_bundle, ensemble):
    views = some_views(4)
    member = load_bundle(untrained_bundle).members["mobilenet"].double()

    findings = [view[0] for view in ensemble.predict(views)]

    with torch.inference_mode():
        exact = member(torch.from_numpy(views).double()[:, None].repeat(1, 3, 1, 1))
    assert np.std(exact.logit.numpy()) > 0.05
    # Random weights enlarge the rounding of float32 about a thousandfold.
    np.testing.assert_allclose([f.logit for f in findings], exact.logit.numpy(), atol=1e-3)
    cells = (exact.activation + member.head.bias).detach()
    for finding, activation in zip(findings, cells.numpy(), strict=True):
        scale = np.abs(activation).max()
        np.testing.assert_allclose(finding.activation / scale, activation / scale, atol=1e-3)


def test_probability_is_the_sigmoid_of_the_logit_and_the_logit_the_mean_of_the_map(ensemble):
    for (finding,) in ensemble.predict(some_views(3)):
        assert finding.probability == pytest.approx(1 / (1 + math.exp(-finding.logit)), abs=1e-12)
        assert finding.logit == pytest.approx(finding.activation.mean(), abs=1e-4)


def test_a_view_does_not_depend_on_the_others_in_its_batch(ensemble):
    views = some_views(6)

    together = [view[0] for view in ensemble.predict(views)]
    alone = [ensemble.predict(views[n : n + 1])[0][0] for n in range(6)]
    reversed_ = [view[0] for view in ensemble.predict(views[::-1])][::-1]

    for one, others in zip(together, zip(alone, reversed_, strict=True), strict=True):
        scale = np.abs(one.activation).max()
        for other in others:
            assert abs(one.probability - other.probability) < 1e-5
            np.testing.assert_allclose(one.activation / scale, other.activation / scale, atol=1e-5)


def test_same_batch_gives_the_same_numbers(ensemble):
    views = some_views(2)

    assert ensemble.predict(views) == ensemble.predict(views)


def test_findings_of_a_view_make_a_view_finding(ensemble):
    (members,) = ensemble.predict(some_views(1))

    finding = ViewFinding(view_id="view", members=members)

    assert finding.activation.shape == (7, 7)
    assert 0.0 <= finding.probability <= 1.0


def test_empty_batch_gives_nothing(ensemble):
    assert ensemble.predict(np.zeros((0, 224, 224), dtype=np.float32)) == []


@pytest.mark.parametrize("shape", [(224, 224), (1, 224, 225), (1, 1, 224, 224), (0, 3, 3)])
def test_batch_of_another_shape_is_refused(ensemble, shape):
    with pytest.raises(ValueError, match=r"must be \(B, H, W\) of \(224, 224\)"):
        ensemble.predict(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_answer_that_is_not_finite_names_member_and_view(ensemble, value):
    views = some_views(3)
    views[1, 100, 100] = value

    with pytest.raises(NonFiniteOutput, match=r"member mobilenet: .* views at 1 of the batch") as caught:
        ensemble.predict(views)

    assert caught.value.member == "mobilenet"
    assert caught.value.positions == (1,)


def test_answer_that_is_not_finite_passes_between_processes():
    copied = pickle.loads(pickle.dumps(NonFiniteOutput("mobilenet", (1, 3))))

    assert (copied.member, copied.positions) == ("mobilenet", (1, 3))
    assert "1, 3" in str(copied)


def test_threads_are_set_only_when_asked_for(untrained_bundle):
    before = torch.get_num_threads()
    bundle = load_bundle(untrained_bundle)
    try:
        torch.set_num_threads(5)
        Ensemble(bundle, "cpu")
        assert torch.get_num_threads() == 5
        Ensemble(bundle, "cpu", threads=2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
