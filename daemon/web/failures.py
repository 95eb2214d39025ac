"""This module says what is answered when something fails: a page to people, JSON to programs."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon.errors import UnknownStudy
from daemon.predictor.errors import (
    PredictionFailed,
    PredictorBusy,
    PredictorError,
    SeveralStudies,
    UnknownUpload,
    UnusableUpload,
    UploadTooLarge,
)
from daemon.web.listing import UnknownFilter
from daemon.web.same_origin import ForeignRequest

_FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics", "/predictor/state")
_FOR_SCRIPTS = ("/view.json", "/pixels", "/prediction.json", "/progress")
_HTTP_ERRORS = {
    "Not Found": "There is nothing at this address.",
    "Method Not Allowed": "These pages can only be read.",
}
_BUSY = MappingProxyType({"Retry-After": "5"})
_OF_PREDICTIONS: Mapping[type[PredictorError], tuple[int, str]] = MappingProxyType(
    {
        UnusableUpload: (415, "Not a radiograph"),
        UploadTooLarge: (413, "Too large"),
        UnknownUpload: (404, "Not kept any more"),
        SeveralStudies: (422, "Several studies"),
        PredictorBusy: (503, "Not available now"),
        PredictionFailed: (500, "No prediction"),
    }
)

log = logging.getLogger(__name__)

Answer = Callable[[Request, Any], Response]


class Message(Protocol):
    """Renders a page that says one thing."""

    def __call__(self, title: str, text: str, *, status: int) -> Response:
        """Return the page."""


def answers_to_failures(message: Message) -> Mapping[Any, Answer]:
    """Return what is answered to each kind of failure."""
    answers = _Answers(message)
    return {
        UnknownStudy: answers.unknown_study,
        UnknownFilter: answers.unknown_filter,
        PredictorError: answers.no_prediction,
        ForeignRequest: answers.foreign_request,
        HTTPException: answers.http_error,
        SQLAlchemyError: answers.store_failure,
    }


@dataclass(frozen=True, slots=True)
class _Answers:
    message: Message

    def unknown_study(self, request: Request, _error: UnknownStudy) -> Response:
        text = "ulna holds no study with this Study Instance UID. It may have been removed after its time."
        return self._answer(request, 404, "No such study", text)

    def unknown_filter(self, request: Request, error: UnknownFilter) -> Response:
        return self._answer(request, 400, "No such selection", f"{error}.")

    def no_prediction(self, request: Request, error: PredictorError) -> Response:
        status, title = _OF_PREDICTIONS[type(error)]
        response = self._answer(request, status, title, str(error))
        response.headers.update(_BUSY if isinstance(error, PredictorBusy) else {})
        return response

    def foreign_request(self, request: Request, error: ForeignRequest) -> Response:
        return self._answer(request, 403, "Not from here", str(error))

    def http_error(self, request: Request, error: HTTPException) -> Response:
        text = _HTTP_ERRORS.get(error.detail, error.detail)
        return self._answer(request, error.status_code, "Not here", text)

    def store_failure(self, request: Request, error: SQLAlchemyError) -> Response:
        # The message of the error may hold the values of the statement, so it is not logged.
        log.error("the store cannot be read", extra={"error": type(error).__name__})
        return self._answer(request, 503, "Not available now", "The store cannot be read now.")

    def _answer(self, request: Request, status: int, title: str, text: str) -> Response:
        path = request.url.path
        if request.method == "POST" or path.startswith(_FOR_PROGRAMS) or path.endswith(_FOR_SCRIPTS):
            return JSONResponse({"error": text}, status)
        return self.message(title, text, status=status)
