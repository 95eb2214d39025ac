"""How old a patient was when an image was taken, and whether a study is too old to be news.

This module compares both with what a site asks. Nobody's age or birth date leaves it, only the outcome.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from dicom_io.reading.dates import date_of, image_date, study_date

if TYPE_CHECKING:  # it loads pydicom, which nobody needs for the words of a finding
    from dicom_io.reading.instance import InstanceHeader

# Nobody is known to have lived longer. It also sorts out 1900-01-01, which stands for "not known".
_LONGEST_LIFE_YEARS = 122
_DAYS_PER_YEAR = 365.25
_ADVICE = "treat the result with caution"
_AGE = re.compile(r"([0-9]{1,3})([DWMY])")
_PER_YEAR = {"D": _DAYS_PER_YEAR, "W": _DAYS_PER_YEAR / 7, "M": 12.0, "Y": 1.0}


class AgeCaution(StrEnum):
    """Why a result is to be taken with caution on account of the patient's age."""

    YOUNGER = "younger"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeRule:
    """What a site asks of the ages of patients and studies; 0 asks nothing."""

    minimum_age_years: int = 0
    below_minimum_age: Literal["caution", "exclude"] = "caution"
    max_age_days: int = 0
    beyond_max_age: Literal["low", "exclude"] = "low"


ANY_AGE = AgeRule()
"""Asks nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """What the ages of an instance's patient and study mean under a rule.

    `caution` is None where the patient is old enough, or nobody asked.
    """

    rule: AgeRule = ANY_AGE
    caution: AgeCaution | None = None
    is_old: bool = False


NOT_ASKED = Ages()
"""Of an instance about whose ages nobody asked."""


def ages_of(header: "InstanceHeader", rule: AgeRule, *, received_on: date) -> Ages:
    """Return what a rule makes of an instance that came on a day."""
    oldest = received_on - timedelta(days=rule.max_age_days)
    return Ages(
        rule=rule,
        caution=_caution(header, rule, received_on) if rule.minimum_age_years else None,
        is_old=bool(rule.max_age_days) and study_date(header, received_on=received_on) < oldest,
    )


def age_in_years(header: "InstanceHeader", *, received_on: date) -> int | None:
    """Return the age of the patient when the image was taken, in whole years; None where it is not known.

    Where Patient's Age and Patient's Birth Date disagree the lower age counts: a caution too many costs a
    reader a sentence, one too few lets a child pass for an adult.
    """
    taken_on = image_date(header, received_on=received_on)
    ages = (_age_stated(header.patient_age), _age_by_birth_date(header.patient_birth_date, taken_on))
    return min((age for age in ages if age is not None and age <= _LONGEST_LIFE_YEARS), default=None)


def age_clause(said: Collection[tuple[AgeCaution | None, int]]) -> str:
    """Return a clause on what the ages of one patient's images mean for the result; empty if nothing.

    An age that one image states is the patient's, so a missing one counts only where all are missing.

    Parameters
    ----------
    said
        The caution of each image, and the minimum age in years that was asked when it came.
    """
    cautions = {caution for caution, _ in said}
    years = max((years for _, years in said), default=0)
    if AgeCaution.YOUNGER in cautions:
        return f"the patient is younger than {years} years, for whom the model was not tested; {_ADVICE}"
    if cautions == {AgeCaution.UNKNOWN}:
        return f"the patient's age is not known, and the model was not tested below {years} years; {_ADVICE}"
    return ""


def _caution(header: "InstanceHeader", rule: AgeRule, received_on: date) -> AgeCaution | None:
    age = age_in_years(header, received_on=received_on)
    if age is None:
        return AgeCaution.UNKNOWN
    return AgeCaution.YOUNGER if age < rule.minimum_age_years else None


def _age_stated(text: str) -> int | None:
    """Return the years of an AS value; None where it is none, or the zero of devices that know no age."""
    match = _AGE.fullmatch(text)
    if match is None or int(match[1]) == 0:
        return None
    return int(int(match[1]) / _PER_YEAR[match[2]])


def _age_by_birth_date(text: str, taken_on: date) -> int | None:
    born = date_of(text)
    if born is None or born > taken_on:
        return None
    had_birthday = (taken_on.month, taken_on.day) >= (born.month, born.day)
    return taken_on.year - born.year - (not had_birthday)
