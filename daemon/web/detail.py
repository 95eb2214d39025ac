"""This module decides what the page of one study shows: its views, what was left out, its results."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from daemon.store.result_kind import ResultKind
from daemon.store.shown import ResultRecord, StudyDetail
from daemon.store.values import InstanceRecord
from daemon.study.lifecycle import InstanceState
from daemon.web.stated import StatedBundle
from dicom_io.selection.age import age_clause
from models.finding import view_probability
from models.panels import Panel, panels_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownView:
    """A view of the study.

    Attributes
    ----------
    number
        From 1, in order of arrival.
    probability
        P(abnormal) of the ensemble; None before the view is analyzed.
    panels
        What its members say, together and each; empty before the view is analyzed.
    picture
        The newest picture of the view; None before there is one, and after the study was corrected to another
        patient, until that one is reported.
    """

    number: int
    record: InstanceRecord
    probability: float | None
    panels: tuple[Panel, ...]
    picture: ResultRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The results of one report of the study."""

    number: int
    results: tuple[ResultRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyView:
    """What the page shows of a study; revisions are newest first.

    `bundle` is what made its numbers; None where another is configured by now. `age_caution` is the sentence
    about the patient's age, empty if there is none.
    """

    views: tuple[ShownView, ...]
    set_aside: tuple[InstanceRecord, ...]
    revisions: tuple[Revision, ...]
    bundle: StatedBundle | None
    age_caution: str


def study_view(
    detail: StudyDetail, configured: StatedBundle | None = None, *, by_paper: bool = False
) -> StudyView:
    """Arrange what the store knows of a study.

    `configured` is the bundle that analyzes now; `by_paper` also asks for what the paper's own rule says.
    """
    pictures = {
        result.source_sop_instance_uid: result
        for result in sorted(detail.results, key=lambda result: result.revision)
        if result.kind == ResultKind.SECONDARY_CAPTURE and detail.entry.category
    }
    views = [record for record in detail.instances if is_view(record)]
    bundle = configured if configured is not None and configured.made(views) else None
    return StudyView(
        views=tuple(
            ShownView(
                number=number,
                record=record,
                probability=ensemble_probability(record),
                panels=panels_of_view(record, bundle, by_paper=by_paper),
                picture=pictures.get(record.sop_instance_uid),
            )
            for number, record in enumerate(views, start=1)
        ),
        set_aside=tuple(record for record in detail.instances if not is_view(record)),
        revisions=_revisions(detail.results),
        bundle=bundle,
        age_caution=_age_caution(views),
    )


def panels_of_view(
    record: InstanceRecord, bundle: StatedBundle | None, *, by_paper: bool = False
) -> tuple[Panel, ...]:
    """Return what the members say of a view; where their bundle is not at hand, nothing reaches anything."""
    if not record.members:
        return ()
    return panels_of(
        record.members,
        threshold=math.inf if bundle is None else bundle.operating_point.threshold,
        calibrations=bundle.calibrations if bundle is not None and by_paper else None,
    )


def ensemble_probability(record: InstanceRecord) -> float | None:
    """Return P(abnormal) of a view: that of its members together; None before the view is analyzed."""
    return view_probability(record.members) if record.members else None


def is_view(record: InstanceRecord) -> bool:
    """Whether an instance is a view of its study: analyzed, or about to be."""
    return record.state in (InstanceState.RECEIVED, InstanceState.ANALYZED)


def _age_caution(views: Iterable[InstanceRecord]) -> str:
    clause = age_clause([(record.age_caution, record.minimum_age_years) for record in views])
    return f"{clause[:1].upper()}{clause[1:]}." if clause else ""


def _revisions(results: tuple[ResultRecord, ...]) -> tuple[Revision, ...]:
    numbers = sorted({result.revision for result in results}, reverse=True)
    return tuple(
        Revision(number=number, results=tuple(result for result in results if result.revision == number))
        for number in numbers
    )
