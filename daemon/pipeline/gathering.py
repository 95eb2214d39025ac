"""This module gathers analyzed files into studies; it needs no network to be loaded."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from daemon.pipeline.file_study import AnalyzedFile, FileStudy
from daemon.pipeline.reportable import ReportableStudy, judged
from models.bundle.manifest import BundleIdentity


def studies_of(
    files: Iterable[AnalyzedFile], bundle: BundleIdentity, *, operating_point: str
) -> list[FileStudy]:
    """Gather files into studies, in the order of their first file, and judge each."""
    groups: dict[str, list[AnalyzedFile]] = {}
    for file in files:
        groups.setdefault(file.study, []).append(file)
    return [
        FileStudy(
            study=study,
            files=tuple(group),
            judged=None
            if _are_of_two_patients(group)
            else judged(_reportable(group), bundle=bundle, operating_point=operating_point),
        )
        for study, group in groups.items()
    ]


def _reportable(files: Sequence[AnalyzedFile]) -> ReportableStudy:
    sources = [file for file in files if file.view or file.left_out] or files
    return ReportableStudy(
        views=tuple(file.view for file in files if file.view),
        left_out=tuple(file.left_out for file in files if file.left_out),
        analyzed_at=max(file.came_at for file in sources).astimezone(),
    )


def _are_of_two_patients(files: Sequence[AnalyzedFile]) -> bool:
    return any(one.patient.contradicts(other.patient) for one, other in combinations(files, 2))
