"""This module gives the worklist and single studies as JSON, in the form of `daemon.study_json`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon.store.database import Store
from daemon.store.worklist import study_detail, worklist_entries
from daemon.study_json import detail_values, entry_values
from daemon.web.address import requested_study
from daemon.web.listing import Period, Selection, worklist


@dataclass(frozen=True, slots=True)
class Api:
    """The worklist for programs; the same selection as on the page, by default of all times."""

    store: Store
    clock: Callable[[], datetime]

    def studies(self, request: Request) -> Response:
        """Answer ``/api/studies``: the studies in reading order, and the counts."""
        selection = Selection.from_query(request.query_params, period=Period.ALL)
        shown = worklist(worklist_entries(self.store), selection, now=self.clock())
        return JSONResponse(
            {
                "studies": [entry_values(entry) for entry in shown.entries],
                "selected": shown.selected,
                "categories": dict(shown.standings),
                "states": dict(shown.states),
            }
        )

    def study(self, request: Request) -> Response:
        """Answer ``/api/studies/{study_instance_uid}``: all that is known of one study."""
        detail = study_detail(self.store, requested_study(request))
        return JSONResponse(detail_values(detail))
