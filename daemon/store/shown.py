"""This module holds what people are shown of the store: studies, results, refused instances, stages."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from daemon.couriers.remark import Remark
from daemon.store.values import InstanceRecord, StudyIdentity
from daemon.study.lifecycle import StudyState


class Standing(StrEnum):
    """What a study is to its reader now: its category, or why it has none."""

    LIKELY = "likely"
    SUSPECTED = "suspected"
    FAILED = "failed"
    NOT_ANALYZED = "not analyzed"
    IN_PROGRESS = "in progress"
    NOT_FLAGGED = "not flagged"


class Refusal(StrEnum):
    """Why an instance or an association was refused."""

    UNREADABLE = "instance cannot be read"
    NOT_AS_ANNOUNCED = "instance not as announced"
    CALLED_AE_TITLE = "called AE title not recognized"
    CALLER = "caller not allowed"
    APPLICATION_CONTEXT = "application context not known"
    TOO_MANY = "too many associations"

    @property
    def is_of_instance(self) -> bool:
        """Whether an instance was refused, and no association."""
        return self in (Refusal.UNREADABLE, Refusal.NOT_AS_ANNOUNCED)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistEntry:
    """One study as the worklist shows it; `identity` is patient data.

    `cause` is what brought it into its state, a value of `daemon.study.lifecycle.StudyEvent`; `reason` says
    why in words, where there is something to say. `trained` is False where its results mean nothing. `part`
    is the one with the score, where the study shows several, `target` what was looked for; both are empty
    before there is a report. `warned_view_count` is how many of its views differ from the training data. What
    `is_old` was made long before it came, and belongs to no day's work.
    """

    study_instance_uid: str
    identity: StudyIdentity
    state: StudyState
    cause: str
    reason: str
    revision: int
    priority: int
    standing: Standing
    category: str
    score: float | None
    part: str
    target: str
    model_label: str
    trained: bool
    summary: str
    regions: tuple[str, ...]
    view_count: int
    warned_view_count: int
    is_old: bool
    instance_count: int
    opened_at: datetime
    last_instance_at: datetime
    closed_at: datetime | None
    dead_destinations: tuple[str, ...] = ()
    waiting_destinations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """Where one result stands on its way to one destination."""

    destination: str
    state: str
    remark: Remark | None
    attempts: int
    retry_at: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRecord:
    """One stored result and its deliveries."""

    revision: int
    kind: str
    sop_instance_uid: str
    source_sop_instance_uid: str
    path: str
    created_at: datetime
    deliveries: tuple[DeliveryRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """A change of state in the history of a study.

    Attributes
    ----------
    sop_instance_uid
        Of the instance, or of the result that is delivered; empty where it is the study itself.
    destination
        Whereto the result is delivered; empty where it is no delivery.
    old_state
        Empty where the instance, the delivery or the study came into being.
    new_state
        Empty where the study was removed.
    cause
        A value of `daemon.study.lifecycle.Event`, or of `StudyEnd` where the study was removed.
    author
        The stage that wrote it, or "command" where a person did.
    """

    at: datetime
    sop_instance_uid: str
    destination: str
    old_state: str
    new_state: str
    cause: str
    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDetail:
    """Everything the store knows of one study."""

    entry: WorklistEntry
    instances: tuple[InstanceRecord, ...]
    results: tuple[ResultRecord, ...]
    events: tuple[EventRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An instance that no study holds, or an association that was refused; the sender was told.

    `sop_instance_uid` is empty for an association, and where nobody knows it. It happened `number` times, the
    last time at `rejected_at`.
    """

    rejected_at: datetime
    source: str
    sop_instance_uid: str = ""
    cause: Refusal = Refusal.UNREADABLE
    reason: str
    number: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """A stage as last seen.

    `condition` is empty when it works, else says what keeps it from working. `notice` says what is not as it
    should be though it works, such as a slower engine.
    """

    name: str
    process_id: int
    started_at: datetime
    seen_at: datetime
    condition: str
    notice: str = ""
