"""This module says in words how numbers stand to what was stated, and what the paper's rule makes of them."""

from dicom_io.selection.explanation import SourceExplanation
from models.claims import in_words
from models.panels import PAPER_THRESHOLD, Panel, PaperReading

_DIGITS = 3


def judged(panel: Panel, stated: bool = True) -> str:
    """Return how a panel's probability stands to the operating point, as a clause.

    `stated` tells whether the operating points are those of the bundle that made the number.
    """
    if not stated:
        return "the operating points of its bundle are not at hand"
    if panel.is_stated:
        return "reaches the operating point" if panel.reaches else "is below the operating point"
    where = "at or above" if panel.reaches else "below"
    whom = "these members together" if panel.is_ensemble else "it alone"
    return f"{where} the ensemble's operating point, which is not stated for {whom}"


def paper_rule(reading: PaperReading) -> str:
    """Return what the paper's rule says of the same members, with its polarity, as a sentence."""
    verdict = (
        f"below {PAPER_THRESHOLD:g}, its class abnormal"
        if reading.is_abnormal
        else f"not below {PAPER_THRESHOLD:g}, its class NORMAL, which ulna never states"
    )
    return (
        f"The paper's rule: {reading.score:.3f}, the mean of the raw sigmoids with equal votes, where 1 is "
        f"NORMAL and 0 is abnormal; {verdict}."
    )


def threshold(value: float) -> str:
    """Return a threshold in three digits, as reports do.

    >>> threshold(0.08144972689876141)
    '0.0814'
    """
    return in_words(value, _DIGITS)


def rate(value: float | None, interval: tuple[float, float] | None) -> str:
    """Return a stated share with its interval; "not measured" where there is none.

    >>> rate(0.9, (0.85, 0.94)), rate(0.9, None), rate(None, None)
    ('0.9 (0.85 to 0.94)', '0.9', 'not measured')
    """
    if value is None:
        return "not measured"
    said = in_words(value, _DIGITS)
    return (
        said
        if interval is None
        else f"{said} ({in_words(interval[0], _DIGITS)} to {in_words(interval[1], _DIGITS)})"
    )


def said(source: SourceExplanation) -> str:
    """Return what a text or code of a header was understood to say."""
    parts = {
        "region": source.region,
        "laterality": source.laterality,
        "projection": source.projection,
        "exclusion": source.exclusion,
    }
    return ", ".join(f"{name} {'/'.join(values)}" for name, values in parts.items() if values) or "nothing"
