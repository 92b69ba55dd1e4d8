"""The HTTP surface: which path answers what, and the one place where an error becomes an answer."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.routing import Route, Router

from fairlead.config.refusals import listed, nearest
from fairlead.errors import FairleadError, LedgerError, RequestError
from fairlead.events import Event
from fairlead.gateway.body import ClientLeftError, header
from fairlead.gateway.chat import Chat
from fairlead.gateway.counting import CountTokens
from fairlead.gateway.decide import Decide
from fairlead.gateway.errors import fault_of, ledger_failed, send_error
from fairlead.gateway.feedback import FeedbackEndpoint
from fairlead.gateway.health import HostsShown, Live, Ready
from fairlead.gateway.keys import AdminOnly, Keyed
from fairlead.gateway.metrics import MetricsShown
from fairlead.gateway.models import Models
from fairlead.gateway.openapi import OpenApi
from fairlead.ledger.ids import new_id
from fairlead.observers import Observers, Refused
from fairlead.wire import anthropic_messages, openai_chat, openai_embeddings, openai_responses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from fairlead.gateway.state import Gateway
    from fairlead.wire.codec import Codec

CODECS: Mapping[str, Codec] = {
    "/v1/chat/completions": openai_chat,
    "/v1/responses": openai_responses,
    "/v1/messages": anthropic_messages,
    "/v1/embeddings": openai_embeddings,
}
"""Path -> the dialect that is spoken there."""

LOG = logging.getLogger("fairlead.gateway")


def application(gateway: Gateway, more: Sequence[BaseRoute] = ()) -> ASGIApp:
    """Returns the ASGI application of a gateway; `more` are routes of those who show what it does."""
    door, room = gateway.door, Room(gateway.max_in_flight)

    def asked(app: ASGIApp) -> ASGIApp:
        return InFlight(Keyed(app, door), room)

    answers = {path: asked(Chat(gateway, codec)) for path, codec in CODECS.items()}
    models = Keyed(Models(gateway.routes, gateway.executor.hosts.known), door)
    routes = [
        *(Route(path, app, methods=["POST"]) for path, app in answers.items()),
        Route("/v1/messages/count_tokens", asked(CountTokens(gateway)), methods=["POST"]),
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/models/{name:path}", models, methods=["GET"]),
        Route("/v1/route", Keyed(Decide(gateway), door), methods=["POST"]),
        Route("/v1/feedback", Keyed(FeedbackEndpoint(gateway), door), methods=["POST"]),
        Route("/health/live", Live(), methods=["GET"]),
        Route("/health/hosts", AdminOnly(HostsShown(gateway), door), methods=["GET"]),
        Route("/health/ready", Ready(gateway), methods=["GET"]),
        Route("/metrics", AdminOnly(MetricsShown(gateway), door), methods=["GET"]),
        Route("/openapi.json", OpenApi(), methods=["GET"]),
    ]
    paths = [route.path_format for route in routes]
    app = Straight(answers, Router([*routes, *more], redirect_slashes=False))
    return ErrorEdge(app, paths=paths, observers=gateway.observers)


def codec_of(scope: Scope) -> Codec:
    """Returns the dialect of whoever asks: that of the path, else Anthropic's where its clients' header is sent."""
    path: str = scope["path"]
    if path in CODECS:
        return CODECS[path]
    speaks_anthropic = path.startswith("/v1/messages") or header(scope, b"anthropic-version") is not None
    return anthropic_messages if speaks_anthropic else openai_chat


class Straight:
    """Goes straight to what most requests ask for; a router looks for the rest.

    Args:
        posts: path -> what answers a POST there.
        router: knows these paths as well, for whoever does not POST, and all others.
    """

    def __init__(self, posts: Mapping[str, ASGIApp], router: ASGIApp) -> None:
        self._posts = posts
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves, as ASGI asks."""
        found = self._posts.get(scope["path"]) if scope.get("method") == "POST" else None
        await (found or self._router)(scope, receive, send)


