"""Ages of patients and studies: what is believed, what is unknown, and what a site makes of it."""

from datetime import date

import pytest

from dicom_io.reading.dates import date_of, image_date, study_date
from dicom_io.selection.age import AgeCaution, AgeRule, Ages, age_clause, age_in_years, ages_of
from tests.dicom_io.headers import header

TODAY = date(2026, 3, 1)
ADULTS = AgeRule(minimum_age_years=18)
NEWS = AgeRule(max_age_days=14)


def age(**values: object) -> int | None:
    return age_in_years(header(**values), received_on=TODAY)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("20190301", date(2019, 3, 1)),
        ("2019.03.01", date(2019, 3, 1)),
        ("2019-03-01", date(2019, 3, 1)),
        ("2019/03/01", date(2019, 3, 1)),
        ("20240229", date(2024, 2, 29)),
        ("20230229", None),
        ("00000000", None),
        ("20190000", None),
        ("2019.0301", None),
        ("01.03.2019", None),
        ("190301", None),
        ("20190301120000", None),
        ("\N{FULLWIDTH DIGIT TWO}0190301", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_a_day_is_read_as_meant_or_not_at_all(text, day):
    assert date_of(text) == day


@pytest.mark.parametrize(
    ("stated", "years"),
    [
        ("045Y", 45),
        ("45Y", 45),
        ("018Y", 18),
        ("017Y", 17),
        ("122Y", 122),
        ("123Y", None),
        ("018M", 1),
        ("215M", 17),
        ("216M", 18),
        ("010W", 0),
        ("939W", 17),
        ("940W", 18),
        ("003D", 0),
        ("999D", 2),
        ("000Y", None),
        ("000D", None),
        ("045", None),
        ("Y", None),
        ("45.5Y", None),
        ("-05Y", None),
        ("1045Y", None),
        ("045A", None),
        ("", None),
    ],
)
def test_an_age_that_is_stated_is_in_years(stated, years):
    assert age(patient_age=stated) == years


@pytest.mark.parametrize(
    ("born", "taken", "years"),
    [
        ("20080301", "20260301", 18),
        ("20080302", "20260301", 17),
        ("2008.03.01", "20260301", 18),
        ("20040229", "20220228", 17),
        ("20040229", "20220301", 18),
        ("20040229", "20240229", 20),
        ("20260301", "20260301", 0),
        ("20260302", "20260301", None),
        ("19030301", "20260228", 122),
        ("19030228", "20260228", None),
        ("19000101", "20260301", None),
        ("00000000", "20260301", None),
        ("20080230", "20260301", None),
    ],
)
def test_an_age_by_birth_date_counts_birthdays_until_the_image(born, taken, years):
    assert age(patient_birth_date=born, acquisition_date=taken) == years


@pytest.mark.parametrize(
    ("born", "stated", "years"),
    [
        ("19700101", "010Y", 10),
        ("20160101", "056Y", 10),
        ("19700101", "000Y", 56),
        ("19700101", "unknown", 56),
        ("00000000", "056Y", 56),
        ("20990101", "056Y", 56),
    ],
)
def test_of_two_ages_the_lower_counts_and_what_cannot_be_does_not(born, stated, years):
    assert age(patient_birth_date=born, patient_age=stated, study_date="20260301") == years


def test_the_age_is_that_at_the_exposure_whenever_the_image_came():
    child_of_2010 = {"patient_birth_date": "20000101", "content_date": "20260301"}
    assert age(**child_of_2010, acquisition_date="20100601", study_date="20260301") == 10
    assert age(**child_of_2010) == 26


@pytest.mark.parametrize(
    ("days", "day"),
    [
        ({"acquisition_date": "20260201", "content_date": "20260202"}, date(2026, 2, 1)),
        ({"content_date": "20260202", "series_date": "20260203"}, date(2026, 2, 2)),
        ({"series_date": "20260203", "study_date": "20260204"}, date(2026, 2, 3)),
        ({"study_date": "20260204"}, date(2026, 2, 4)),
        ({"acquisition_date": "20300101", "study_date": "20260204"}, date(2026, 2, 4)),
        ({"acquisition_date": "00010101", "study_date": "20260204"}, date(2026, 2, 4)),
        ({}, TODAY),
    ],
)
def test_an_image_is_of_the_day_nearest_to_its_exposure(days, day):
    assert image_date(header(**days), received_on=TODAY) == day


@pytest.mark.parametrize(
    ("days", "day"),
    [
        ({"study_date": "20190301", "content_date": "20260301", "series_date": "20260301"}, date(2019, 3, 1)),
        ({"study_date": "2019.03.01", "acquisition_date": "2019.03.02"}, date(2019, 3, 2)),
        ({"study_date": "20190301", "acquisition_date": "20260228"}, date(2026, 2, 28)),
        ({"study_date": "20260228", "acquisition_date": "20000101"}, date(2026, 2, 28)),
        ({"series_date": "20190301", "content_date": "20190302"}, date(2019, 3, 2)),
        ({"study_date": "20260302"}, date(2026, 3, 2)),
        ({"study_date": "20260303"}, TODAY),
        ({"study_date": "19000101"}, TODAY),
        ({"study_date": "19700101"}, TODAY),
        ({"study_date": "unknown"}, TODAY),
        ({}, TODAY),
    ],
)
def test_a_study_is_of_its_later_day_and_without_one_of_today(days, day):
    assert study_date(header(**days), received_on=TODAY) == day


@pytest.mark.parametrize(
    ("day", "is_old"), [("20260215", False), ("20260214", True), ("20190301", True), ("", False)]
)
def test_a_study_is_old_beyond_the_days_that_the_site_says(day, is_old):
    assert ages_of(header(study_date=day), NEWS, received_on=TODAY) == Ages(rule=NEWS, is_old=is_old)


@pytest.mark.parametrize(
    ("stated", "caution"),
    [("017Y", AgeCaution.YOUNGER), ("018Y", None), ("", AgeCaution.UNKNOWN), ("999Y", AgeCaution.UNKNOWN)],
)
def test_younger_and_unknown_are_cautioned(stated, caution):
    ages = ages_of(header(patient_age=stated), ADULTS, received_on=TODAY)
    assert ages == Ages(rule=ADULTS, caution=caution)


def test_where_nothing_is_asked_nobody_is_too_young_and_nothing_old():
    asked = ages_of(header(patient_age="003D", study_date="19990301"), AgeRule(), received_on=TODAY)
    assert (asked.caution, asked.is_old) == (None, False)


def test_the_images_of_one_patient_speak_of_one_age():
    younger, unknown, adult = (AgeCaution.YOUNGER, 18), (AgeCaution.UNKNOWN, 18), (None, 18)
    assert age_clause([unknown, younger]) == (
        "the patient is younger than 18 years, for whom the model was not tested; "
        "treat the result with caution"
    )
    assert age_clause([unknown, unknown]) == (
        "the patient's age is not known, and the model was not tested below 18 years; "
        "treat the result with caution"
    )
    assert age_clause([unknown, adult]) == ""
    assert age_clause([]) == ""


def test_the_years_are_those_that_were_asked_when_the_image_came():
    assert "younger than 16 years" in age_clause([(AgeCaution.YOUNGER, 16)])
