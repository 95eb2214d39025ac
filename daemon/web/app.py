"""This module puts the page together: what is answered where, and what is said when something fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from daemon.config.sections import Study
from daemon.predictor.predictor import Predictor
from daemon.process.stage_lock import is_held
from daemon.spool import Spool
from daemon.store.database import Store
from daemon.web.api import Api
from daemon.web.attention import Attention, Quarantine
from daemon.web.failures import answers_to_failures
from daemon.web.guard import Guard
from daemon.web.health import Health
from daemon.web.metrics import Metrics
from daemon.web.pages import Beside, Pages, message_page, page_templates
from daemon.web.pictures import Pictures
from daemon.web.predictor import PredictorPages
from daemon.web.reports import Reports
from daemon.web.sources import Sources
from daemon.web.stated import StatedBundle
from daemon.web.views import Views
from daemon.web.why import Explanations

_STATIC = Path(__file__).parent / "static"


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
    store: Store,
    spool: Spool,
    setting: Setting,
    *,
    sources: Sources,
    clock: Callable[[], datetime],
    predictor: Predictor | None = None,
) -> Starlette:
    """Build the web application; it changes nothing.

    Parameters
    ----------
    sources
        Reads pixels for viewers; whoever opened it closes it.
    clock
        Gives the time, aware.
    predictor
        Analyzes what is dropped on its page, with the bundle of the setting; None where there is none.
    """
    runs = partial(is_held, spool.data_dir)
    health = Health(store, setting.wanted.stages, clock, runs)
    attention = Attention(store, spool, health, setting.wanted.free_bytes, Quarantine(spool.quarantine))
    reports = Reports(store, spool)
    beside = Beside(reports=reports, explanations=Explanations(spool, setting.study), bundle=setting.bundle)
    templates = page_templates(setting.product, has_predictor=predictor is not None)
    pages = Pages(store, templates, attention, clock, beside)
    api, metrics = Api(store, attention, clock), Metrics(store, attention, clock)
    return Starlette(
        routes=[
            *_routes_for_people(pages, Pictures(store, spool), reports),
            *_routes_for_viewers(Views(store, spool, sources, setting.bundle)),
            *_routes_for_programs(api, health, metrics),
            *_routes_of_predictor(predictor, setting.bundle, sources, templates, clock),
        ],
        middleware=[Middleware(Guard, host_names=setting.host_names)],
        exception_handlers=answers_to_failures(pages.message),
    )


def create_predictor_app(
    predictor: Predictor,
    bundle: StatedBundle,
    *,
    product: str,
    sources: Sources,
    clock: Callable[[], datetime],
) -> Starlette:
    """Build the predictor's page alone, without a store; parameters as for `create_app`."""
    templates = page_templates(product, has_predictor=True, has_worklist=False)
    return Starlette(
        routes=[
            Route("/", _to_the_predictor),
            Mount("/static", StaticFiles(directory=_STATIC)),
            *_routes_of_predictor(predictor, bundle, sources, templates, clock),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers=answers_to_failures(partial(message_page, templates, clock)),
    )


def _to_the_predictor(_request: Request) -> Response:
    return RedirectResponse("/predictor")


def _routes_of_predictor(
    predictor: Predictor | None,
    bundle: StatedBundle | None,
    sources: Sources,
    templates: Environment,
    clock: Callable[[], datetime],
) -> list[Route]:
    if predictor is None or bundle is None:
        return []
    pages = PredictorPages(
        predictor=predictor, bundle=bundle, sources=sources, templates=templates, clock=clock
    )
    return pages.routes()


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
