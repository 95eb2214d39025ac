"""Says what a finding claims, in the words that all outputs share.

None of them says that something is normal, and each speaks of the target alone: who reads "nothing found"
takes it for an answer about everything.
"""

from collections.abc import Iterable

import numpy as np

from models.bundle.entries import Target
from models.study_finding import StudyFinding, TriageCategory

NOT_LOOKED_FOR = "other findings were not looked for"

UNSPECIFIED = "unspecified body part"

_FEWEST_DIGITS, _MOST_DIGITS = 3, 17  # the latter tells any two numbers apart


def claim(category: TriageCategory, target: Target) -> str:
    """Return what a category says of the target, as words within a sentence: "no fracture suspected"."""
    match category:
        case TriageCategory.LIKELY | TriageCategory.SUSPECTED:
            return f"{category} {target.text}"
        case TriageCategory.NOT_FLAGGED:
            return f"no {target.text} suspected"
        case TriageCategory.NOT_ANALYZED:
            return "not analyzed"


def headline(category: TriageCategory, target: Target) -> str:
    """Return the claim as a headline; what is flagged is in capitals."""
    words = claim(category, target)
    flagged = category in (TriageCategory.LIKELY, TriageCategory.SUSPECTED)
    return words.upper() if flagged else words[:1].upper() + words[1:]


def named(part: str) -> str:
    """Return the name of a part, also where nobody knows which it is."""
    return part or UNSPECIFIED


def digits_of(finding: StudyFinding) -> int:
    """Return the significant digits, three or more, in which no probability changes its side of a threshold.

    A study at 0.0814 must not be "below 0.0814": then both need one more. Nor may a probability become 1.
    """
    thresholds = {point.threshold for point in finding.bundle.operating_points}
    probabilities = [view.probability for view in finding.views] + [part.score for part in finding.parts]
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS):
        if _all_on_their_sides(probabilities, thresholds, digits):
            return digits
    return _MOST_DIGITS


def in_digits(number: float, digits: int) -> float:
    """Round a number to so many significant digits."""
    return float(f"{number:.{digits}g}")


def in_words(number: float, digits: int) -> str:
    """Write a number with so many significant digits, without an exponent and without zeros at the end.

    >>> in_words(0.08144972689876141, 3), in_words(0.5, 3), in_words(0.000012, 3)
    ('0.0814', '0.5', '0.000012')
    """
    return np.format_float_positional(number, precision=digits, unique=False, fractional=False, trim="-")


def _all_on_their_sides(probabilities: Iterable[float], thresholds: Iterable[float], digits: int) -> bool:
    limits = [(threshold, in_digits(threshold, digits)) for threshold in thresholds]
    return all(
        (probability >= threshold) == (in_digits(probability, digits) >= shown)
        for probability in probabilities
        for threshold, shown in [*limits, (1.0, 1.0)]
    )
