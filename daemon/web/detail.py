"""This module decides what the page of one study shows: its views, what was left out, its results."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.store.result_kind import ResultKind
from daemon.store.shown import ResultRecord, StudyDetail
from daemon.store.values import InstanceRecord
from daemon.study.lifecycle import InstanceState
from dicom_io.selection.age import age_clause
from models.finding import view_probability


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownView:
    """A view of the study.

    Attributes
    ----------
    number
        From 1, in order of arrival.
    probability
        P(abnormal) of the ensemble; None before the view is analyzed.
    picture
        The newest picture of the view; None before there is one, and after the study was corrected to another
        patient, until that one is reported.
    """

    number: int
    record: InstanceRecord
    probability: float | None
    picture: ResultRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The results of one report of the study."""

    number: int
    results: tuple[ResultRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyView:
    """What the page shows of a study; revisions are newest first.

    `age_caution` is the sentence about the patient's age, empty if there is none.
    """

    views: tuple[ShownView, ...]
    set_aside: tuple[InstanceRecord, ...]
    revisions: tuple[Revision, ...]
    age_caution: str


def study_view(detail: StudyDetail) -> StudyView:
    """Arrange what the store knows of a study."""
    pictures = {
        result.source_sop_instance_uid: result
        for result in sorted(detail.results, key=lambda result: result.revision)
        if result.kind == ResultKind.SECONDARY_CAPTURE and detail.entry.category
    }
    views = [record for record in detail.instances if _is_view(record)]
    return StudyView(
        views=tuple(_shown(number, record, pictures) for number, record in enumerate(views, start=1)),
        set_aside=tuple(record for record in detail.instances if not _is_view(record)),
        revisions=_revisions(detail.results),
        age_caution=_age_caution(views),
    )


def ensemble_probability(record: InstanceRecord) -> float | None:
    """Return P(abnormal) of a view: that of its members together; None before the view is analyzed."""
    return view_probability(record.members) if record.members else None


def _age_caution(views: Iterable[InstanceRecord]) -> str:
    clause = age_clause([(record.age_caution, record.minimum_age_years) for record in views])
    return f"{clause[:1].upper()}{clause[1:]}." if clause else ""


def _is_view(record: InstanceRecord) -> bool:
    return record.state in (InstanceState.RECEIVED, InstanceState.ANALYZED)


def _shown(number: int, record: InstanceRecord, pictures: Mapping[str, ResultRecord]) -> ShownView:
    return ShownView(
        number=number,
        record=record,
        probability=ensemble_probability(record),
        picture=pictures.get(record.sop_instance_uid),
    )


def _revisions(results: tuple[ResultRecord, ...]) -> tuple[Revision, ...]:
    numbers = sorted({result.revision for result in results}, reverse=True)
    return tuple(
        Revision(number=number, results=tuple(result for result in results if result.revision == number))
        for number in numbers
    )
