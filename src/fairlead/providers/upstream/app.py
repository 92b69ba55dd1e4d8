"""The ASGI application of a simulated host: decodes a call, asks the responder, replies in the caller's dialect."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec
from starlette.responses import Response
from starlette.routing import Route, Router

from fairlead.errors import RequestError
from fairlead.providers.faults import Fault
from fairlead.providers.upstream import (
    anthropic_shape,
    embeddings_shape,
    gemini_shape,
    openai_shape,
    responses_shape,
)
from fairlead.providers.upstream.client import Client, ClientLeftError
from fairlead.providers.upstream.playing import played
from fairlead.providers.upstream.reply import CREATED, Asked, Reply, Responder
from fairlead.providers.upstream.script import streamed_script, whole_script

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from fairlead.providers.upstream.shape import Shape

FAULT_MESSAGE = "a simulated fault"


class Upstream:
    """Serves the models of `responder` in the dialects of OpenAI (chat and responses), Anthropic and Gemini.

    `/v1/embeddings` is there, too; its vectors mean nothing.

    Args:
        responder: the models.
        time_scale: seconds waited for each second of simulated latency; 0 answers at once.
        api_key: the key that callers must show; `None` takes any.
        plays: tools that are offered get called, schemas are kept to; see `playing`.
    """

    def __init__(
        self, responder: Responder, *, time_scale: float = 1.0, api_key: str | None = None, plays: bool = False
    ) -> None:
        self.responder = responder
        self.plays = plays
        self.time_scale = time_scale
        self.api_key = api_key
        self.attempts: Counter[tuple[str, str]] = Counter()
        """Calls so far by (prompt key, model): one entry for each pair that was called, until `reset`."""
        self.n_open = 0
        """Calls in progress."""
        self.n_left = 0
        """Calls whose client left before the end."""
        self._router = Router(
            [
                Route("/v1/chat/completions", _Endpoint(self, openai_shape), methods=["POST"]),
                Route("/v1/responses", _Endpoint(self, responses_shape), methods=["POST"]),
                Route("/v1/embeddings", _Endpoint(self, embeddings_shape), methods=["POST"]),
                Route("/v1/messages", _Endpoint(self, anthropic_shape), methods=["POST"]),
                Route("/v1/messages/count_tokens", self._count_tokens, methods=["POST"]),
                Route("/v1beta/models/{call}", _Endpoint(self, gemini_shape), methods=["POST"]),
                Route("/v1/models", self._list_models, methods=["GET"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one call, as ASGI asks."""
        await self._router(scope, receive, send)

    def reset(self) -> None:
        """Forgets how often each prompt was asked, so that a fault plan starts anew."""
        self.attempts.clear()

    def reply(self, asked: Asked) -> Reply:
        """Returns the responder's reply and counts the attempt.

        Raises:
            RequestError: the model or the prompt cannot be served.
        """
        self.attempts[asked.key, asked.model] += 1
        attempt = self.attempts[asked.key, asked.model]
        reply = self.responder.respond(asked.model, asked.prompt, asked.prompt_id, attempt)
        return played(asked, reply) if self.plays else reply

    def authorise(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Takes the key in the header of any dialect.

        Raises:
            RequestError: the key is missing or not the right one.
        """
        sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        bearer = sent.get("authorization", "").removeprefix("Bearer ")
        if self.api_key is not None and self.api_key not in {bearer, sent.get("x-api-key"), sent.get("x-goog-api-key")}:
            raise RequestError("the key is missing or not the right one", status_code=401, code="invalid_api_key")

    async def _count_tokens(self, request: Request) -> Response:
        content = anthropic_shape.counted(await request.body())
        return Response(content, media_type="application/json")

    async def _list_models(self, _request: Request) -> Response:
        owner = self.responder.label
        models = [{"id": m, "object": "model", "created": CREATED, "owned_by": owner} for m in self.responder.models]
        content = msgspec.json.encode({"object": "list", "data": models})
        return Response(content, media_type="application/json")


class _Endpoint:
    """The path of one dialect."""

    def __init__(self, upstream: Upstream, shape: Shape) -> None:
        self.upstream = upstream
        self.shape = shape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = Client(scope, receive, send)
        self.upstream.n_open += 1
        try:
            await self._answer(scope, client)
        except ClientLeftError:
            self.upstream.n_left += 1
        finally:
            self.upstream.n_open -= 1
            client.close()

    async def _answer(self, scope: Scope, client: Client) -> None:
        try:
            body = await client.body()
            self.upstream.authorise(scope["headers"])
            asked = self.shape.decode(body, unquote(scope["path"]))
            reply = self.upstream.reply(asked)
        except RequestError as error:
            content = self.shape.error(error.status_code, str(error), error.code, error.param)
            await client.send_json(error.status_code, content)
            return
        match reply.fault:
            case Fault(kind="status") as fault:
                await self._refuse(client, fault)
            case Fault(kind="reset"):
                await client.reset()
            case Fault(kind="silent"):
                await client.until_left()
            case fault if asked.stream:
                await self._stream(client, asked, reply, fault)
            case fault:
                await self._send_whole(client, asked, reply, fault)

    async def _refuse(self, client: Client, fault: Fault) -> None:
        content = self.shape.error(fault.status_code, FAULT_MESSAGE, fault.code, None)
        wait = {} if fault.retry_after_s is None else {"retry-after": str(fault.retry_after_s)}
        await client.send_json(fault.status_code, content, wait)

    async def _stream(self, client: Client, asked: Asked, reply: Reply, fault: Fault | None) -> None:
        events = list(self.shape.events(asked, reply))
        error = b"" if fault is None else self.shape.error_event(fault.status_code, FAULT_MESSAGE, fault.code)
        gap_s = (reply.latency_s - reply.ttft_s) / max(len(events) - 1, 1)
        script = streamed_script(events, fault, error)
        await client.start(200, "text/event-stream; charset=utf-8")
        await client.play(script, first_s=reply.ttft_s, gap_s=gap_s, time_scale=self.upstream.time_scale)

    async def _send_whole(self, client: Client, asked: Asked, reply: Reply, fault: Fault | None) -> None:
        error = b"" if fault is None else self.shape.error(fault.status_code, FAULT_MESSAGE, fault.code, None)
        script = whole_script(self.shape.whole(asked, reply), fault, error)
        await client.start(200, "application/json")
        await client.play(script, first_s=reply.latency_s, gap_s=0, time_scale=self.upstream.time_scale)
