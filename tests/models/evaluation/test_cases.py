import numpy as np

from models.evaluation.cases import OVERALL, Cases, Level, Subset, SubsetKind
from tests.models.evaluation.predicted import a_sample


def three_studies():
    """Study 0: a normal and an abnormal image; study 1: two normal ones; study 2: one abnormal, apart."""
    return (
        a_sample(0, abnormal=False, region="hand"),
        a_sample(1, abnormal=True, region="wrist"),
        a_sample(2, abnormal=False),
        a_sample(4, abnormal=True, patient=None),
        a_sample(3, abnormal=False),
    )


def test_each_image_is_a_case_per_image():
    cases = Cases.of(three_studies(), Level.IMAGE)

    assert cases.labels.tolist() == [False, True, False, True, False]
    assert cases.scores(np.array([0.1, 0.2, 0.3, 0.4, 0.5])).tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_a_study_is_the_mean_of_its_images_and_abnormal_if_one_of_them_is():
    cases = Cases.of(three_studies(), Level.STUDY)

    assert cases.labels.tolist() == [True, False, True]
    # Images 2 and 3 are one study although another lies between them.
    assert np.allclose(cases.scores(np.array([0.1, 0.2, 0.3, 0.4, 0.5])), [0.15, 0.4, 0.4])
    assert cases.clusters == ("patient0", "patient0", "study2")
    assert cases.regions == ("hand + wrist", "hand", "wrist")


def test_a_study_whose_images_sit_on_a_threshold_stays_on_it():
    samples = tuple(a_sample(number, abnormal=True, study="one") for number in range(10))
    third = np.full(10, 0.1)

    assert Cases.of(samples, Level.STUDY).scores(third).tolist() == [0.1]
    assert sum([0.1] * 10) / 10 != 0.1  # what a plain mean would say


def test_subsets_are_overall_then_regions_and_strata():
    cases = Cases.of(tuple(a_sample(n, abnormal=n % 2 == 0) for n in range(12)), Level.IMAGE)

    assert [subset.label for subset in cases.subsets()] == [
        "overall",
        "elbow",
        "hand",
        "wrist",
        "low resolution",
    ]
    hand = Subset(kind=SubsetKind.REGION, name="hand")
    assert np.flatnonzero(cases.select(hand)).tolist() == [2, 3, 8, 9]
    assert cases.clusters_of(hand) == ("patient0", "patient0", "patient2", "patient2")


def test_one_region_and_no_stratum_are_no_subsets():
    samples = [a_sample(n, abnormal=True, region="hand", stratum="") for n in range(4)]

    assert Cases.of(samples, Level.IMAGE).subsets() == (OVERALL,)
