"""Paths of the dashboard, its guard, and the headers of every page; what pages hold is made elsewhere."""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.routing import Route

from fairlead.dashboard.guard import Guard
from fairlead.dashboard.live import installation, live
from fairlead.dashboard.question import Page, Question
from fairlead.dashboard.reader import Busy, Reader
from fairlead.gateway.body import header
from fairlead.plots.svg import STYLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send

    from fairlead.gateway.setup import Setup
    from fairlead.gateway.state import Gateway

PAGES = {
    "/": "overview",
    "/dashboard/series": "series",
    "/dashboard/decisions": "decisions",
    "/dashboard/decisions/{id}": "decision",
    "/dashboard/models": "models",
    "/dashboard/keys": "keys",
    "/dashboard/certificates": "certificates",
    "/dashboard/road": "road",
}
"""Path -> page."""

STATIC = {
    "fairlead.css": "text/css; charset=utf-8",
    "fairlead.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "uPlot.iife.min.js": "text/javascript; charset=utf-8",
    "uPlot.min.css": "text/css; charset=utf-8",
    "plots.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""File -> its type; no other is served."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Content security: files of our own, nothing inline, nothing from elsewhere."""
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
MAX_QUERY_FIELDS = 20
MAX_FIELD_CHARS = 200

_REFUSED = {
    "no": (
        403,
        "The dashboard is shown on this machine only, by the name `localhost`, as no admin key is configured.",
    ),
    "who_are_you": (401, "The dashboard asks for the admin key: as the password, with any name."),
}


@asynccontextmanager
async def dashboard(setup: Setup, gateway: Gateway) -> AsyncIterator[Sequence[BaseRoute]]:
    """Yields the routes of a running gateway's dashboard; on leaving, its child process has ended."""
    reader = Reader(installation(setup))
    guard = Guard(is_admin=None if gateway.door.admin_key is None else gateway.door.is_admin)
    try:
        yield routes(reader, guard, gateway)
    finally:
        await reader.close()


def routes(reader: Reader, guard: Guard, gateway: Gateway) -> list[BaseRoute]:
    """Returns what answers each path."""
    shown = [Route(path, Shown(page, reader, guard, gateway), methods=["GET"]) for path, page in PAGES.items()]
    return [*shown, Route("/dashboard/static/{name}", Static(guard), methods=["GET"])]


class Shown:
    """Answers with a page."""

    def __init__(self, page: str, reader: Reader, guard: Guard, gateway: Gateway) -> None:
        self._page = page
        self._reader = reader
        self._guard = guard
        self._gateway = gateway

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        if (answer := self._guard(scope)) != "yes":
            await _refuse(send, answer)
            return
        try:
            page = await self._reader.ask(self._question(scope))
        except Busy as error:
            page = Page(body=str(error), status_code=503, content_type="text/plain; charset=utf-8")
        await _send(send, page.body.encode(), page.content_type, status_code=page.status_code)

    def _question(self, scope: Scope) -> Question:
        fields = parse_qsl(scope["query_string"].decode("latin-1"), max_num_fields=None)[:MAX_QUERY_FIELDS]
        query = {name: value[:MAX_FIELD_CHARS] for name, value in fields}
        query |= {name: str(value)[:MAX_FIELD_CHARS] for name, value in scope.get("path_params", {}).items()}
        restores = header(scope, b"hx-history-restore-request") == "true"  # then the whole page is put back
        fragment = header(scope, b"hx-request") == "true" and not restores
        return Question(page=self._page, query=query, live=live(self._gateway), fragment=fragment)


class Static:
    """Answers with a file of ours; a browser keeps it until it changes."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        if (answer := self._guard(scope)) != "yes":
            await _refuse(send, answer)
            return
        name = scope["path_params"]["name"]
        if name not in STATIC:
            await _send(send, b"There is no such file.", "text/plain; charset=utf-8", status_code=404)
            return
        content, tag = _file(name)
        if header(scope, b"if-none-match") == tag:
            await _send(send, b"", STATIC[name], status_code=304, more=[(b"etag", tag.encode())])
            return
        await _send(send, content, STATIC[name], more=[(b"etag", tag.encode())])


@cache
def _file(name: str) -> tuple[bytes, str]:
    if name == "plots.css":  # elsewhere it stands inside each plot, which the policy forbids here
        content = STYLE.encode()
    else:
        content = files("fairlead.dashboard").joinpath("static", name).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:16]}"'


async def _refuse(send: Send, answer: str) -> None:
    status_code, words = _REFUSED[answer]
    asking = [(b"www-authenticate", b'Basic realm="fairlead", charset="UTF-8"')] if status_code == 401 else []
    await _send(send, words.encode(), "text/plain; charset=utf-8", status_code=status_code, more=asking)


async def _send(
    send: Send, body: bytes, content_type: str, *, status_code: int = 200, more: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    fixed = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-cache" if more else b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status_code, "headers": [*fixed, *HEADERS, *more]})
    await send({"type": "http.response.body", "body": body})
