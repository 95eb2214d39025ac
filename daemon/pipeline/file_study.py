"""This module is a study of files on disk: what was found in each, and in all together."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daemon.pipeline.reportable import JudgedStudy, LeftOut, ReportableView
from daemon.study.lifecycle import InstanceState
from dicom_io.selection.age import age_clause
from dicom_io.selection.patient import NOBODY, PatientIdentity
from dicom_io.selection.shown import NOTHING_SAID, Shown
from models.finding import ViewFinding
from models.study_finding import StudyFinding
from sr_templates.reason import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedFile:
    """One file and what became of it.

    Attributes
    ----------
    study
        Study Instance UID; for a picture its path, since a picture names no study.
    sop_instance_uid
        Empty where the file is no DICOM instance.
    state
        Where such an instance ends in the daemon.
    came_at
        When it was written, aware; the daemon knows when an instance came.
    view
        None where the file was not analyzed, and then `reason` says why.
    left_out
        What a report says of it then; None where none is made, or it is no business of the report.
    """

    path: Path
    study: str
    state: InstanceState
    came_at: datetime
    sop_instance_uid: str = ""
    shown: Shown = NOTHING_SAID
    view: ReportableView | None = None
    left_out: LeftOut | None = None
    reason: Reason | None = None
    patient: PatientIdentity = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStudy:
    """The files of one study and what the ensemble makes of them.

    Attributes
    ----------
    judged
        None where the views are of two patients; such a study has no finding and no results.
    """

    study: str
    files: tuple[AnalyzedFile, ...]
    judged: JudgedStudy | None

    @property
    def finding(self) -> StudyFinding | None:
        """What was found; None where nothing could be analyzed."""
        return None if self.judged is None else self.judged.finding

    @property
    def is_picture(self) -> bool:
        """Whether it is none of DICOM instances."""
        return not any(file.sop_instance_uid for file in self.files)

    def finding_of(self, file: AnalyzedFile) -> ViewFinding | None:
        """Return what was found in one of its files, without a part where the study has no finding."""
        if file.view is None:
            return None
        if self.finding is None:
            return file.view.finding()
        return next(view for view in self.finding.views if view.view_id == file.view.view_id)

    @property
    def age_caution(self) -> str:
        """The caution about the patient's age in one sentence; empty if there is none. No picture has one."""
        shown = [file.shown for file in self.files if file.view]
        clause = age_clause([(each.age_caution, each.minimum_age_years) for each in shown])
        return f"CAUTION: {clause}." if clause else ""
