"""What a Structured Report is made from.

This module holds the values of one report: the views that were analyzed, the instances that were not and
why, and what the ensemble made of it.
"""

from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset

from dicom_io.objects.previous_report import PreviousReport
from dicom_io.objects.result_facts import ResultFacts, Verdict
from dicom_io.selection.shown import NOTHING_SAID, Shown
from models.bundle.manifest import BundleIdentity, OperatingPoint
from models.claims import claim
from models.finding import ViewFinding
from models.study_finding import StudyFinding, TriageCategory
from sr_templates.reason import Reason, clause

VERDICTS = {
    TriageCategory.LIKELY: Verdict.LIKELY,
    TriageCategory.SUSPECTED: Verdict.SUSPECTED,
    TriageCategory.NOT_FLAGGED: Verdict.NOT_FLAGGED,
    TriageCategory.NOT_ANALYZED: Verdict.NOT_ANALYZED,
}
"""The triage category of a study -> what its results say in their series description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedView:
    """A view, what it shows, and what was found.

    `source` comes from `dicom_io.objects.inheritance.sanitized_source`.
    """

    source: Dataset
    finding: ViewFinding
    shown: Shown = NOTHING_SAID


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """An instance of the study that was not analyzed.

    `failed` is True where the instance should have been analyzed (unreadable), False where it is none of
    ulna's business (excluded).
    """

    source: Dataset
    reason: Reason
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """Everything that one revision of a study's report says.

    Attributes
    ----------
    analyzed
        In the order of the report; with the same findings, in the same order, as `finding`.
    set_aside
        All other instances of the study.
    finding
        None where there was nothing to analyze.
    bundle, operating_point
        What is, or would have been, applied.
    engine, settings, revision, software_version, analyzed_at
        As in `dicom_io.objects.result_facts.ResultFacts`.
    previous
        The report of revision n - 1, if there was one; its time in the zone of the site.
    """

    analyzed: tuple[AnalyzedView, ...]
    set_aside: tuple[SetAside, ...]
    finding: StudyFinding | None
    bundle: BundleIdentity
    operating_point: OperatingPoint
    revision: int
    software_version: str
    analyzed_at: datetime
    engine: str = ""
    settings: str = ""
    previous: PreviousReport | None = None

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("a report needs at least one instance")
        if len({str(source["StudyInstanceUID"].value) for source in self.sources}) > 1:
            raise ValueError("all instances of a report must belong to one study")
        found = () if self.finding is None else self.finding.views
        if tuple(view.finding for view in self.analyzed) != found:
            raise ValueError("analyzed views and finding must agree")

    @property
    def sources(self) -> tuple[Dataset, ...]:
        """Headers of all instances, the analyzed first."""
        return (*(view.source for view in self.analyzed), *(other.source for other in self.set_aside))

    @property
    def patient_source(self) -> Dataset:
        """The header that says who the patient is: the first with a Patient ID, else the first.

        All results of the study take it from there: an instance without one, beside others that have it, is
        of the same patient.
        """
        named = (source for source in self.sources if source.get_item("PatientID").value)
        return next(named, self.sources[0])

    @property
    def category(self) -> TriageCategory:
        """Where the study belongs in the worklist."""
        return TriageCategory.NOT_ANALYZED if self.finding is None else self.finding.category

    @property
    def facts(self) -> ResultFacts:
        """What the report has in common with the study's other results."""
        return ResultFacts(
            verdict=VERDICTS[self.category],
            revision=self.revision,
            replaces_report_of=None if self.previous is None else self.previous.created_at,
            claim=claim(self.category, self.bundle.target),
            target=self.bundle.target.text,
            sources=(
                *(f"{_uid(view.source)} {view.shown}" for view in self.analyzed),
                *(f"{_uid(other.source)} {clause(other.reason)}" for other in self.set_aside),
            ),
            model_name=self.bundle.name,
            model_version=self.bundle.version,
            bundle_digest=self.bundle.digest,
            trained=self.bundle.trained,
            engine=self.engine,
            settings=self.settings,
            operating_point=f"{self.operating_point.name} {self.operating_point.threshold!r}",
            software_version=self.software_version,
            analyzed_at=self.analyzed_at,
        )


def _uid(source: Dataset) -> str:
    return str(source["SOPInstanceUID"].value)
