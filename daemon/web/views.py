"""This module gives one view to the viewer of a study's page: its pixels, and what was found in it."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon.spool import Spool
from daemon.store.database import Store
from daemon.store.values import InstanceRecord
from daemon.store.worklist import study_detail
from daemon.web.address import requested_study
from daemon.web.detail import is_view, panels_of_view
from daemon.web.pixels import pixels_of, refusal
from daemon.web.sources import Sources
from daemon.web.stated import StatedBundle
from daemon.web.view_values import view_values


@dataclass(frozen=True, slots=True)
class Views:
    """The views of stored studies, for the viewer."""

    store: Store
    spool: Spool
    sources: Sources
    bundle: StatedBundle | None

    def values(self, request: Request) -> Response:
        """Answer ``/studies/{study_instance_uid}/views/{sop_instance_uid}/view.json``: maps and places."""
        record, bundle = self._requested(request), self.bundle
        if record.geometry is None or not record.members:
            return refusal(404, "nothing was found in this view yet")
        if bundle is None or not bundle.made([record]):
            return refusal(409, "another bundle than the configured one analyzed the view")
        panels = panels_of_view(record, bundle, by_paper=True)
        found = view_values(
            record.geometry, panels, record.places, bundle=bundle.identity, point=bundle.operating_point
        )
        return JSONResponse(found)

    def pixels(self, request: Request) -> Response:
        """Answer ``/studies/{study_instance_uid}/views/{sop_instance_uid}/pixels``: values and tables."""
        path = self.spool.absolute(self._requested(request).path)
        return pixels_of(lambda: self.sources.read(path))

    def _requested(self, request: Request) -> InstanceRecord:
        detail = study_detail(self.store, requested_study(request))
        sop_instance_uid = request.path_params["sop_instance_uid"]
        for record in detail.instances:
            if record.sop_instance_uid == sop_instance_uid and is_view(record):
                return record
        raise HTTPException(404, "This study has no such view.")
