"""This module is the kind of record: a Structured Report for each study, also where nothing was analyzed."""

from collections.abc import Iterator

from daemon.pipeline.kinds.kind import BuiltResult, Kind, Material
from daemon.store.result_kind import ResultKind
from sr_templates.report import structured_report


def _build(material: Material) -> Iterator[BuiltResult]:
    yield BuiltResult(kind=STRUCTURED_REPORT.name, dataset=structured_report(material.content))


STRUCTURED_REPORT = Kind(name=ResultKind.STRUCTURED_REPORT, build=_build)
