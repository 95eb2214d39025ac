"""This module builds a study's results from what the store knows: one truth, two outputs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from pydicom.dataset import Dataset

from daemon.spool import Spool
from daemon.store.values import CONFLICTING_DUPLICATE, REPLACED, ClaimedStudy, InstanceRecord
from daemon.study.lifecycle import InstanceState
from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.view import View
from dicom_io.objects.inheritance import sanitized_source
from dicom_io.objects.secondary_capture import secondary_capture
from dicom_io.selection.exclusion import Exclusion
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.parts import Part, parts_of
from dicom_io.selection.projection import Projection
from dicom_io.selection.regions import Region
from models.bundle.manifest import BundleIdentity
from models.finding import ViewFinding
from models.places import Place
from models.rendering.view_page import render_page
from models.rendering.words import Caption
from models.study_finding import StudyFinding, study_finding
from sr_templates.content import AnalyzedView, PreviousReport, ReportContent, SetAside
from sr_templates.report import structured_report
from sr_templates.text import age_caution, counted, not_analyzed, shown_by, summary

# None is a source of the report: the first are its own children, the others stand beside the instance
# whose UID they bear.
_NO_SOURCES = frozenset({Exclusion.OWN_RESULT, CONFLICTING_DUPLICATE, REPLACED})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyResults:
    """The results of one revision.

    Attributes
    ----------
    secondary_captures
        One for each analyzed view.
    captured_views
        SOP Instance UID of the view of each Secondary Capture.
    summary
        The report in a few sentences; the first tells what matters.
    finding
        What all of them say; None where nothing was analyzed, and then `not_analyzed` says why, as a clause.
    """

    secondary_captures: tuple[Dataset, ...]
    captured_views: tuple[str, ...]
    structured_report: Dataset
    category: str
    finding: StudyFinding | None
    summary: str
    not_analyzed: str

    @property
    def deciding_part(self) -> str:
        """The part that has the study's score; empty where the study shows but one."""
        if self.finding is None or len(self.finding.parts) == 1:
            return ""
        return self.finding.highest.part

    @property
    def places(self) -> Mapping[str, tuple[Place, ...]]:
        """The places of each view, by its SOP Instance UID."""
        return {view.view_id: view.places for view in (self.finding.views if self.finding else ())}


def has_sources(study: ClaimedStudy) -> bool:
    """Tell whether a study holds anything that a report could be about.

    Answering our own results with a result would never end.
    """
    return any(record.exclusion not in _NO_SOURCES for record in study.instances)


def build_results(
    study: ClaimedStudy,
    *,
    spool: Spool,
    decoder: Decoder,
    bundle: BundleIdentity,
    operating_point: str,
    on_view: Callable[[], None] = lambda: None,
) -> StudyResults:
    """Build the Secondary Captures and the Structured Report of a study.

    The same study, revision and bundle give the same bytes.

    Parameters
    ----------
    on_view
        Called before each view is drawn: of many it takes minutes.

    Raises
    ------
    DicomIoError, OSError
        A stored instance can no longer be read.
    """
    analyzed = [record for record in study.instances if record.state is InstanceState.ANALYZED]
    finding = finding_of(analyzed, bundle=bundle, operating_point=operating_point)
    found = () if finding is None else finding.views
    content = ReportContent(
        analyzed=tuple(
            _analyzed_view(record, view, spool) for record, view in zip(analyzed, found, strict=True)
        ),
        set_aside=tuple(_set_aside(record, spool) for record in study.instances if _is_set_aside(record)),
        finding=finding,
        bundle=bundle,
        operating_point=bundle.operating_point(operating_point),
        revision=study.revision,
        software_version=version("ulna"),
        analyzed_at=_analyzed_at(study),
        previous=_previous(study),
    )

    def images() -> Iterator[View]:
        for record in analyzed:
            on_view()
            yield decoder.read_view(spool.absolute(record.path))

    captures = () if finding is None else _secondary_captures(content, finding, images())
    return StudyResults(
        secondary_captures=captures,
        captured_views=tuple(record.sop_instance_uid for record in analyzed),
        structured_report=structured_report(content),
        category=content.category,
        finding=finding,
        summary=summary(content),
        not_analyzed="" if finding else not_analyzed(content),
    )


