"""This module says values in the words of the page."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from daemon.store.result_kind import ResultKind
from daemon.store.shown import WorklistEntry
from daemon.study.lifecycle import DeliveryState, InstanceState, StudyState
from daemon.study.priority import Priority
from daemon.web.listing import has_two_patients, waits_for_confirmation

UNTRAINED = "UNTRAINED"
NO_NAME = "(no name)"

SIDES: Mapping[str, str] = MappingProxyType({"L": "left", "R": "right", "B": "both sides", "": ""})

STUDY_STATES: Mapping[StudyState, str] = MappingProxyType(
    {
        StudyState.OPEN: "receiving and analyzing",
        StudyState.REPORTING: "writing the report",
        StudyState.DELIVERING: "sending results",
        StudyState.DELIVERED: "delivered",
        StudyState.NOT_ANALYZED: "closed, not analyzed",
        StudyState.FAILED: "failed",
    }
)

DELIVERY_STATES: Mapping[str, str] = MappingProxyType(
    {
        DeliveryState.PENDING: "waits to be sent",
        DeliveryState.WAITING: "will be tried again",
        DeliveryState.SENT: "sent",
        DeliveryState.DEAD: "not delivered, needs a person",
        DeliveryState.WITHDRAWN: "withdrawn, not sent",
        DeliveryState.SUPERSEDED: "not sent, a newer report replaces it",
    }
)

INSTANCE_STATES: Mapping[InstanceState, str] = MappingProxyType(
    {
        InstanceState.RECEIVED: "waits for analysis",
        InstanceState.ANALYZED: "analyzed",
        InstanceState.EXCLUDED: "not analyzed",
        InstanceState.UNREADABLE: "unreadable",
    }
)

RESULT_KINDS: Mapping[str, str] = MappingProxyType(
    {
        ResultKind.STRUCTURED_REPORT: "Structured Report",
        ResultKind.SECONDARY_CAPTURE: "Secondary Capture",
    }
)

_TWO_PATIENTS = (
    "instances of different patients are in this study: no result is sent; correct it in the PACS, and send "
    "what was corrected again"
)
_MINUTE, _HOUR = 60, 3600


def person_name(text: str) -> str:
    """Return a person's name as people write it (PS3.5 6.2.1), with its ideographic form if there is one.

    >>> person_name("Yamada^Tarou=\u5c71\u7530^\u592a\u90ce=")
    'Yamada, Tarou (\u5c71\u7530 \u592a\u90ce)'
    >>> person_name("Doe^Jane^^Dr"), person_name("^^")
    ('Doe, Jane, Dr', '(no name)')
    """
    alphabetic, _, others = text.partition("=")
    family, *given = alphabetic.split("^")
    latin = ", ".join(part for part in (_clean(family), *map(_clean, given)) if part)
    ideographic = " ".join(part for part in map(_clean, others.partition("=")[0].split("^")) if part)
    if latin and ideographic:
        return f"{latin} ({ideographic})"
    return latin or ideographic or NO_NAME


def date(text: str) -> str:
    """Return a DICOM date with hyphens; what is no date stays as it came.

    >>> date("20260301"), date("March"), date("")
    ('2026-03-01', 'March', '')
    """
    if len(text) == 8 and text.isascii() and text.isdigit():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return _clean(text)


def duration(elapsed: timedelta) -> str:
    """Return a duration in at most two units.

    >>> duration(timedelta(seconds=7)), duration(timedelta(seconds=192)), duration(timedelta(hours=26))
    ('7 s', '3 min 12 s', '26 h 0 min')
    """
    seconds = max(0, round(elapsed.total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min {seconds % _MINUTE} s"
    return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE} min"


def local_time(moment: datetime, now: datetime) -> str:
    """Return a moment in this machine's time zone; the day only where it is not today."""
    here, today = moment.astimezone(), now.astimezone().date()
    return f"{here:%H:%M:%S}" if here.date() == today else f"{here:%Y-%m-%d %H:%M}"


def probability(value: float | None) -> str:
    """Return a probability with three decimals, as the pictures do.

    >>> probability(0.8731), probability(None)
    ('0.873', '')
    """
    return "" if value is None else f"{value:.3f}"


def quantity(target: str) -> str:
    """Return what a probability is called; of a report from before targets were kept, without one.

    >>> quantity("fracture"), quantity("")
    ('P(fracture)', 'Probability')
    """
    return f"P({target})" if target else "Probability"


def part(region: str, laterality: str = "") -> str:
    """Return a region with its side, as far as they are known.

    >>> part("WRIST", "L"), part("", ""), part("HAND", "B")
    ('left wrist', '', 'hand, both sides')
    """
    side, name = SIDES.get(laterality, ""), region.lower()
    if laterality == "B":
        return f"{name}, {side}".lstrip(", ")
    return f"{side} {name}".strip()


def priority(rank: int) -> str:
    """Return the name of a rank.

    >>> priority(0), priority(2)
    ('STAT', 'MEDIUM')
    """
    return Priority(rank).name


def reason(entry: WorklistEntry) -> str:
    """Return why a study is in its state, as a clause."""
    if has_two_patients(entry) and not waits_for_confirmation(entry):
        return _TWO_PATIENTS
    return entry.reason.removesuffix(".")


def _clean(text: str) -> str:
    """Return the text without what is not printable; a received text may hold anything."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
