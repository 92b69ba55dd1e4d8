"""`POST /v1/chat/completions`, as the flow goes: decode, decide, commit, call, commit, answer."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from fairlead.errors import AllAttemptsFailedError, FairleadError, LedgerError, ProviderError, RequestError
from fairlead.gateway.body import ClientLeftError, send_json
from fairlead.gateway.errors import error_event, send_error
from fairlead.gateway.headers import final_notes, headers, notes
from fairlead.gateway.leaving import CancelledByLeaving
from fairlead.gateway.record import Record
from fairlead.wire import openai_chat, sse

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from fairlead.execution import Stream
    from fairlead.gateway.state import Gateway
    from fairlead.types import Outcome

_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class ChatCompletions:
    """Serves chat completions, whole or as a stream."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        arrived_s = time.perf_counter()
        gateway = self._gateway
        request = openai_chat.decode(await gateway.body(scope, receive))
        context = gateway.context(request, scope)
        routed = gateway.routes.decide(request, context)
        record = Record(gateway=gateway, request=request, context=context, routed=routed, arrived_s=arrived_s)
        await record.intend()  # committed before the call
        if request.stream:
            await self._stream(record, receive, send)
        else:
            await self._answer(record, receive, send)

    async def _answer(self, record: Record, receive: Receive, send: Send) -> None:
        async with CancelledByLeaving(receive):
            outcome = await self._gateway.executor.execute(record.decision, record.request, seed=record.context.seed)
        await record.settle(outcome)  # committed before the reply's last byte
        told = final_notes(record, outcome)
        if outcome.response is None or outcome.served is None:
            await send_error(send, _why(outcome), headers=headers(told))
            return
        body = openai_chat.encode(outcome.response, model=outcome.served, created=record.created, notes=told)
        await send_json(send, body, headers=headers(told))

    async def _stream(self, record: Record, receive: Receive, send: Send) -> None:
        stream = self._gateway.executor.stream(record.decision, record.request, seed=record.context.seed)
        encoder = None
        try:
            async with CancelledByLeaving(receive):
                if await stream.start():
                    encoder = await _begin(record, stream, send)
                    await _pass_on(stream, encoder, _patient(send, self._gateway.limits.idle_s))
        finally:
            await stream.aclose()
            assert stream.outcome is not None
            error = await _settled(record, stream.outcome)
        if encoder is None:
            await send_error(send, error or _why(stream.outcome), headers=headers(final_notes(record, stream.outcome)))
        else:
            last = {"type": "http.response.body", "body": _end(record, stream.outcome, encoder, error)}
            await _patient(send, self._gateway.limits.idle_s)(last)


async def _begin(record: Record, stream: Stream, send: Send) -> openai_chat.ChunkEncoder:
    """Commits to status 200: the first content is here."""
    told = headers(notes(record, served=stream.candidate))
    await send({"type": "http.response.start", "status": 200, "headers": [*_STREAM_HEADERS, *told]})
    return openai_chat.ChunkEncoder(
        id=record.request_id,
        model=stream.candidate or record.decision.model,
        created=record.created,
        include_usage=record.request.include_usage,
    )


async def _pass_on(stream: Stream, encoder: openai_chat.ChunkEncoder, send: Send) -> None:
    """Sends chunk by chunk; where the answer breaks off the outcome says so."""
    with suppress(ProviderError):
        async for chunk in stream:
            if events := encoder.chunk(chunk):
                await send({"type": "http.response.body", "body": events, "more_body": True})


def _patient(send: Send, patience_s: float) -> Send:
    """Returns a `send` for readers that may be slow but not stuck: who takes nothing for so long counts as gone."""

    async def patient_send(message: Message) -> None:
        try:
            async with asyncio.timeout(patience_s):
                await send(message)
        except TimeoutError:
            raise ClientLeftError from None

    return patient_send


async def _settled(record: Record, outcome: Outcome) -> LedgerError | None:
    """Returns when it is committed what came of the stream, else why it is not: the reply has begun, so no raising."""
    try:
        await record.settle(outcome)
    except LedgerError as error:
        return error
    return None


def _end(record: Record, outcome: Outcome, encoder: openai_chat.ChunkEncoder, error: LedgerError | None) -> bytes:
    """Returns the last bytes of a stream: usage and `[DONE]` where all went well, else the error."""
    if error is not None or outcome.status != "delivered":
        return error_event(error or _why(outcome))
    if not record.request.include_usage:
        return sse.DONE
    usage = outcome.attempts[-1].usage
    return encoder.usage(usage, final_notes(record, outcome)) + sse.DONE


def _why(outcome: Outcome) -> FairleadError:
    """Returns why there is no answer."""
    if outcome.status == "cancelled":
        return RequestError("The request was cancelled.", status_code=503, code="cancelled")
    return AllAttemptsFailedError(outcome.causes)
