import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from models.training.recipe import Schedule
from models.training.recipes import PAPER
from models.training.schedule import class_weights, learning_rate
from tests.models.keras.keras_reference import keras

COSINE = Schedule(kind="cosine", peak=1.0, warm_up=0.1)


def test_the_paper_divides_its_rate_by_one_plus_decay_times_batches():
    # MURA's 36,808 training images are 1,151 batches of 32: 1e-4 / (1 + 1e-4 * 1151) after the first epoch.
    assert learning_rate(PAPER.schedule, 0, 11510) == 1e-4
    assert learning_rate(PAPER.schedule, 1151, 11510) == pytest.approx(8.96780e-5, rel=1e-5)


def test_the_time_based_decay_is_that_of_keras():
    decayed = keras.optimizers.schedules.InverseTimeDecay(1e-4, decay_steps=1, decay_rate=1e-4)
    for step in (0, 1, 1000, 50_000):
        assert learning_rate(PAPER.schedule, step, 60_000) == pytest.approx(float(decayed(step)), rel=1e-6)


def test_the_cosine_rises_then_falls_to_nothing():
    rates = [learning_rate(COSINE, step, 100) for step in range(100)]
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.5)
    assert rates[-1] < 0.001


def test_class_weights_of_a_hand_worked_case():
    # 300 normal, 100 abnormal: 400 / 600 and 400 / 200.
    assert class_weights(300, 100) == pytest.approx((2 / 3, 2.0))


@given(normal=st.integers(1, 500), abnormal=st.integers(1, 500))
def test_class_weights_are_balanced_as_scikit_learn_has_it(normal: int, abnormal: int):
    labels = [0] * normal + [1] * abnormal
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=labels)
    assert class_weights(normal, abnormal) == pytest.approx(tuple(expected))


def test_class_weights_need_both_classes():
    with pytest.raises(ValueError, match="0 abnormal"):
        class_weights(5, 0)