def finding_of(
    analyzed: Sequence[InstanceRecord], *, bundle: BundleIdentity, operating_point: str
) -> StudyFinding | None:
    """Fold what was found in a study's views, each within its part; None where there is no view."""
    if not analyzed:
        return None
    parts = parts_of([part_shown(record) for record in analyzed])
    views = [
        ViewFinding(
            view_id=record.sop_instance_uid,
            part=part.name,
            members=record.members,
            input_check=record.input_check,
            geometry=record.geometry,
        )
        for record, part in zip(analyzed, parts, strict=True)
    ]
    return study_finding(views, bundle=bundle, operating_point=operating_point)


def view_caption(content: ReportContent, number: int) -> str:
    """Name a view in the margin of its page: its place in the report, what it shows, and what is missing."""
    failed = sum(other.failed for other in content.set_aside)
    missing = f"; {counted(failed, 'view')} NOT ANALYZED" if failed else ""
    shown = shown_by(content.analyzed[number - 1])
    return f"View {number} of {len(content.analyzed) + failed}: {shown}{missing}"


def _secondary_captures(
    content: ReportContent,
    finding: StudyFinding,
    images: Iterable[View],
) -> tuple[Dataset, ...]:
    captures = []
    for number, (view, image) in enumerate(zip(content.analyzed, images, strict=True), start=1):
        caption = Caption(
            product=f"ulna {content.software_version}",
            view=view_caption(content, number),
            study=finding,
            revision=content.facts.revision_clause,
            caution=age_caution(content),
        )
        page = render_page(
            image.image, view.finding, caption, finding.bundle.preprocessing, image.pixel_aspect
        )
        captures.append(
            secondary_capture(
                page,
                source=view.source,
                patient_source=content.patient_source,
                facts=content.facts,
                view_number=number,
                laterality=view.laterality,
            )
        )
    return tuple(captures)


def part_shown(record: InstanceRecord) -> Part:
    """Give which part an instance shows by itself."""
    region = Region(record.region) if record.region else None
    return Part(region, Laterality(record.laterality))


def _analyzed_view(record: InstanceRecord, finding: ViewFinding, spool: Spool) -> AnalyzedView:
    return AnalyzedView(
        source=_source(record, spool),
        finding=finding,
        region=Region(record.region) if record.region else None,
        laterality=Laterality(record.laterality),
        laterality_conflict=record.laterality_conflict,
        projection=Projection(record.projection),
        age_caution=record.age_caution,
        minimum_age_years=record.minimum_age_years,
    )


def _set_aside(record: InstanceRecord, spool: Spool) -> SetAside:
    return SetAside(
        source=_source(record, spool),
        reason=record.reason,
        failed=record.state is InstanceState.UNREADABLE,
    )


def _is_set_aside(record: InstanceRecord) -> bool:
    return record.state is not InstanceState.ANALYZED and record.exclusion not in _NO_SOURCES


def _source(record: InstanceRecord, spool: Spool) -> Dataset:
    source, _problems = sanitized_source(spool.absolute(record.path))
    return source


def _analyzed_at(study: ClaimedStudy) -> datetime:
    """Give when the newest instance of the report came, in the site's time zone.

    The analysis begins as soon as an instance is in. Unlike the moment of building, this one is in the
    store, so a report that is built again after a crash is the same report.
    """
    sources = [record.received_at for record in study.instances if record.exclusion not in _NO_SOURCES]
    return max(sources).astimezone()


def _previous(study: ClaimedStudy) -> PreviousReport | None:
    if study.predecessor is None:
        return None
    return PreviousReport(
        sop_class_uid=study.predecessor.sop_class_uid,
        sop_instance_uid=study.predecessor.sop_instance_uid,
        series_instance_uid=study.predecessor.series_instance_uid,
        created_at=study.predecessor.created_at.astimezone(),
    )