@dataclass(slots=True)
class Room:
    """How many requests may be served at the same time, and how many are."""

    limit: int
    n: int = 0


class InFlight:
    """Lets requests in as long as there is room, and no more.

    Args:
        app: what serves them.
        room: what all paths share.
    """

    def __init__(self, app: ASGIApp, room: Room) -> None:
        self._app = app
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves, or raises RequestError (429)."""
        room = self._room
        if room.n >= room.limit:
            message = f"{room.limit} requests are in flight, the limit set by `server.max_in_flight`. Try again soon."
            raise RequestError(message, status_code=429, code="too_many_requests")
        room.n += 1
        try:
            await self._app(scope, receive, send)
        finally:
            room.n -= 1


class ErrorEdge:
    """Tells the caller of whatever goes wrong inside.

    Args:
        app: what may raise.
        paths: what it answers, for those who ask elsewhere.
        observers: who is told of what was refused.
    """

    def __init__(self, app: ASGIApp, *, paths: list[str], observers: Observers) -> None:
        self._app = app
        self._paths = paths
        self._observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves, as ASGI asks."""
        begun = False

        def noting_send(message: Message) -> Awaitable[None]:
            nonlocal begun
            begun = True
            return send(message)

        scope["app"] = self  # so that starlette raises where nothing matches, and does not answer in its own shape
        try:
            await self._app(scope, receive, noting_send)
        except ClientLeftError:
            return
        except Exception as error:  # noqa: BLE001 - the edge: whatever broke, the caller is told
            foreseen = self._foreseen(scope, error)
            refused = self._refused(scope, foreseen)
            if isinstance(error, LedgerError):
                LOG.error(ledger_failed(error))  # noqa: TRY400 - its words say all
            elif not isinstance(error, FairleadError | HTTPException):
                _log(refused.path, error)
            self._observers.notify(refused)
            if not begun:  # a reply that has begun is cut: the server closes the connection in mid-reply
                codec = codec_of(scope)
                named = (codec.REQUEST_ID, str(refused.request_id).encode())
                await send_error(send, foreseen, codec, headers=[named, *_allowed(error)])

    def _foreseen(self, scope: Scope, error: Exception) -> Exception:
        """Returns our own error where starlette found no route for the request."""
        if not isinstance(error, HTTPException):
            return error
        asked = f"`{scope['method']} {scope['path']}`"
        if error.status_code == 405:
            message = f"{asked} is not answered; expected the method {dict(error.headers or {})['Allow']}."
            return RequestError(message, status_code=405, code="method_not_allowed")
        near = "" if scope["path"] == "/" else nearest(scope["path"], self._paths)
        remedy = _meant(scope["path"]) or f"; expected one of {listed(self._paths)}.{near}"
        message = f"{asked} is not answered{remedy}"
        return RequestError(message, status_code=404, code="not_found")

    def _refused(self, scope: Scope, error: Exception) -> Refused:
        """Returns what observers are told; a path that somebody made up is no name of a series."""
        path, fault = scope["path"], fault_of(error)
        return Refused(
            path=path if path in self._paths else "other",
            status_code=fault.status_code,
            code=fault.code,
            request_id=new_id("req"),
        )


def _meant(asked: str) -> str:
    """Returns which path was meant where the base URL of a client lacks the version, or has too much of it."""
    path = next((path for path in CODECS if asked.endswith(path.removeprefix("/v1"))), None)
    if path is None:
        return ""
    version = "" if path.startswith("/v1/messages") else ", followed by `/v1`"
    return f". Did you mean `{path}`? Then the base URL of the client is the address of this gateway{version}."


def _allowed(error: Exception) -> list[tuple[bytes, bytes]]:
    given = (error.headers or {}) if isinstance(error, HTTPException) else {}
    return [(name.lower().encode(), value.encode()) for name, value in given.items()]


def _log(path: str, error: Exception) -> None:
    """Names what broke and where; not its message, which may quote a prompt or a key."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind = type(error).__name__
    LOG.error(Event("gateway_broke", path=path, error=kind, file=place.filename, line=place.lineno))
