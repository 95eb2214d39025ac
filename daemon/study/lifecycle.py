"""This module is the life cycle of instances, studies and deliveries, as tables.

A state changes only through `daemon.store.transitions`, which asks :func:`advance`; a pair that the tables
do not hold is an error, never ignored. The first event of each kind begins a row and leads from no state.

>>> advance(StudyState.OPEN, StudyEvent.CLAIMED)
<StudyState.REPORTING: 'reporting'>
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from daemon.errors import IllegalTransition


class InstanceState(StrEnum):
    """Where an acknowledged instance stands."""

    RECEIVED = "received"
    ANALYZED = "analyzed"
    EXCLUDED = "excluded"
    UNREADABLE = "unreadable"


class InstanceEvent(StrEnum):
    """What can happen to an instance."""

    ARRIVED = "arrived"
    ANALYSIS_STORED = "analysis stored"
    FOUND_UNREADABLE = "found unreadable"
    FILE_LOST = "file lost"
    UNDECODABLE = "undecodable"
    NO_NUMBER = "no number"
    UNLIKE_RADIOGRAPH = "unlike radiograph"
    ANALYSIS_BEGUN_TOO_OFTEN = "analysis begun too often"
    BUNDLE_CHANGED = "bundle changed"
    REPLACED = "replaced"
    CAME_AGAIN = "came again"


class StudyState(StrEnum):
    """Where a study stands; all but OPEN, REPORTING and DELIVERING are closed."""

    OPEN = "open"
    REPORTING = "reporting"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    NOT_ANALYZED = "not_analyzed"
    FAILED = "failed"


class StudyEvent(StrEnum):
    """What can happen to a study."""

    OPENED = "opened"
    VIEW_ARRIVED = "view arrived"
    CLAIMED = "claimed"
    REPORTED = "reported"
    CLAIM_ABANDONED = "claim abandoned"
    ALL_SENT = "all sent"
    NOTHING_TO_REPORT = "nothing to report"
    REPORT_FAILED = "report failed"
    REPORT_BEGUN_TOO_OFTEN = "report begun too often"
    DELIVERY_DEAD = "delivery dead"
    PATIENT_MISMATCH = "patient mismatch"
    CONFIRMATION_NEEDED = "confirmation needed"
    PATIENT_CORRECTED = "patient corrected"
    PATIENT_CONFIRMED = "patient confirmed"
    REPORT_REQUEUED = "report requeued"
    DELIVERY_REQUEUED = "delivery requeued"


class StudyEnd(StrEnum):
    """What ends a study, rows, files and all; the tables know no state that follows."""

    RETENTION_ENDED = "retention ended"
    FORGOTTEN = "forgotten"


class DeliveryState(StrEnum):
    """Where one result stands on its way to one destination."""

    PENDING = "pending"
    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class DeliveryEvent(StrEnum):
    """What can happen to a delivery."""

    QUEUED = "queued"
    ACKNOWLEDGED = "acknowledged"
    FAILED_TRANSIENTLY = "failed transiently"
    FAILED_PERMANENTLY = "failed permanently"
    DESTINATION_GONE = "destination gone"
    PATIENT_CHANGED = "patient changed"
    REQUEUED = "requeued"
    NEWER_REPORTED = "newer reported"


State = TypeVar("State", InstanceState, StudyState, DeliveryState)
Event = InstanceEvent | StudyEvent | DeliveryEvent

INSTANCE_TRANSITIONS: Mapping[tuple[InstanceState, InstanceEvent], InstanceState] = MappingProxyType(
    {
        (InstanceState.RECEIVED, InstanceEvent.ANALYSIS_STORED): InstanceState.ANALYZED,
        (InstanceState.RECEIVED, InstanceEvent.FILE_LOST): InstanceState.UNREADABLE,
        (InstanceState.RECEIVED, InstanceEvent.UNDECODABLE): InstanceState.UNREADABLE,
        (InstanceState.RECEIVED, InstanceEvent.NO_NUMBER): InstanceState.UNREADABLE,
        (InstanceState.RECEIVED, InstanceEvent.UNLIKE_RADIOGRAPH): InstanceState.UNREADABLE,
        (InstanceState.RECEIVED, InstanceEvent.ANALYSIS_BEGUN_TOO_OFTEN): InstanceState.UNREADABLE,
        (InstanceState.ANALYZED, InstanceEvent.BUNDLE_CHANGED): InstanceState.RECEIVED,
        # Corrected bytes of a SOP Instance UID take the place of the first, and may lose it again.
        (InstanceState.RECEIVED, InstanceEvent.REPLACED): InstanceState.EXCLUDED,
        (InstanceState.ANALYZED, InstanceEvent.REPLACED): InstanceState.EXCLUDED,
        (InstanceState.EXCLUDED, InstanceEvent.REPLACED): InstanceState.EXCLUDED,
        (InstanceState.UNREADABLE, InstanceEvent.REPLACED): InstanceState.EXCLUDED,
        (InstanceState.EXCLUDED, InstanceEvent.CAME_AGAIN): InstanceState.RECEIVED,
        (InstanceState.EXCLUDED, InstanceEvent.FOUND_UNREADABLE): InstanceState.UNREADABLE,
    }
)

STUDY_TRANSITIONS: Mapping[tuple[StudyState, StudyEvent], StudyState] = MappingProxyType(
    {
        # A view reopens whatever had been closed. While a report is being built the claim stays:
        # the reporter sees at its end that the study grew and abandons the claim.
        (StudyState.OPEN, StudyEvent.VIEW_ARRIVED): StudyState.OPEN,
        (StudyState.REPORTING, StudyEvent.VIEW_ARRIVED): StudyState.REPORTING,
        (StudyState.DELIVERING, StudyEvent.VIEW_ARRIVED): StudyState.OPEN,
        (StudyState.DELIVERED, StudyEvent.VIEW_ARRIVED): StudyState.OPEN,
        (StudyState.NOT_ANALYZED, StudyEvent.VIEW_ARRIVED): StudyState.OPEN,
        (StudyState.FAILED, StudyEvent.VIEW_ARRIVED): StudyState.OPEN,
        (StudyState.OPEN, StudyEvent.CLAIMED): StudyState.REPORTING,
        (StudyState.REPORTING, StudyEvent.CLAIM_ABANDONED): StudyState.OPEN,
        (StudyState.REPORTING, StudyEvent.REPORTED): StudyState.DELIVERING,
        (StudyState.REPORTING, StudyEvent.NOTHING_TO_REPORT): StudyState.NOT_ANALYZED,
        (StudyState.REPORTING, StudyEvent.REPORT_FAILED): StudyState.FAILED,
        (StudyState.OPEN, StudyEvent.REPORT_BEGUN_TOO_OFTEN): StudyState.FAILED,
        (StudyState.DELIVERING, StudyEvent.ALL_SENT): StudyState.DELIVERED,
        (StudyState.DELIVERING, StudyEvent.NOTHING_TO_REPORT): StudyState.NOT_ANALYZED,
        (StudyState.DELIVERING, StudyEvent.DELIVERY_DEAD): StudyState.FAILED,
        # Two patients in one study: nothing more is sent, whatever the study was doing.
        (StudyState.OPEN, StudyEvent.PATIENT_MISMATCH): StudyState.FAILED,
        (StudyState.REPORTING, StudyEvent.PATIENT_MISMATCH): StudyState.FAILED,
        (StudyState.DELIVERING, StudyEvent.PATIENT_MISMATCH): StudyState.FAILED,
        (StudyState.DELIVERED, StudyEvent.PATIENT_MISMATCH): StudyState.FAILED,
        (StudyState.NOT_ANALYZED, StudyEvent.PATIENT_MISMATCH): StudyState.FAILED,
        (StudyState.FAILED, StudyEvent.PATIENT_MISMATCH): StudyState.FAILED,
        # Until all are of one patient again; where results went out under another, a person says so.
        (StudyState.FAILED, StudyEvent.CONFIRMATION_NEEDED): StudyState.FAILED,
        (StudyState.FAILED, StudyEvent.PATIENT_CORRECTED): StudyState.OPEN,
        (StudyState.FAILED, StudyEvent.PATIENT_CONFIRMED): StudyState.OPEN,
        (StudyState.FAILED, StudyEvent.REPORT_REQUEUED): StudyState.OPEN,
        (StudyState.FAILED, StudyEvent.DELIVERY_REQUEUED): StudyState.DELIVERING,
        (StudyState.DELIVERING, StudyEvent.DELIVERY_REQUEUED): StudyState.DELIVERING,
        (StudyState.DELIVERED, StudyEvent.DELIVERY_REQUEUED): StudyState.DELIVERING,
        (StudyState.NOT_ANALYZED, StudyEvent.DELIVERY_REQUEUED): StudyState.DELIVERING,
    }
)

DELIVERY_TRANSITIONS: Mapping[tuple[DeliveryState, DeliveryEvent], DeliveryState] = MappingProxyType(
    {
        (DeliveryState.PENDING, DeliveryEvent.ACKNOWLEDGED): DeliveryState.SENT,
        (DeliveryState.PENDING, DeliveryEvent.FAILED_TRANSIENTLY): DeliveryState.WAITING,
        (DeliveryState.PENDING, DeliveryEvent.FAILED_PERMANENTLY): DeliveryState.DEAD,
        (DeliveryState.WAITING, DeliveryEvent.ACKNOWLEDGED): DeliveryState.SENT,
        (DeliveryState.WAITING, DeliveryEvent.FAILED_TRANSIENTLY): DeliveryState.WAITING,
        (DeliveryState.WAITING, DeliveryEvent.FAILED_PERMANENTLY): DeliveryState.DEAD,
        (DeliveryState.PENDING, DeliveryEvent.DESTINATION_GONE): DeliveryState.DEAD,
        (DeliveryState.WAITING, DeliveryEvent.DESTINATION_GONE): DeliveryState.DEAD,
        (DeliveryState.PENDING, DeliveryEvent.PATIENT_CHANGED): DeliveryState.WITHDRAWN,
        (DeliveryState.WAITING, DeliveryEvent.PATIENT_CHANGED): DeliveryState.WITHDRAWN,
        (DeliveryState.WAITING, DeliveryEvent.REQUEUED): DeliveryState.PENDING,
        (DeliveryState.SENT, DeliveryEvent.REQUEUED): DeliveryState.PENDING,
        (DeliveryState.DEAD, DeliveryEvent.REQUEUED): DeliveryState.PENDING,
        # The destination gets the results of the newer report, and nobody tries the older ones again. What
        # was on its way at that moment may still arrive.
        (DeliveryState.PENDING, DeliveryEvent.NEWER_REPORTED): DeliveryState.SUPERSEDED,
        (DeliveryState.WAITING, DeliveryEvent.NEWER_REPORTED): DeliveryState.SUPERSEDED,
        (DeliveryState.DEAD, DeliveryEvent.NEWER_REPORTED): DeliveryState.SUPERSEDED,
        (DeliveryState.SUPERSEDED, DeliveryEvent.ACKNOWLEDGED): DeliveryState.SENT,
        (DeliveryState.SUPERSEDED, DeliveryEvent.FAILED_TRANSIENTLY): DeliveryState.SUPERSEDED,
        (DeliveryState.SUPERSEDED, DeliveryEvent.FAILED_PERMANENTLY): DeliveryState.SUPERSEDED,
    }
)

_TABLES: tuple[Mapping[Any, StrEnum], ...] = (
    INSTANCE_TRANSITIONS,
    STUDY_TRANSITIONS,
    DELIVERY_TRANSITIONS,
)

CLOSED_STUDY_STATES = frozenset({StudyState.DELIVERED, StudyState.NOT_ANALYZED, StudyState.FAILED})


def is_unfinished(state: StudyState) -> bool:
    """Return whether work on a study is still to be done without a person."""
    return state not in CLOSED_STUDY_STATES


def advance(state: State, event: Event) -> State:
    """Return the state that follows.

    Raises
    ------
    IllegalTransition
        The tables hold no such pair.
    """
    for table in _TABLES:
        following = table.get((state, event))
        if isinstance(following, type(state)):
            return following
    raise IllegalTransition(f"{type(state).__name__} {state.value!r} does not know {event.value!r}")
