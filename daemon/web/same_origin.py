"""This module tells whether a request comes from our own page: any page on the web may send one to us.

A browser says where a request comes from (Sec-Fetch-Site, Origin), and no page can make it say another thing.
"""

from urllib.parse import urlsplit

from starlette.requests import Request

from daemon.errors import DaemonError

_OURS = frozenset({"same-origin", "none"})  # "none": a person typed the address


class ForeignRequest(DaemonError):
    """A request that only our own page may send came from elsewhere, or does not say whence."""


def is_foreign(request: Request) -> bool:
    """Return whether a browser says that another site caused the request."""
    return request.headers.get("sec-fetch-site", "none") not in _OURS


def require_same_origin(request: Request) -> None:
    """Raise ForeignRequest unless the request says that our own page sent it."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    says_so = site == "same-origin" or (site is None and origin is not None)
    if not says_so or (origin is not None and urlsplit(origin).netloc != request.headers.get("host")):
        raise ForeignRequest(
            "Only the predictor's own page may send files: open /predictor here and drop them there."
        )
