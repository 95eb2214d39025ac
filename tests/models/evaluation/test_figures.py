import numpy as np
import pytest

from models.evaluation import metrics
from models.evaluation.bootstrap import bootstrap_interval
from models.evaluation.figures import classification_figures, mean_figures
from tests.models.evaluation.generated import shifted_classes


def test_each_figure_is_its_metric_with_the_interval_of_that_metric():
    labels, scores = shifted_classes(80, seed=5)
    clusters = [index // 2 for index in range(80)]

    found = classification_figures(labels, scores, clusters, threshold=0.6, seed=3, resamples=300)

    areas_and_errors = ("auroc", "auprc", "brier", "expected_calibration_error")
    for name, figure in found.items():

        def metric(drawn, name=name):
            if name in areas_and_errors:
                return getattr(metrics, name)(labels[drawn], scores[drawn])
            return getattr(metrics.confusion(labels[drawn], scores[drawn], 0.6), name)

        expected = bootstrap_interval(metric, clusters, seed=3, resamples=300)
        assert figure.value == pytest.approx(metric(np.arange(80))), name
        assert figure.interval is not None
        assert expected is not None
        assert figure.interval.low == pytest.approx(expected.low), name
        assert figure.interval.high == pytest.approx(expected.high), name
    assert list(found) == [
        "accuracy",
        "f1",
        "precision",
        "sensitivity",
        "specificity",
        "balanced_accuracy",
        "kappa",
        *areas_and_errors,
    ]


def test_figures_of_one_class_say_what_is_not_defined():
    found = classification_figures(
        [False, False, False], [0.2, 0.4, 0.9], "abc", threshold=0.5, seed=1, resamples=50
    )

    assert found["specificity"].value == pytest.approx(2 / 3)
    for name in ("sensitivity", "auroc", "auprc", "balanced_accuracy"):
        assert found[name].value is None
        assert found[name].interval is None


def test_mean_of_a_column_has_the_interval_of_a_mean():
    hits = np.array([True, False, True, True, False, True])

    found = mean_figures({"pointing game": hits}, range(6), seed=4, resamples=500)["pointing game"]

    assert found.value == pytest.approx(4 / 6)
    assert found.interval == bootstrap_interval(
        lambda drawn: float(hits[drawn].mean()), range(6), seed=4, resamples=500
    )


def test_logits_are_not_taken_for_probabilities():
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        classification_figures([True, False], [2.0, -2.0], "ab", threshold=0.5, seed=1)
