"""This module answers with the pixels of a view, or says why they cannot be had."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from starlette.responses import JSONResponse, Response

from daemon.web.sources import SourcesBusy
from dicom_io.errors import DecodingInterrupted, UndecodablePixels

_BUSY = MappingProxyType({"Retry-After": "1"})


def pixels_of(read: Callable[[], bytes]) -> Response:
    """Return the answer to who asks for what `read` reads, by `daemon.web.sources.Sources.read`."""
    try:
        content = read()
    except FileNotFoundError:
        return refusal(410, "its file is not in the spool any more; retention or a person removed it")
    except UndecodablePixels as error:
        return refusal(422, str(error))
    except SourcesBusy as error:
        return refusal(503, str(error), _BUSY)
    except (DecodingInterrupted, OSError):
        return refusal(503, "it could not be read this time; try again in a moment", _BUSY)
    return Response(content, media_type="application/octet-stream")


def refusal(status: int, reason: str, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
    """Return an answer that says why there is nothing, as a clause."""
    return JSONResponse({"error": reason}, status, headers)
