"""A reader of the page: the application, and requests to it without a network."""

import asyncio
import re
from typing import Any

import httpx
from starlette.applications import Starlette

from daemon.predictor.predictor import Predictor
from daemon.spool import Spool
from daemon.store.database import Store
from daemon.web.app import Setting, Wanted, create_app
from daemon.web.sources import Sources
from tests.daemon.store_factory import after

STAGES = ("receiver", "analyzer")


def make_app(
    store: Store,
    spool: Spool,
    *,
    seconds: float = 60.0,
    sources: Sources | None = None,
    predictor: Predictor | None = None,
    **setting: Any,
) -> Starlette:
    """Return the application, its clock standing that many seconds after NOW; `setting` as for `Setting`."""
    usual: dict[str, Any] = {"product": "ulna 9.9", "wanted": Wanted(stages=STAGES)}
    return create_app(
        store,
        spool,
        Setting(**(usual | setting)),
        sources=sources or Sources(),
        clock=lambda: after(seconds),
        predictor=predictor,
    )


def get(app: Starlette, path: str, *, method: str = "GET", host: str = "localhost") -> httpx.Response:
    """Return the answer to one request."""

    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path)

    return asyncio.run(answer())


def rows(page: str) -> list[str]:
    """Return the rows of the list as plain text."""
    table = page.partition('<table class="list">')[2].partition("</table>")[0].partition("<tbody>")[2]
    return [plain(row) for row in table.split("</tr>")[:-1]]


def plain(markup: str) -> str:
    """Return what stands between the tags, white space folded."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", markup)).strip()
