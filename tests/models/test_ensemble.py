"""What an ensemble makes of its members' numbers, whatever engine computes them."""

import math
import pickle
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle.loading import load_bundle
from models.bundle.manifest import Calibration
from models.engines.engine import MemberPass
from models.ensemble import Ensemble, open_ensemble
from models.errors import NonFiniteOutput
from models.finding import ViewFinding
from tests.models.fake_engine import FakeEngine, bundle_without_weights, plain_views

BIASES = {"first": -2.0, "second": 2.0}


@pytest.fixture
def ensemble() -> Ensemble:
    return Ensemble(bundle_without_weights(), FakeEngine(BIASES))


def half_bright_view() -> NDArray[np.float32]:
    """A batch of one view: its left third is at 0.75, the rest at 0."""
    views = plain_views(0.0)
    views[:, :, :32] = 0.75
    return views


def test_each_view_gets_a_finding_of_each_member_in_the_manifests_order():
    backwards = FakeEngine({"second": 2.0, "first": -2.0})
    ensemble = Ensemble(bundle_without_weights(), backwards)

    findings = ensemble.predict(plain_views(0.25, 0.5, 0.75))

    assert [[finding.member for finding in view] for view in findings] == [["first", "second"]] * 3
    assert [[finding.logit for finding in view] for view in findings] == [
        [-1.75, 2.25],
        [-1.5, 2.5],
        [-1.25, 2.75],
    ]


def test_logit_and_map_are_scaled_and_then_the_offset_is_added():
    calibrations = (Calibration(scale=2.0, offset=-1.0), Calibration(scale=0.5, offset=3.0))
    ensemble = Ensemble(bundle_without_weights(calibrations=calibrations), FakeEngine(BIASES))

    ((first, second),) = ensemble.predict(half_bright_view())

    assert (first.logit, second.logit) == (2.0 * (0.25 - 2.0) - 1.0, 0.5 * (0.25 + 2.0) + 3.0)
    bright, dark = 2.0 * (0.75 - 2.0) - 1.0, 2.0 * -2.0 - 1.0
    assert first.activation.tolist() == [[bright, dark, dark]] * 2
    bright, dark = 0.5 * (0.75 + 2.0) + 3.0, 0.5 * 2.0 + 3.0
    assert second.activation.tolist() == [[bright, dark, dark]] * 2


def test_probability_is_the_sigmoid_of_the_calibrated_logit():
    calibrations = (Calibration(scale=2.0, offset=-1.0), Calibration())
    ensemble = Ensemble(bundle_without_weights(calibrations=calibrations), FakeEngine(BIASES))

    ((first, second),) = ensemble.predict(plain_views(0.25))

    assert first.probability == pytest.approx(1 / (1 + math.exp(4.5)), rel=1e-15)
    assert second.probability == pytest.approx(1 / (1 + math.exp(-2.25)), rel=1e-15)


def test_a_member_may_be_as_sure_as_it_can():
    ensemble = Ensemble(bundle_without_weights(), FakeEngine({"first": -2000.0, "second": 2000.0}))

    ((first, second),) = ensemble.predict(plain_views(0.0))

    assert (first.probability, second.probability) == (0.0, 1.0)


def test_members_have_the_votes_of_the_manifest():
    ensemble = Ensemble(bundle_without_weights(votes=(3.0, 1.0)), FakeEngine(BIASES))

    ((first, second),) = ensemble.predict(plain_views(0.0))

    assert (first.vote, second.vote) == (3.0, 1.0)
    mean = (3.0 * first.probability + second.probability) / 4.0
    assert ViewFinding(view_id="view", members=(first, second)).probability == pytest.approx(mean)


def test_a_reading_says_what_computed_it(ensemble):
    assert {reading.engine for reading in ensemble.read(plain_views(0.0, 1.0))} == {FakeEngine.label}


def test_without_a_reference_no_input_is_checked(ensemble):
    assert [reading.input_check for reading in ensemble.read(plain_views(0.0, 1.0))] == [None, None]


def test_empty_batch_gives_nothing_and_asks_no_engine():
    class Unasked:
        label = "none"

        def run(self, batch: NDArray[np.float32]) -> Mapping[str, MemberPass]:
            raise AssertionError("asked")

    assert Ensemble(bundle_without_weights(), Unasked()).read(np.zeros((0, 64, 96), dtype=np.float32)) == []


@pytest.mark.parametrize("shape", [(64, 96), (1, 64, 97), (1, 1, 64, 96), (0, 3, 3)])
def test_batch_of_another_shape_is_refused(ensemble, shape):
    with pytest.raises(ValueError, match=r"must be \(B, H, W\) of \(64, 96\)"):
        ensemble.predict(np.zeros(shape, dtype=np.float32))


def test_engine_gets_float32_in_c_order_however_views_lie_in_memory():
    seen = []

    class Watching(FakeEngine):
        def run(self, batch: NDArray[np.float32]) -> Mapping[str, MemberPass]:
            seen.append((batch.dtype.name, batch.flags.c_contiguous))
            return super().run(batch)

    ensemble = Ensemble(bundle_without_weights(), Watching(BIASES))
    turned = plain_views(0.25, 0.5)[::-1]

    findings = ensemble.predict(turned)

    assert seen == [("float32", True)]
    assert [view[0].logit for view in findings] == [-1.5, -1.75]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_answer_that_is_not_finite_names_member_and_views(ensemble, value):
    views = plain_views(0.0, 0.25, 0.5, 0.75)
    views[1, 10, 10] = views[3, 60, 90] = value

    with pytest.raises(NonFiniteOutput, match=r"member first: .* views at 1, 3 of the batch") as caught:
        ensemble.predict(views)

    assert (caught.value.member, caught.value.positions) == ("first", (1, 3))


@pytest.mark.parametrize("part", ["logit", "activation"])
def test_logit_and_map_must_both_be_finite_in_every_member(part):
    class Spoiled(FakeEngine):
        def run(self, batch: NDArray[np.float32]) -> Mapping[str, MemberPass]:
            passes = super().run(batch)
            spoiled = getattr(passes["second"], part).copy()
            spoiled.reshape(3, -1)[2, 0] = np.nan  # one cell is enough
            return {**passes, "second": replace(passes["second"], **{part: spoiled})}

    with pytest.raises(NonFiniteOutput) as caught:
        Ensemble(bundle_without_weights(), Spoiled(BIASES)).predict(plain_views(0.0, 0.0, 0.0))

    assert (caught.value.member, caught.value.positions) == ("second", (2,))


def test_answer_that_is_not_finite_passes_between_processes():
    copied = pickle.loads(pickle.dumps(NonFiniteOutput("mobilenet", (1, 3))))

    assert (copied.member, copied.positions) == ("mobilenet", (1, 3))
    assert "1, 3" in str(copied)


def test_opened_for_a_bundle_on_disk_it_reads_with_all_its_members(pristine_bundle):
    both = open_ensemble(load_bundle(pristine_bundle), "cpu")

    ((first, second),) = both.predict(plain_views(0.5))

    assert (first.member, second.member) == ("first", "second")
    assert first.logit < 0 < second.logit
    # 64 by 96 pixels, halved five times.
    assert first.activation.shape == second.activation.shape == (2, 3)
