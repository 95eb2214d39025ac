"""What the results of a study say of the views that are missing, and of the report before."""

from dataclasses import replace

import pytest

from daemon.pipeline.kinds.secondary_capture import view_caption
from dicom_io.selection.age import AgeCaution
from dicom_io.selection.laterality import Laterality
from models.rendering.words import Caption
from sr_templates.content import AnalyzedView, ReportContent
from sr_templates.reason import Reason, Withheld
from sr_templates.text import age_caution, summary
from tests.sr_templates.builders import analyzed, report_content, source, three_views
from tests.sr_templates.golden import LOCALIZER, PREVIOUS, UNREADABLE


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (report_content(three_views(0.9)), "View 2 of 3: right wrist"),
        (report_content(three_views(0.9), set_aside=[UNREADABLE]), "View 2 of 4: right wrist"),
        (report_content(three_views(0.9), set_aside=[LOCALIZER]), "View 2 of 3: right wrist"),
    ],
)
def test_a_picture_counts_the_views_that_could_not_be_analyzed(content: ReportContent, words: str):
    assert view_caption(content, 2).lower().startswith(words.lower()[:12])
    assert ("1 view NOT ANALYZED" in view_caption(content, 2)) == (UNREADABLE in content.set_aside)


def test_the_summary_says_that_a_header_contradicts_itself_about_the_side():
    contested = [
        analyzed(source(1), laterality=Laterality.UNKNOWN, laterality_conflict="SeriesDescription"),
        analyzed(source(2), laterality=Laterality.LEFT, laterality_conflict="StudyDescription"),
    ]
    said = summary(report_content(contested))
    assert (
        "header of view 1 contradicts itself about the side (SeriesDescription); no side is stated." in said
    )
    assert "header of view 2 contradicts itself about the side (StudyDescription); left is stated." in said
    assert "contradicts" not in summary(report_content(three_views(0.9)))


def with_age(caution: AgeCaution | None, number: int = 1, *, years: int = 18) -> AnalyzedView:
    view = analyzed(source(number))
    return replace(view, shown=replace(view.shown, age_caution=caution, minimum_age_years=years))


@pytest.mark.parametrize("caution", AgeCaution)
def test_report_and_picture_say_the_caution_about_the_age_once_and_the_same(caution: AgeCaution):
    content = report_content([with_age(caution, 1), with_age(caution, 2)])
    said = age_caution(content)
    assert summary(content).count(said) == summary(content).count("CAUTION") == 1
    assert said.startswith("CAUTION: the patient")
    assert "18 years" in said


@pytest.mark.parametrize("caution", AgeCaution)
def test_the_longest_caution_about_the_age_fits_into_a_caption(caution: AgeCaution):
    content = report_content([with_age(caution, years=120)])
    said = age_caution(content)
    assert content.finding is not None
    assert Caption(product="ulna", view="View 1", study=content.finding, caution=said).caution == said


def test_an_age_that_one_view_states_is_the_patients():
    assert age_caution(report_content([with_age(AgeCaution.UNKNOWN, 1), with_age(None, 2)])) == ""
    young = report_content([with_age(AgeCaution.UNKNOWN, 1), with_age(AgeCaution.YOUNGER, 2)])
    assert "younger than 18 years" in age_caution(young)
    assert "not known" not in age_caution(young)


def test_the_summary_of_a_later_revision_names_the_report_that_it_replaces():
    second = report_content(three_views(0.9), revision=2, previous=PREVIOUS)
    headline, revision, *_ = summary(second).split(". ")
    assert "FRACTURE" in headline
    assert revision == "Revision 2, replaces the report of 2025-01-02 22:30"
    assert "Revision" not in summary(report_content(three_views(0.9)))


def test_the_summary_counts_the_views_beyond_those_that_are_analyzed():
    beyond = replace(LOCALIZER, reason=Reason.because(Withheld.TOO_MANY_VIEWS, most=40))
    said = summary(report_content(three_views(0.9), set_aside=[beyond] * 160))
    assert "Not analyzed: 160 instances, because this study has more than 40 views" in said
