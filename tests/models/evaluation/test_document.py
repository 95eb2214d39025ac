import json

from models.evaluation.document import evaluation_document
from models.evaluation.paper_tables import paper_tables
from models.evaluation.plan import Origin
from models.evaluation.prediction_table import prediction_table
from tests.models.builders import an_identity
from tests.models.evaluation.predicted import HERE, an_evaluation, some_predictions


def read_back(evaluation, paper=None):
    return json.loads(json.dumps(evaluation_document(evaluation, paper), allow_nan=False))


def test_the_document_holds_every_figure_with_its_interval():
    evaluation = an_evaluation(some_predictions(unreadable=1))
    document = read_back(evaluation)

    assert document["positive_class"] == "abnormal"
    assert document["bundle"]["digest"] == evaluation.bundle.digest
    assert document["data"]["unreadable"] == [["/images/9000.png", "not a whole picture <script>"]]
    for written, measured in zip(document["measured"], evaluation.measured, strict=True):
        assert written["classifier"] == measured.classifier
        assert written["subset"] == {"kind": measured.subset.kind.value, "name": measured.subset.name}
        for name, figure in measured.figures.items():
            assert written["figures"][name] == {
                "value": figure.value,
                "interval": None if figure.interval is None else [figure.interval.low, figure.interval.high],
            }
    assert document["points"][0]["point"] == {
        "name": "sensitive",
        "goal": None,
        "threshold": 0.5,
        "classifier": "ensemble",
    }
    assert document["localization"]["maps"][0]["combination"] == "probability_weighted"
    assert [each["point"] for each in document["places"]] == ["sensitive", "specific"]
    assert document["places"][0]["figures"]["boxes_hit"]["value"] is not None
    assert document["warnings"] == list(evaluation.warnings)


def test_what_is_not_defined_is_null():
    # No score is 1, so that nothing is flagged at the second point and its precision is not defined.
    document = read_back(an_evaluation(bundle=an_identity(specific=1.0)))
    (point,) = (
        each
        for each in document["points"]
        if (each["point"]["name"], each["level"], each["subset"]["kind"]) == ("specific", "study", "overall")
    )

    assert point["figures"]["precision"] == {"value": None, "interval": None}


def test_the_papers_tables_state_their_polarity():
    evaluation = an_evaluation()
    architectures = {"first": "xception", "second": "mobilenet"}
    document = read_back(
        evaluation, paper_tables(some_predictions(), architectures, Origin(source="csv:x", split="val"))
    )

    assert document["paper_tables"]["positive_class"] == "normal"
    assert document["paper_tables"]["models"][0]["paper"]["image_accuracy"] == 0.7726
    assert document["paper_tables"]["models"][2]["ours"]["recall"] is not None
    assert "paper_tables" not in read_back(evaluation)


def test_predictions_are_one_image_a_line_with_each_member():
    predictions = some_predictions(studies=3)
    header, *lines = prediction_table(predictions).splitlines()

    assert header == "image,study,region,split,stratum,label,first,second,ensemble"
    assert len(lines) == 6
    for place, line in enumerate(lines):
        image, study, *_, label, first, second, ensemble = line.split(",")
        assert (image, study) == (str(predictions.samples[place].image), predictions.samples[place].study)
        assert label == str(int(predictions.labels[place]))
        assert abs(float(first) - predictions.probabilities[0, place]) < 1e-6
        assert abs((float(first) + float(second)) / 2 - float(ensemble)) < 2e-6


def figures_in(value):
    """Yield every figure, however deep it lies."""
    if isinstance(value, dict):
        if {"value", "interval"} <= value.keys():
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from figures_in(each)


def test_every_figure_on_the_images_that_calibrated_the_bundle_says_so():
    here = read_back(an_evaluation(calibrated_on=HERE))
    elsewhere = read_back(an_evaluation())

    assert {each.get("calibrated_on_these_images") for each in figures_in(here)} == {"all"}
    assert {each.get("calibrated_on_these_images") for each in figures_in(elsewhere)} == {None}
    assert here["calibrated_on"] == {"overlap": "all", "statement": HERE.statement}
    assert HERE.statement in here["warnings"]
