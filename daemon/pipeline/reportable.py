"""This module is a study as a report sees it, wherever it comes from, and what the ensemble makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dicom_io.objects.previous_report import PreviousReport
from dicom_io.selection.parts import parts_of
from dicom_io.selection.shown import Shown
from models.bundle.manifest import BundleIdentity, OperatingPoint
from models.finding import ViewFinding, ViewGeometry, ViewReading
from models.study_finding import StudyFinding, study_finding
from sr_templates.reason import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportableView:
    """A view that was analyzed.

    Attributes
    ----------
    view_id
        Its SOP Instance UID in the store; the path of a file.
    path
        Where its bytes are.
    geometry
        None where nobody kept it; then the view has no places.
    """

    view_id: str
    path: Path
    shown: Shown
    reading: ViewReading
    geometry: ViewGeometry | None

    def finding(self, part: str = "") -> ViewFinding:
        """Return what was found in it, as a view of that part."""
        return ViewFinding(
            view_id=self.view_id,
            part=part,
            members=self.reading.members,
            input_check=self.reading.input_check,
            geometry=self.geometry,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An instance of the study that was not analyzed, and why.

    `failed` is as in `sr_templates.content.SetAside`.
    """

    path: Path
    reason: Reason
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportableStudy:
    """What one revision of a study's report is about.

    Attributes
    ----------
    analyzed_at
        When its newest instance came, aware, in the time zone of the site. The analysis begins then; unlike
        the moment of building it stays the same when a report is built again after a crash.
    previous
        The report of revision n - 1, if there was one.
    """

    views: tuple[ReportableView, ...]
    left_out: tuple[LeftOut, ...]
    analyzed_at: datetime
    revision: int = 1
    previous: PreviousReport | None = None

    @property
    def engine(self) -> str:
        """What computed the numbers of its views, as in `models.finding.ViewReading`; several, each once."""
        return " + ".join(sorted({view.reading.engine for view in self.views}))


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedStudy:
    """A study with what the ensemble says of it; made by `judged`.

    Attributes
    ----------
    finding
        None where nothing was analyzed; its views are those of the study, in order.
    bundle, operating_point
        What was, or would have been, applied.
    """

    study: ReportableStudy
    finding: StudyFinding | None
    bundle: BundleIdentity
    operating_point: OperatingPoint


def judged(study: ReportableStudy, *, bundle: BundleIdentity, operating_point: str) -> JudgedStudy:
    """Fold what was found in a study's views, each within its part.

    Raises
    ------
    UnknownOperatingPoint
        The bundle has no operating point of that name.
    """
    return JudgedStudy(
        study=study,
        finding=_finding(study.views, bundle, operating_point),
        bundle=bundle,
        operating_point=bundle.operating_point(operating_point),
    )


def _finding(
    views: Sequence[ReportableView], bundle: BundleIdentity, operating_point: str
) -> StudyFinding | None:
    if not views:
        return None
    parts = parts_of([view.shown.part for view in views])
    found = [view.finding(part.name) for view, part in zip(views, parts, strict=True)]
    return study_finding(found, bundle=bundle, operating_point=operating_point)
