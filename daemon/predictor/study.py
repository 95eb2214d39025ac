"""This module makes one study of files that were dropped together, and judges it by any members."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.pipeline.file_study import AnalyzedFile, FileStudy
from daemon.pipeline.gathering import studies_of
from daemon.predictor.errors import SeveralStudies
from models.bundle.manifest import BundleIdentity

PICTURES = "pictures"
"""What stands in the place of the Study Instance UID where pictures were dropped: they name no study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedStudy:
    """The files of one study with what all members say of them; no network runs to judge it anew."""

    files: tuple[AnalyzedFile, ...]
    bundle: BundleIdentity
    operating_point: str

    def judged(self, chosen: Sequence[str] = ()) -> FileStudy:
        """Return the study as the chosen members judge it together; as all of them do where none is named."""
        files = self.files if not chosen else tuple(_said_by(file, chosen) for file in self.files)
        (study,) = studies_of(files, self.bundle, operating_point=self.operating_point)
        return study


def named(file: AnalyzedFile, number: int, is_picture: bool) -> AnalyzedFile:
    """Return an analyzed upload under its number: it has no path that would mean anything later."""
    name = Path(str(number))
    return replace(
        file,
        path=name,
        study=PICTURES if is_picture else file.study if file.sop_instance_uid else "",
        view=None if file.view is None else replace(file.view, view_id=str(number), path=name),
        left_out=None if file.left_out is None else replace(file.left_out, path=name),
    )


def one_study(files: Sequence[AnalyzedFile]) -> tuple[AnalyzedFile, ...]:
    """Return the files as those of one study.

    Pictures are one study together. A DICOM file that cannot be read names no study, and is told beside the
    others.

    Raises
    ------
    SeveralStudies
        They are of several: whose finding would the page show?
    """
    studies = {file.study for file in files if file.study}
    if len(studies) > 1:
        raise SeveralStudies(
            "A DICOM file names its study, a picture does not: drop pictures and DICOM files apart."
            if PICTURES in studies
            else f"These files are of {len(studies)} studies. Drop the files of one study at a time."
        )
    (study,) = studies or {PICTURES}
    return tuple(replace(file, study=study) for file in files)


def _said_by(file: AnalyzedFile, chosen: Sequence[str]) -> AnalyzedFile:
    if file.view is None:
        return file
    members = tuple(member for member in file.view.reading.members if member.member in chosen)
    return replace(file, view=replace(file.view, reading=replace(file.view.reading, members=members)))
