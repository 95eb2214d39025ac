"""This module is the predictor's page: it takes what a person drops, and shows what was found in it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from daemon.predictor.errors import UnknownUpload, UnusableUpload
from daemon.predictor.kept import UploadedStudy
from daemon.predictor.predictor import Predictor
from daemon.predictor.study import PredictedStudy
from daemon.web.listing import is_paper_asked
from daemon.web.pixels import pixels_of
from daemon.web.prediction import Choice, choice_of, offers, prediction, prediction_values
from daemon.web.same_origin import is_foreign, require_same_origin
from daemon.web.sources import Sources
from daemon.web.stated import StatedBundle
from daemon.web.view_values import view_values

_AT_MOST_DIGITS = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorPages:
    """The pages of the predictor.

    Attributes
    ----------
    sources
        Reads pixels for viewers; whoever opened it closes it, and `predictor` too.
    bundle
        The one that the predictor analyzes with.
    """

    predictor: Predictor
    bundle: StatedBundle
    sources: Sources
    templates: Environment
    clock: Callable[[], datetime]

    def routes(self) -> list[Route]:
        """Return what is answered where."""
        return [
            Route("/predictor", self.page),
            Route("/predictor/state", self.state),
            Route("/predictor/uploads", self.upload, methods=["POST"]),
            Route("/predictor/{token}", self.result),
            Route("/predictor/{token}/uploads", self.upload, methods=["POST"]),
            Route("/predictor/{token}/prediction", self.predict, methods=["POST"]),
            Route("/predictor/{token}/progress", self.progress),
            Route("/predictor/{token}/prediction.json", self.document),
            Route("/predictor/{token}/views/{number}/view.json", self.values),
            Route("/predictor/{token}/views/{number}/pixels", self.pixels),
        ]

    def page(self, request: Request) -> Response:
        """Answer ``/predictor``: where files are dropped. The models are loaded meanwhile."""
        if not is_foreign(request):
            self.predictor.start()
        limits = self.predictor.uploads.limits
        return self._page("predictor.html", limits=limits, bundle=self.bundle.identity)

    def state(self, _request: Request) -> Response:
        """Answer ``/predictor/state``: whether the models are loaded."""
        loading = self.predictor.loading
        return JSONResponse({"is_ready": loading.is_ready, "problem": loading.problem})

    async def upload(self, request: Request) -> Response:
        """Answer ``/predictor/uploads`` and ``/predictor/{token}/uploads``: take the body as one file.

        It comes without a name, which may be a patient's.
        """
        require_same_origin(request)
        with self.predictor.uploads.receiving(request.path_params.get("token")) as incoming:
            declared = request.headers.get("content-length", "")
            incoming.require_size(int(declared) if declared.isdecimal() else 0)
            async for chunk in request.stream():
                incoming.append(chunk)
            study = incoming.keep()
        return JSONResponse({"token": study.token, "number": len(study.files)}, 201)

    def predict(self, request: Request) -> Response:
        """Answer ``/predictor/{token}/prediction``: analyze the files, and say where the result is."""
        require_same_origin(request)
        study = self._study(request)
        begun = time.monotonic()
        self.predictor.predict(study)
        seconds = round(time.monotonic() - begun, 3)
        log.info("prediction", extra={"files": len(study.files), "seconds": seconds})
        return JSONResponse({"address": f"/predictor/{study.token}"})

    def progress(self, request: Request) -> Response:
        """Answer ``/predictor/{token}/progress``: how many files are analyzed."""
        study, loading = self._study(request), self.predictor.loading
        return JSONResponse(
            {"is_ready": loading.is_ready, "analyzed": study.analyzed, "files": len(study.files)}
        )

    def result(self, request: Request) -> Response:
        """Answer ``/predictor/{token}``: what was found in the files of one study."""
        study, choice = self._study(request), self._choice(request)
        shown = prediction(_predicted(study), choice, self.bundle)
        return self._page(
            "prediction.html",
            token=study.token,
            shown=shown,
            entry=shown,
            offers=offers(self.bundle, choice),
            by_paper=choice.by_paper,
            other_rule=self._other_rule(choice),
            minutes=int(self.predictor.uploads.limits.seconds / 60),
        )

    def document(self, request: Request) -> Response:
        """Answer ``/predictor/{token}/prediction.json``: the same for programs, to be kept."""
        predicted = _predicted(self._study(request))
        headers = {"Content-Disposition": 'attachment; filename="ulna-prediction.json"'}
        return JSONResponse(prediction_values(predicted, self._choice(request)), headers=headers)

    def values(self, request: Request) -> Response:
        """Answer ``/predictor/{token}/views/{number}/view.json``: maps and places, for the viewer."""
        choice = self._choice(request)
        shown = prediction(_predicted(self._study(request)), choice, self.bundle)
        number = _number(request)
        view = next((each for each in shown.views if each.number == number), None)
        if view is None or view.finding.geometry is None:
            raise HTTPException(404, "This study has no such view.")
        # Outlines begin at an operating point, and that is stated for all members together alone.
        places = view.finding.places if choice.is_whole else ()
        point = self.bundle.operating_point
        found = view_values(
            view.finding.geometry, view.panels, places, bundle=self.bundle.identity, point=point
        )
        return JSONResponse(found)

    def pixels(self, request: Request) -> Response:
        """Answer ``/predictor/{token}/views/{number}/pixels``: values and tables, for the viewer."""
        study, number = self._study(request), _number(request)
        with self.predictor.uploads.opened(study, number) as (descriptor, is_picture):
            path = Path(f"/proc/self/fd/{descriptor}")
            name = f"{study.token}/{number}"
            return pixels_of(lambda: self.sources.read(path, is_picture=is_picture, name=name))

    def _study(self, request: Request) -> UploadedStudy:
        return self.predictor.uploads.find(request.path_params["token"])

    def _choice(self, request: Request) -> Choice:
        query = request.query_params
        return choice_of(query, self.bundle.identity, by_paper=is_paper_asked(query))

    def _other_rule(self, choice: Choice) -> str:
        other = Choice(members=choice.members, is_whole=choice.is_whole, by_paper=not choice.by_paper)
        return other.query or "?"

    def _page(self, template: str, **values: object) -> Response:
        return HTMLResponse(self.templates.get_template(template).render(values, now=self.clock()))


def _predicted(study: UploadedStudy) -> PredictedStudy:
    if study.predicted is None:
        raise (
            UnusableUpload("These files are not analyzed yet.")
            if study.files
            else UnknownUpload("Nothing is kept.")
        )
    return study.predicted


def _number(request: Request) -> int:
    text = request.path_params["number"]
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _AT_MOST_DIGITS else 0
