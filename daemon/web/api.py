"""This module gives the worklist and single studies as JSON, in the form of `daemon.study_json`."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon.store.database import Store
from daemon.store.listing import worklist
from daemon.store.selection import Period
from daemon.store.worklist import study_detail
from daemon.study_json import detail_values, entry_values
from daemon.web.address import requested_study
from daemon.web.attention import Attention
from daemon.web.listing import number_of, selection_of

MOST_AT_ONCE = 100
_MOST_ASKED = 300  # what 0.4.0 gave in one call; whoever follows `next_offset` misses nothing
_MOST_SKIPPED = 99_999_999


@dataclass(frozen=True, slots=True)
class Api:
    """The worklist for programs; the same selection as on the page, by default of all times."""

    store: Store
    attention: Attention
    clock: Callable[[], datetime]

    def studies(self, request: Request) -> Response:
        """Answer ``/api/studies``: studies in reading order, the counts, what needs a person."""
        now, query = self.clock(), request.query_params
        selection = selection_of(query, period=Period.ALL)
        asked = number_of(query, "limit", default=MOST_AT_ONCE, least=1, most=_MOST_ASKED)
        limit = min(asked, MOST_AT_ONCE)
        offset = number_of(query, "offset", default=0, least=0, most=_MOST_SKIPPED)
        shown = worklist(self.store, selection, now=now, limit=limit, offset=offset)
        following = offset + limit
        return JSONResponse(
            {
                "studies": [entry_values(entry) for entry in shown.entries],
                "selected": shown.selected,
                "limit": limit,
                "offset": offset,
                "next_offset": following if following < shown.selected else None,
                "categories": shown.standings,
                "states": shown.states,
                "needs_person": [asdict(need) for need in self.attention.needs(now)],
            }
        )

    def study(self, request: Request) -> Response:
        """Answer ``/api/studies/{study_instance_uid}``: all that is known of one study."""
        detail = study_detail(self.store, requested_study(request))
        return JSONResponse(detail_values(detail))
