"""The paper's tables: what is printed there, and ours beside it."""

from dataclasses import replace

import numpy as np
import pytest

from models.bundle.manifest import Calibration, MemberEntry
from models.evaluation.cases import Level
from models.evaluation.metrics import Confusion
from models.evaluation.paper_tables import ALL_REGIONS, MODELS, REGIONS, paper_figures, paper_tables
from models.evaluation.plan import Origin
from models.evaluation.predictions import by_the_papers_rule
from models.networks.ensembles import ENSEMBLES
from tests.models.evaluation.predicted import an_evaluation, some_predictions

ARCHITECTURES = {"first": "nasnetmobile", "second": "mobilenet"}
ORIGIN = Origin(source="csv:x.csv", split="val")


def entry(name: str, calibration: Calibration) -> MemberEntry:
    return MemberEntry(
        name=name,
        architecture=ARCHITECTURES[name],
        file=f"{name}.safetensors",
        sha256="0" * 64,
        calibration=calibration,
    )


def test_the_printed_roc_is_the_balanced_accuracy_of_every_row():
    for model in MODELS:
        printed = model.printed
        assert printed.recall is not None
        assert printed.specificity is not None
        # Both are rounded to two digits, and so is their mean.
        assert printed.roc == pytest.approx((printed.recall + printed.specificity) / 2, abs=0.0101), (
            model.name
        )


def test_six_of_twelve_printed_rows_have_a_negative_kappa():
    negative = [model.name for model in MODELS if (model.printed.kappa or 0.0) < 0.0]
    assert (len(MODELS), negative) == (12, ["NASNetMobile", "DenseNet201", "B", "C", "F", "ALL"])


def test_ours_are_by_the_papers_rule_whatever_the_bundles_calibration_and_votes():
    raw = some_predictions()
    scale, offset = np.array([[0.8], [1.7]]), np.array([[-2.0], [1.5]])
    stated = replace(raw, logits=scale * raw.logits + offset, votes=np.array([0.9, 0.1]))
    members = [
        entry(name, Calibration(scale=float(scale[place, 0]), offset=float(offset[place, 0])))
        for place, name in enumerate(raw.members)
    ]

    expected = paper_tables(raw, ARCHITECTURES, ORIGIN)

    assert paper_tables(by_the_papers_rule(stated, members), ARCHITECTURES, ORIGIN) == expected
    assert paper_tables(stated, ARCHITECTURES, ORIGIN) != expected


@pytest.mark.parametrize("row", [*REGIONS, ALL_REGIONS], ids=lambda row: row.region)
def test_the_counts_reproduce_every_printed_figure_of_table_5(row):
    assert f"{row.counts.precision:.4f}" == f"{row.precision:.4f}"
    assert f"{row.counts.recall:.4f}" == f"{row.recall:.4f}"
    assert f"{row.counts.kappa:.4f}" == f"{row.kappa:.4f}"


def test_the_counts_reproduce_the_row_of_ensemble200():
    found = paper_figures(ALL_REGIONS.counts)
    names = ("accuracy", "f1", "precision", "recall", "specificity", "roc", "kappa")

    assert [f"{getattr(found, name):.4f}" for name in names] == [
        "0.8340",
        "0.8594",
        "0.8064",
        "0.9198",
        "0.7286",
        "0.8242",
        "0.6590",
    ]
    (printed,) = (model.printed for model in MODELS if model.name == "ensemble200")
    assert [f"{getattr(found, name):.2f}" for name in names] == [
        f"{getattr(printed, name):.2f}" for name in names
    ]


def test_the_regions_add_up_to_all_of_muras_validation_studies():
    def added(cell):
        return sum(getattr(row.counts, cell) for row in REGIONS)

    total = Confusion(
        **{
            cell: added(cell)
            for cell in ("true_positive", "false_negative", "false_positive", "true_negative")
        }
    )

    assert total == ALL_REGIONS.counts
    assert total.true_positive + total.false_negative == 661  # normal, the paper's positive class
    assert total.false_positive + total.true_negative == 538


def test_the_printed_variants_have_the_members_that_ulna_gives_them():
    printed = {model.name: model.members for model in MODELS}

    assert {name: printed[name] for name in ENSEMBLES} == dict(ENSEMBLES)


def test_ours_stand_beside_the_paper_with_normal_as_positive_class():
    evaluation = an_evaluation()
    tables = paper_tables(some_predictions(), ARCHITECTURES, ORIGIN)
    ours = {row.name: row.ours for row in tables.models if row.ours is not None}
    study = evaluation.overall("ensemble", Level.STUDY).confusion

    assert ours["B"].recall == study.specificity
    assert ours["B"].specificity == study.sensitivity
    assert ours["B"].roc == study.balanced_accuracy
    assert ours["B"].image_accuracy == evaluation.overall("ensemble", Level.IMAGE).confusion.accuracy
    assert ours["MobileNet"].kappa == evaluation.overall("second", Level.STUDY).confusion.kappa
    assert list(ours) == ["MobileNet", "NASNetMobile", "B"]
    assert "NORMAL" in tables.statement


def test_regions_of_other_data_stay_empty():
    evaluation = an_evaluation()
    tables = paper_tables(some_predictions(), ARCHITECTURES, ORIGIN)
    ours = {row.name: row.ours for row in tables.regions if row.ours is not None}

    assert list(ours) == ["elbow", "hand", "wrist", "all"]
    assert ours["all"].accuracy == evaluation.overall("ensemble", Level.STUDY).confusion.accuracy


@pytest.mark.parametrize(
    ("source", "split", "differs"),
    [("mura:/x", "val", False), ("mura:/x", "train", True), ("csv:x.csv", "val", True)],
)
def test_only_figures_on_muras_validation_studies_are_called_comparable(source, split, differs):
    tables = paper_tables(some_predictions(), ARCHITECTURES, Origin(source=source, split=split))

    assert ("The data differ" in tables.statement) is differs
