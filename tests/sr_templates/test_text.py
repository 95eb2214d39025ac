"""What a radiologist reads."""

from dataclasses import replace

import pytest

from dicom_io.selection.exclusion import Exclusion
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.projection import Projection
from dicom_io.selection.regions import Region
from models.fold import Fold
from models.reference.drift import InputWarning
from sr_templates.content import SetAside
from sr_templates.reason import Reason, clause
from sr_templates.text import limitations, summary, view_title
from tests.sr_templates.builders import analyzed, bundle, report_content, source, three_views, why
from tests.sr_templates.reasons import every_reason

TRAINED = bundle(trained=True)


def set_aside(number: int, reason: Reason, *, failed: bool = False) -> SetAside:
    return SetAside(source=source(number), reason=reason, failed=failed)


def test_a_suspected_study():
    assert summary(report_content(three_views(0.87), identity=TRAINED)) == (
        "ulna: SUSPECTED FRACTURE in left wrist radiographs, 3 views, P(fracture) 0.87 (mean of 3 views; "
        "flag at 0.5, operating point sensitive). Other findings were not looked for. "
        "Research model ensemble200 0.1.0; not for diagnostic use."
    )


def test_a_likely_study():
    assert summary(report_content(three_views(0.93), identity=TRAINED)).startswith(
        "ulna: LIKELY FRACTURE in left wrist radiographs, 3 views, P(fracture) 0.93 (mean of 3 views; flag at"
    )


def test_an_unflagged_study_is_not_called_normal():
    text = summary(report_content(three_views(0.12), identity=TRAINED))
    assert text.startswith(
        "No fracture suspected by ulna in left wrist radiographs, 3 views, P(fracture) 0.12 (mean of 3 "
        "views; flag at 0.5, operating point sensitive); other findings were not looked for; not a diagnosis."
    )
    assert " normal" not in text


def test_an_untrained_model_is_told_first_and_last():
    text = summary(report_content())
    assert text.startswith("ulna with an UNTRAINED model: SUSPECTED FRACTURE")
    assert text.endswith("An UNTRAINED model's result has no meaning.")


def test_a_view_that_failed_is_in_the_first_sentence():
    content = report_content(
        three_views(0.12),
        set_aside=[
            set_aside(4, why("the pixel data is truncated"), failed=True),
            set_aside(5, Reason(Exclusion.LOCALIZER)),
        ],
        identity=TRAINED,
    )
    first, *_ = summary(content).split(". ")
    assert "3 of 4 views" in first
    assert (
        "Not analyzed: 1 instance, because the pixel data is truncated. Not analyzed: 1 instance, because "
        "this is a localizer, not a diagnostic view." in summary(content)
    )


def test_a_study_with_nothing_to_analyze():
    content = report_content(
        [],
        set_aside=[
            set_aside(1, Reason(Exclusion.REGION_OTHER)),
            set_aside(2, Reason(Exclusion.REGION_OTHER)),
            set_aside(3, why("the header is truncated"), failed=True),
        ],
        identity=TRAINED,
    )
    assert summary(content) == (
        "ulna: NOT ANALYZED, because this image shows a body part that ulna does not analyze (2 instances); "
        "the header is truncated (1 instance). This report says nothing about the images. "
        "Research model ensemble200 0.1.0; not for diagnostic use."
    )


def test_several_parts_are_told():
    views = [
        analyzed(source(1)),
        analyzed(source(2), region=Region.HAND, laterality=Laterality.RIGHT),
        analyzed(source(3), laterality=Laterality.BOTH),
    ]
    text = summary(report_content(views))
    assert (
        "SUSPECTED FRACTURE in left wrist radiographs, 3 views, P(fracture) 0.87 (left wrist, 1 view;" in text
    )
    assert (
        "P(fracture) of each part: left wrist 0.87 (suspected fracture); "
        "right hand 0.87 (suspected fracture); bilateral wrist 0.87 (suspected fracture)." in text
    )


def test_what_is_not_flagged_is_so_in_all_parts():
    views = [
        analyzed(source(1), 0.2),
        analyzed(source(2), 0.3, region=Region.HAND, laterality=Laterality.RIGHT),
    ]
    text = summary(report_content(views, identity=TRAINED))
    assert text.startswith(
        "No fracture suspected by ulna in left wrist and right hand radiographs, 2 views, P(fracture) 0.3 "
        "(right hand, 1 view; flag"
    )
    assert "left wrist 0.2 (no fracture suspected); right hand 0.3 (no fracture suspected)." in text


def test_a_view_that_reaches_the_point_in_a_study_that_does_not_is_named():
    views = [analyzed(source(1), 0.1), analyzed(source(2), 0.6)]
    text = summary(report_content(views, identity=TRAINED))
    assert text.startswith("No fracture suspected by ulna")
    assert "View 2 alone reaches the operating point, P(fracture) 0.6; its part does not." in text
    highest = replace(TRAINED, fold=Fold.HIGHEST)
    assert "alone" not in summary(report_content(views, identity=highest))


def test_a_part_that_is_not_known_is_not_invented():
    views = [analyzed(source(1), region=None), analyzed(source(2), laterality=Laterality.UNKNOWN)]
    text = summary(report_content(views))
    assert "SUSPECTED FRACTURE in radiographs of an unspecified body part, 2 views" in text
    assert "unspecified body part 0.87 (suspected fracture); wrist 0.87" in text


@pytest.mark.parametrize("reason", every_reason(), ids=lambda reason: reason.code)
def test_every_reason_follows_because_in_ascii(reason):
    text = summary(report_content([], set_aside=[set_aside(1, reason)]))
    assert text.isascii()
    assert ".." not in text
    assert f"NOT ANALYZED, because {clause(reason)} (1 instance). This report" in text


def test_view_titles():
    assert view_title(2, analyzed(source(1), projection=Projection.LATERAL)) == "View 2: left wrist, lateral"
    plain = analyzed(source(1), region=None, projection=Projection.UNKNOWN)
    assert view_title(1, plain) == "View 1: unspecified body part"


def test_the_comment_lists_what_was_not_looked_for():
    text = limitations(report_content())
    assert text.startswith("Looked for: fracture. Not looked for: dislocation, subluxation,")
    assert "replaces no reading" in text


def test_an_unusual_view_is_told_after_the_headline():
    views = [analyzed(source(1)), analyzed(source(2), warning=InputWarning.BODY_PART)]
    text = summary(report_content(views, identity=TRAINED))
    assert text.startswith("ulna: SUSPECTED FRACTURE in left wrist radiographs, 2 views, P(fracture) 0.87")
    assert (
        "CAUTION: view 2 looks like another body part: it differs from the training data, "
        "treat the result with caution." in text
    )
    assert "CAUTION" not in summary(report_content(identity=TRAINED))
