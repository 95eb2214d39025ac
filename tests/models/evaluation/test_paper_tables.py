"""The paper's tables: what is printed there, and ours beside it."""

import pytest

from models.architectures import ENSEMBLES
from models.evaluation.cases import Level
from models.evaluation.metrics import Confusion
from models.evaluation.paper_tables import ALL_REGIONS, MODELS, REGIONS, paper_figures, paper_tables
from models.evaluation.plan import Origin
from tests.models.evaluation.predicted import an_evaluation

ARCHITECTURES = {"first": "nasnetmobile", "second": "mobilenet"}


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
    tables = paper_tables(evaluation, ARCHITECTURES)
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
    tables = paper_tables(evaluation, ARCHITECTURES)
    ours = {row.name: row.ours for row in tables.regions if row.ours is not None}

    assert list(ours) == ["elbow", "hand", "wrist", "all"]
    assert ours["all"].accuracy == evaluation.overall("ensemble", Level.STUDY).confusion.accuracy


@pytest.mark.parametrize(
    ("source", "split", "differs"),
    [("mura:/x", "val", False), ("mura:/x", "train", True), ("csv:x.csv", "val", True)],
)
def test_only_figures_on_muras_validation_studies_are_called_comparable(source, split, differs):
    evaluation = an_evaluation(origin=Origin(source=source, split=split))

    assert ("The data differ" in paper_tables(evaluation, ARCHITECTURES).statement) is differs
