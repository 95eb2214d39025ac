"""This module builds a study's results: one truth, and an output of each kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from pydicom.dataset import Dataset

from daemon.pipeline.kinds.kind import BuiltResult, Kind, Material
from daemon.pipeline.kinds.registry import KINDS
from daemon.pipeline.reportable import JudgedStudy
from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.view import View
from dicom_io.objects.inheritance import sanitized_source
from models.places import Place
from models.study_finding import StudyFinding
from sr_templates.content import AnalyzedView, ReportContent, SetAside
from sr_templates.text import not_analyzed, summary


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyResults:
    """The results of one revision, and what they say.

    Attributes
    ----------
    results
        Of all kinds, in the order of the registry.
    content
        What all of them say.
    """

    results: tuple[BuiltResult, ...]
    content: ReportContent

    @property
    def finding(self) -> StudyFinding | None:
        """What was found; None where nothing was analyzed."""
        return self.content.finding

    @property
    def summary(self) -> str:
        """The report in a few sentences; the first tells what matters."""
        return summary(self.content)

    @property
    def not_analyzed(self) -> str:
        """Why nothing was analyzed, as a clause; empty where something was."""
        return "" if self.finding else not_analyzed(self.content)

    @property
    def deciding_part(self) -> str:
        """The part that has the study's score; empty where the study shows but one."""
        return "" if self.finding is None else self.finding.deciding_part

    @property
    def places(self) -> Mapping[str, tuple[Place, ...]]:
        """The places of each view, by its id."""
        return {view.view_id: view.places for view in (self.finding.views if self.finding else ())}


def build_results(
    judged: JudgedStudy,
    *,
    decoder: Decoder,
    kinds: Sequence[Kind] = KINDS,
    on_view: Callable[[], None] = lambda: None,
) -> StudyResults:
    """Build the results of a study, of each of `kinds`.

    The same study, release and kinds give the same bytes, and the same UIDs.

    Parameters
    ----------
    on_view
        Called before each view is drawn: of many it takes minutes.

    Raises
    ------
    DicomIoError, OSError
        An instance can no longer be read.
    """
    content = _content(judged)

    def image_of(number: int) -> View:
        on_view()
        return decoder.read_view(judged.study.views[number - 1].path)

    results = [
        result
        for kind in kinds
        for result in kind.build(
            Material(content=replace(content, settings=kind.settings), image_of=image_of)
        )
    ]
    return StudyResults(results=tuple(results), content=content)


def _content(judged: JudgedStudy) -> ReportContent:
    study, finding = judged.study, judged.finding
    found = () if finding is None else finding.views
    return ReportContent(
        analyzed=tuple(
            AnalyzedView(source=_source(view.path), finding=each, shown=view.shown)
            for view, each in zip(study.views, found, strict=True)
        ),
        set_aside=tuple(
            SetAside(source=_source(other.path), reason=other.reason, failed=other.failed)
            for other in study.left_out
        ),
        finding=finding,
        bundle=judged.bundle,
        engine=study.engine,
        operating_point=judged.operating_point,
        revision=study.revision,
        software_version=version("ulna"),
        analyzed_at=study.analyzed_at,
        previous=study.previous,
    )


def _source(path: Path) -> Dataset:
    source, _problems = sanitized_source(path)
    return source
