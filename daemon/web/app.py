"""This module puts the page together: what is answered where, and what is said when something fails."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from daemon.config.sections import Study
from daemon.errors import UnknownStudy
from daemon.process.stage_lock import is_held
from daemon.spool import Spool
from daemon.store.database import Store
from daemon.web.api import Api
from daemon.web.attention import Attention, Quarantine
from daemon.web.guard import Guard
from daemon.web.health import Health
from daemon.web.listing import UnknownFilter
from daemon.web.metrics import Metrics
from daemon.web.pages import Beside, Pages, page_templates
from daemon.web.pictures import Pictures
from daemon.web.reports import Reports
from daemon.web.sources import Sources
from daemon.web.stated import StatedBundle
from daemon.web.views import Views
from daemon.web.why import Explanations

_STATIC = Path(__file__).parent / "static"
_FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics")
_FOR_VIEWERS = ("/view.json", "/pixels")

_HTTP_ERRORS = {
    "Not Found": "There is nothing at this address.",
    "Method Not Allowed": "These pages can only be read.",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the service needs to work: these stages, and more than so many bytes free on the disk."""

    stages: Sequence[str]
    free_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the page is told of where it runs.

    Attributes
    ----------
    product
        Name and version, for the footer.
    wanted
        What the service needs to work.
    host_names
        Names that requests may ask for beside localhost, the machine's own name and any address.
    study
        How this site reads headers, to explain what was set aside.
    bundle
        The one that analyzes; None where nobody knows, then nothing is said of its operating points.
    """

    product: str
    wanted: Wanted
    host_names: Sequence[str] = ()
    study: Study = field(default_factory=Study)
    bundle: StatedBundle | None = None


def create_app(
    store: Store, spool: Spool, setting: Setting, *, sources: Sources, clock: Callable[[], datetime]
) -> Starlette:
    """Build the read-only web application.

    Parameters
    ----------
    sources
        Reads pixels for viewers; whoever opened it closes it.
    clock
        Gives the time, aware.
    """
    runs = partial(is_held, spool.data_dir)
    health = Health(store, setting.wanted.stages, clock, runs)
    attention = Attention(store, spool, health, setting.wanted.free_bytes, Quarantine(spool.quarantine))
    reports = Reports(store, spool)
    beside = Beside(reports=reports, explanations=Explanations(spool, setting.study), bundle=setting.bundle)
    pages = Pages(store, page_templates(setting.product), attention, clock, beside)
    return Starlette(
        routes=[
            *_routes_for_people(pages, Pictures(store, spool), reports),
            *_routes_for_viewers(Views(store, spool, sources, setting.bundle)),
            *_routes_for_programs(Api(store, attention, clock), health, Metrics(store, attention, clock)),
        ],
        middleware=[Middleware(Guard, host_names=setting.host_names)],
        exception_handlers=_answers_to_failures(pages),
    )


def _routes_for_people(pages: Pages, pictures: Pictures, reports: Reports) -> list[BaseRoute]:
    return [
        Route("/", pages.worklist),
        Route("/studies/{study_instance_uid}", pages.study),
        Route("/studies/{study_instance_uid}/results/{sop_instance_uid}.png", pictures.show),
        Route("/studies/{study_instance_uid}/results/{sop_instance_uid}.dcm", reports.download),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]


def _routes_for_viewers(views: Views) -> list[BaseRoute]:
    return [
        Route("/studies/{study_instance_uid}/views/{sop_instance_uid}/view.json", views.values),
        Route("/studies/{study_instance_uid}/views/{sop_instance_uid}/pixels", views.pixels),
    ]


def _routes_for_programs(api: Api, health: Health, metrics: Metrics) -> list[BaseRoute]:
    return [
        Route("/api/studies", api.studies),
        Route("/api/studies/{study_instance_uid}", api.study),
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", metrics.show),
    ]


def _answers_to_failures(pages: Pages) -> Mapping[Any, Callable[[Request, Any], Response]]:
    def answer(request: Request, status: int, title: str, text: str) -> Response:
        path = request.url.path
        if path.startswith(_FOR_PROGRAMS) or path.endswith(_FOR_VIEWERS):
            return JSONResponse({"error": text}, status)
        return pages.message(title, text, status=status)

    def unknown_study(request: Request, _error: UnknownStudy) -> Response:
        text = "ulna holds no study with this Study Instance UID. It may have been removed after its time."
        return answer(request, 404, "No such study", text)

    def unknown_filter(request: Request, error: UnknownFilter) -> Response:
        return answer(request, 400, "No such selection", f"{error}.")

    def http_error(request: Request, error: HTTPException) -> Response:
        text = _HTTP_ERRORS.get(error.detail, error.detail)
        return answer(request, error.status_code, "Not here", text)

    def store_failure(request: Request, error: SQLAlchemyError) -> Response:
        # The message of the error may hold the values of the statement, so it is not logged.
        log.error("the store cannot be read", extra={"error": type(error).__name__})
        return answer(request, 503, "Not available now", "The store cannot be read now.")

    return {
        UnknownStudy: unknown_study,
        UnknownFilter: unknown_filter,
        HTTPException: http_error,
        SQLAlchemyError: store_failure,
    }
