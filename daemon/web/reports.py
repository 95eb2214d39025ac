"""This module shows the stored results of a study as they are: as files, and the report as text."""

from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from daemon.spool import Spool
from daemon.store.database import Store
from daemon.store.result_kind import ResultKind
from daemon.store.shown import ResultRecord
from daemon.store.worklist import study_detail
from daemon.web.address import requested_study
from sr_templates.outline import outline

_MOST_KEPT = 32


@dataclass(frozen=True, slots=True)
class Reports:
    """The files of the stored results; the texts that were read last are kept, their files never change."""

    store: Store
    spool: Spool
    _texts: dict[str, str] = field(default_factory=dict)

    def download(self, request: Request) -> Response:
        """Answer ``/studies/{study_instance_uid}/results/{sop_instance_uid}.dcm``: a result as sent."""
        detail = study_detail(self.store, requested_study(request))
        sop_instance_uid = request.path_params["sop_instance_uid"]
        for result in detail.results:
            if result.sop_instance_uid == sop_instance_uid:
                return _file(self.spool.absolute(result.path), result.sop_instance_uid)
        raise HTTPException(404, "This study has no such result.")

    def text(self, results: tuple[ResultRecord, ...]) -> str:
        """Return the newest Structured Report as indented text; empty where none can be read."""
        reports = [result for result in results if result.kind == ResultKind.STRUCTURED_REPORT]
        if not reports:
            return ""
        path = max(reports, key=lambda report: report.revision).path
        if path not in self._texts:
            text = _text(self.spool.absolute(path))
            if not text:
                return ""
            while len(self._texts) >= _MOST_KEPT:
                self._texts.pop(next(iter(self._texts)), None)
            self._texts[path] = text
        return self._texts[path]


def _file(path: Path, sop_instance_uid: str) -> Response:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HTTPException(410, "The file of the result is gone.") from error
    named = {"Content-Disposition": f'attachment; filename="{sop_instance_uid}.dcm"'}
    return Response(content, media_type="application/dicom", headers=named)


def _text(path: Path) -> str:
    try:
        document = dcmread(path)
    except (OSError, InvalidDicomError):
        return ""
    return outline(document) if "ContentSequence" in document else ""
