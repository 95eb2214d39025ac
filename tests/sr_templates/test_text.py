"""What a radiologist reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_io.exclusion import Exclusion
from dicom_io.laterality import Laterality
from dicom_io.projection import Projection
from dicom_io.regions import Region
from models.drift import InputWarning
from sr_templates.content import SetAside
from sr_templates.text import probability_text, summary, view_title
from tests.sr_templates.builders import analyzed, bundle, report_content, source, three_views

TRAINED = bundle(trained=True)


def set_aside(number: int, reason: str, *, failed: bool = False) -> SetAside:
    return SetAside(source=source(number), reason=reason, failed=failed)


def test_a_suspected_study():
    assert summary(report_content(three_views(0.87), identity=TRAINED)) == (
        "ulna: SUSPECTED ABNORMALITY in left wrist radiographs, 3 views, P(abnormal) 0.87 (flag at 0.50, "
        "operating point sensitive). Research model ensemble200 0.1.0; not for diagnostic use."
    )


def test_a_likely_study():
    assert summary(report_content(three_views(0.93), identity=TRAINED)).startswith(
        "ulna: LIKELY ABNORMALITY in left wrist radiographs, 3 views, P(abnormal) 0.93 (flag at 0.50"
    )


def test_an_unflagged_study_is_not_called_normal():
    text = summary(report_content(three_views(0.12), identity=TRAINED))
    assert text.startswith(
        "ulna: no abnormality flagged in left wrist radiographs, 3 views, P(abnormal) 0.12 (flag at 0.50, "
        "operating point sensitive); not a diagnosis."
    )
    assert " normal" not in text


def test_an_untrained_model_is_told_first_and_last():
    text = summary(report_content())
    assert text.startswith("ulna with an UNTRAINED model: SUSPECTED ABNORMALITY")
    assert text.endswith("An UNTRAINED model's result has no meaning.")


def test_a_view_that_failed_is_in_the_first_sentence():
    content = report_content(
        three_views(0.12),
        set_aside=[
            set_aside(4, "the pixel data is truncated", failed=True),
            set_aside(5, Exclusion.LOCALIZER.sentence),
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
            set_aside(1, Exclusion.REGION_OTHER.sentence),
            set_aside(2, Exclusion.REGION_OTHER.sentence),
            set_aside(3, "the header is truncated", failed=True),
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
    assert "in left wrist and right hand and bilateral wrist radiographs, 3 views" in text
    assert "P(abnormal) is one mean over all of them" in text


def test_a_part_that_is_not_known_is_not_invented():
    views = [analyzed(source(1), region=None), analyzed(source(2), laterality=Laterality.UNKNOWN)]
    text = summary(report_content(views))
    assert "in radiographs of an unspecified body part and the wrist, 2 views" in text


@pytest.mark.parametrize("sentence", [exclusion.sentence for exclusion in Exclusion])
def test_every_exclusion_makes_an_ascii_clause(sentence):
    text = summary(report_content([], set_aside=[set_aside(1, sentence)]))
    assert text.isascii()
    assert ".." not in text
    assert "because this" in text


def test_view_titles():
    assert view_title(2, analyzed(source(1), projection=Projection.LATERAL)) == "View 2: left wrist, lateral"
    plain = analyzed(source(1), region=None, projection=Projection.UNKNOWN)
    assert view_title(1, plain) == "View 1: unspecified body part"


def test_numbers_have_as_few_decimals_as_they_can():
    assert probability_text(0.87, 0.5) == ("0.87", "0.50")
    assert probability_text(0.4996, 0.5) == ("0.4996", "0.5000")
    assert probability_text(0.5, 0.5) == ("0.50", "0.50")


@given(st.floats(0, 1), st.floats(0, 1))
def test_numbers_never_contradict_the_verdict(probability, threshold):
    shown, limit = probability_text(probability, threshold)
    assert (float(shown) >= float(limit)) == (probability >= threshold)


def test_an_unusual_view_is_told_after_the_headline():
    views = [analyzed(source(1)), analyzed(source(2), warning=InputWarning.BODY_PART)]
    text = summary(report_content(views, identity=TRAINED))
    assert text.startswith("ulna: SUSPECTED ABNORMALITY in left wrist radiographs, 2 views, P(abnormal) 0.87")
    assert (
        "CAUTION: view 2 looks like another body part: it differs from the training data, "
        "treat the result with caution." in text
    )
    assert "CAUTION" not in summary(report_content(identity=TRAINED))
