"""Requests for an answer, in any caller's dialect, as the flow goes: decode, decide, commit, call, commit, answer."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import structs

from fairlead.errors import (
    AllAttemptsFailedError,
    BudgetExceededError,
    FairleadError,
    LedgerError,
    ProviderError,
    RequestError,
)
from fairlead.gateway.body import header, passed_on, patient, send_json
from fairlead.gateway.cache import Collector, Place
from fairlead.gateway.errors import fault_of, ledger_failed, send_error
from fairlead.gateway.headers import final_notes, headers, notes, server_timing
from fairlead.gateway.keys import caller_of
from fairlead.gateway.leaving import CancelledByLeaving
from fairlead.gateway.record import Record
from fairlead.gateway.replaying import events_of, outcome_of, replayed
from fairlead.gateway.standing import standing_headers
from fairlead.learning.delivered import Transcript, answer_of
from fairlead.observers import Laps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send

    from fairlead.execution import Stream
    from fairlead.gateway.body import Header
    from fairlead.gateway.cache import Cached
    from fairlead.gateway.headers import Notes
    from fairlead.gateway.state import Gateway
    from fairlead.types import Outcome
    from fairlead.wire.codec import Codec, StreamEncoder

LOG = logging.getLogger("fairlead.gateway")

_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Chat:
    """Serves answers, whole or as a stream.

    Args:
        gateway: what serves.
        codec: the dialect of its callers.
    """

    def __init__(self, gateway: Gateway, codec: Codec) -> None:
        self._gateway = gateway
        self._codec = codec

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        laps = Laps()
        gateway, codec = self._gateway, self._codec
        body = await gateway.body(scope, receive)
        laps.lap("receive")
        request = codec.decode(body)
        laps.lap("decode")
        if told := passed_on(scope, codec.PASSED_ON):
            request = structs.replace(request, headers=told)
        caller = caller_of(scope)
        limits = gateway.limits_of(request.model, caller)
        context = gateway.context(request, scope, limits)
        request = gateway.with_thinker(request, context)
        wish = header(scope, b"cache-control") or ""
        place = Place.of(gateway.caches, request, caller, wish) if gateway.caches else None
        if place is not None and (cached := place.find()) is not None:
            record = replayed(gateway, request, context, caller, cached=cached, limits=limits, laps=laps)
            await self._replay(record, cached, patient(send, gateway.limits.idle_s))
            return
        routed, context = await gateway.decide(request, context, caller)
        laps.lap("decide")
        record = Record(
            gateway=gateway,
            request=request,
            context=context,
            routed=routed,
            laps=laps,
            trace_parent=header(scope, b"traceparent"),
            caller=caller,
            place=place,
            purse=gateway.purse(request, routed, context, limits),
        )
        record = await self._intended(record)  # committed before the call
        if request.stream:
            await self._stream(record, receive, patient(send, gateway.limits.idle_s))
        else:
            await self._answer(record, receive, send)

    async def _intended(self, record: Record) -> Record:
        """Returns the record when its intent is kept; of those whom a budget that is nearly spent still pays."""
        try:
            await record.intend()
        except BudgetExceededError as error:
            cheaper = await record.cheaper(error)
            if cheaper is None:
                raise
            await cheaper.intend()
            return cheaper
        return record

    async def _answer(self, record: Record, receive: Receive, send: Send) -> None:
        with CancelledByLeaving(receive):
            outcome = await self._gateway.executor.execute(
                record.decision, record.request, seed=record.context.seed, purse=record.purse
            )
        await record.settle(outcome)  # committed before the reply's last byte
        told = final_notes(record, outcome)
        if outcome.response is None or outcome.served is None:
            await send_error(send, _why(outcome), self._codec, headers=self._headers(record, told))
            return
        heading = record.heading(outcome.served)
        record.known_as(self._codec.answer_id(outcome.response, heading))
        body = self._codec.encode(outcome.response, record.request, heading, told)
        await send_json(send, body, headers=self._headers(record, told))
        if record.place is not None:
            record.place.keep(record.decision_id, outcome, outcome.response)
        if record.studied:
            record.delivered(outcome, answer_of(outcome.response))

    async def _replay(self, record: Record, cached: Cached, send: Send) -> None:
        """Answers with what is kept: nobody is called."""
        await record.intend()
        outcome = outcome_of(cached)
        await record.settle(outcome)
        told = final_notes(record, outcome)
        heading, named = record.heading(cached.candidate), self._headers(record, told)
        if not record.request.stream:
            await send_json(send, self._codec.encode(cached.response, record.request, heading, told), headers=named)
            return
        encoder = self._codec.encoder(record.request, heading)
        await send({"type": "http.response.start", "status": 200, "headers": [*_STREAM_HEADERS, *named]})
        events = [*events_of(cached, encoder), encoder.end(cached.response.usage, told)]
        await send({"type": "http.response.body", "body": b"".join(events)})

    async def _stream(self, record: Record, receive: Receive, send: Send) -> None:
        stream = self._gateway.executor.stream(
            record.decision, record.request, seed=record.context.seed, purse=record.purse
        )
        encoder, transcript = None, Transcript() if record.studied else None
        collector = None if record.place is None else Collector()
        listeners = [listener for listener in (transcript, collector) if listener is not None]
        try:
            with CancelledByLeaving(receive):
                if await stream.start():
                    encoder = await self._begin(record, stream, send)
                    await _pass_on(stream, encoder, send, listeners)
        finally:
            await stream.aclose()
            assert stream.outcome is not None
            error = await _settled(record, stream.outcome)
        if encoder is None:
            told = self._headers(record, final_notes(record, stream.outcome))
            await send_error(send, error or _why(stream.outcome), self._codec, headers=told)
        else:
            await send({"type": "http.response.body", "body": _end(record, stream.outcome, encoder, error)})
            if error is not None or stream.outcome.n_continued:
                return  # an answer that two calls wrote says nothing of either
            if record.place is not None and collector is not None:
                record.place.keep(record.decision_id, stream.outcome, collector.response(record.request_id))
            if transcript is not None:
                record.delivered(stream.outcome, transcript.answer)

    async def _begin(self, record: Record, stream: Stream, send: Send) -> StreamEncoder:
        """Commits to status 200: the first content is here."""
        record.laps.lap("upstream")
        told = self._headers(record, notes(record, served=stream.candidate))
        await send({"type": "http.response.start", "status": 200, "headers": [*_STREAM_HEADERS, *told]})
        return self._codec.encoder(record.request, record.heading(stream.candidate))

    def _headers(self, record: Record, told: Notes) -> list[Header]:
        standings = () if record.purse is None else record.purse.standings
        limits = standing_headers(standings, self._codec, record.context.now) if standings else []
        return [*headers(told, self._codec), server_timing(record), *limits]


async def _pass_on(
    stream: Stream, encoder: StreamEncoder, send: Send, listeners: Sequence[Transcript | Collector]
) -> None:
    """Sends what arrives at once; where the answer breaks off the outcome says so."""
    with suppress(ProviderError):
        async for chunks in stream:
            for listener in listeners:
                listener.note(chunks)
            if events := b"".join(map(encoder.chunk, chunks)):
                await send({"type": "http.response.body", "body": events, "more_body": True})


async def _settled(record: Record, outcome: Outcome) -> LedgerError | None:
    """Returns when it is committed what came of the stream, else why it is not: the reply has begun, so no raising."""
    try:
        await record.settle(outcome)
    except LedgerError as error:
        LOG.error(ledger_failed(error))  # noqa: TRY400 - its words say all
        return error
    return None


def _end(record: Record, outcome: Outcome, encoder: StreamEncoder, error: LedgerError | None) -> bytes:
    """Returns the last bytes of a stream: its end where all went well, else the error."""
    if error is not None or outcome.status != "delivered":
        return encoder.fault(fault_of(error or _why(outcome)))
    record.known_as(encoder.id)
    return encoder.end(outcome.usage, final_notes(record, outcome))


def _why(outcome: Outcome) -> FairleadError:
    """Returns why there is no answer."""
    if outcome.status == "cancelled":
        return RequestError("The request was cancelled.", status_code=503, code="cancelled")
    return AllAttemptsFailedError(outcome.causes)
