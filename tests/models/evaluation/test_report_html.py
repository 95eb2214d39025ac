"""The page for people, as text and as a browser sees it."""

import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from models.evaluation.cases import Level
from models.evaluation.paper_tables import paper_tables
from models.evaluation.plan import Origin
from models.evaluation.report_html import report_html
from tests.models.builders import an_identity
from tests.models.evaluation.predicted import HERE, an_evaluation, some_predictions


class _Page(HTMLParser):
    """Gathers what a page refers to and what it names."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.addresses, self.shown = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        named = dict(attrs)
        self.ids += [named["id"]] if "id" in named else []
        self.addresses += [
            named[name] for name in ("src", "href", "xlink:href", "srcset", "data") if name in named
        ]

    def handle_data(self, data):
        self.shown.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.shown))


@pytest.fixture(scope="module")
def evaluation():
    return an_evaluation(some_predictions(unreadable=2), variants={"again": ("first", "second")})


@pytest.fixture(scope="module")
def page(evaluation):
    architectures = {"first": "mobilenet", "second": "nasnetmobile"}
    tables = paper_tables(some_predictions(), architectures, Origin(source="csv:x", split="val"))
    return report_html(evaluation, tables)


def test_the_page_needs_nothing_but_itself(page):
    parsed = _Page(page)

    assert all(address.startswith("#") for address in parsed.addresses)
    assert not {"script", "link", "img", "iframe", "object"} & set(parsed.tags)
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []


def test_ids_are_unique_and_references_lead_somewhere(page):
    parsed = _Page(page)

    assert len(set(parsed.ids)) == len(parsed.ids)
    wanted = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"|aria-labelledby="([^"]+)"', page)
    assert {"".join(each) for each in wanted} <= set(parsed.ids)


def test_names_from_the_data_are_shown_as_text(page):
    assert "not a whole picture <script>" in _Page(page).text


def test_headlines_are_said_in_words(evaluation, page):
    text = _Page(page).text
    sensitive = evaluation.fixed(Level.STUDY)[0].figures["sensitivity"]
    earlier = evaluation.triage[1].figures["earlier"]

    flagged = f"{100 * sensitive.value:.0f} ({100 * sensitive.interval.low:.0f} to "
    assert f"sensitive , of 100 abnormal studies {flagged}" in text
    assert "In a worklist where 15 of 100 studies are abnormal" in text
    assert f"read on average {100 * earlier.value:.0f} places (" in text
    assert evaluation.bundle.digest in text
    assert "60, of which" in text


def test_each_region_and_each_unreadable_image_is_listed(page):
    text = _Page(page).text

    assert all(region in text for region in ("elbow", "hand", "wrist", "low resolution"))
    assert "/images/9000.png" in text
    assert "/images/9001.png" in text


def test_warnings_come_before_everything_else():
    page = report_html(an_evaluation(some_predictions(sign=-1.0), bundle=an_identity(trained=False)))

    assert page.index("worse than chance") < page.index("In short")
    assert page.index("weights are random") < page.index("In short")


def test_without_warnings_there_is_no_empty_frame():
    assert "Read this first" not in report_html(an_evaluation())


def test_figures_per_image_are_left_out_where_each_study_is_one_image():
    predictions = some_predictions()
    one_by_one = [replace(sample, study=str(sample.image)) for sample in predictions.samples]

    page = report_html(an_evaluation(replace(predictions, samples=tuple(one_by_one))))

    assert "Each study is one image here" in page
    assert "Per image." not in page
    assert "Per image." in report_html(an_evaluation())


def test_the_same_evaluation_gives_the_same_bytes(evaluation):
    assert report_html(evaluation) == report_html(evaluation)


def test_a_page_of_one_class_and_one_region_still_renders():
    predictions = some_predictions(studies=8)
    alike = [
        replace(sample, region="hand", abnormal=False, boxes=None, stratum="")
        for sample in predictions.samples
    ]

    page = report_html(an_evaluation(replace(predictions, samples=tuple(alike))))

    assert "All studies are labeled normal" in page
    assert "not defined" in page
    assert "By region" not in page


def test_a_browser_shows_every_plot(page, tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")

    seen = subprocess.run(
        [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout

    assert seen.count('<svg role="img"') == 5
    assert seen.count("<svg") == 5
    for words in ("ensemble 0.", "specific", "1 - specificity (normal studies flagged)", "Limits"):
        assert words in seen.replace("ensemble  0.", "ensemble 0.")


def test_places_are_shown_with_each_point(evaluation, page):
    text = _Page(page).text

    assert "What is outlined" in text
    for placed in evaluation.places:
        assert f"{placed.figures['normal_places'].value:.3f}" in text


def test_every_figure_on_the_images_that_calibrated_the_bundle_says_so(page):
    marked = report_html(an_evaluation(calibrated_on=HERE))
    figures = re.findall(r'<(?:span class="value"|b)>([^<]+)</(.*?)</(?:td|dd)>', marked, flags=re.DOTALL)

    assert len(figures) > 50
    assert all("calibrated here" in rest for _, rest in figures)
    assert HERE.statement in _Page(marked).text
    assert "calibrated here" not in page
