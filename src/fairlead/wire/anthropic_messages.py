"""Anthropic messages as the caller sees them: bytes to Request, Response and Chunks to bytes.

Where the provider speaks this dialect itself its own bytes go through, with only `model` and our notes on cost put in;
thinking and its signatures among them. Sources: Anthropic API reference, "Create a Message", "Streaming messages" and
"Errors".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from fairlead.types import FinishReason, Text, ToolCall
from fairlead.wire import splice, sse
from fairlead.wire.anthropic_request import decode, decode_prompt
from fairlead.wire.codec import noted
from fairlead.wire.frames import Reframing, each
from fairlead.wire.rate_limits import anthropic as rate_limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairlead.types import Chunk, Request, Response, Usage
    from fairlead.wire.codec import Fault, Heading, Notes

__all__ = [
    "PASSED_ON",
    "REQUEST_ID",
    "ChunkEncoder",
    "answer_id",
    "decode",
    "decode_prompt",
    "encode",
    "encode_fault",
    "encoder",
    "rate_limits",
]

REQUEST_ID = b"request-id"
PASSED_ON = (b"anthropic-version", b"anthropic-beta")

_STOP_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_ERRORS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_KEPT_BACK = {"message_delta", "message_stop"}
"""The events that end a message: they wait until it is settled."""


class _Block(msgspec.Struct):
    type: str = ""


class _Start(msgspec.Struct):
    index: int = 0
    content_block: _Block | None = None


_START = msgspec.json.Decoder(_Start)


def encode(response: Response, request: Request, heading: Heading, notes: Notes) -> bytes:  # noqa: ARG001 - a codec's
    """Returns the body of a complete answer, which names the candidate that served as its `model`."""
    own = response.body and response.dialect == "anthropic"
    body = splice.read(response.body) if own else _message(response, heading)
    splice.put(body, [("model", heading.model), *noted(body.get("usage"), notes)])
    return msgspec.json.encode(body)


def encode_fault(fault: Fault) -> bytes:
    """Returns Anthropic's error envelope; it has no field for our code."""
    kind = _ERRORS.get(fault.status_code, "api_error" if fault.status_code >= 500 else "invalid_request_error")
    named = {} if fault.request_id is None else {"request_id": fault.request_id}
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": fault.message}, **named})


def answer_id(response: Response, heading: Heading) -> str:
    """Returns the provider's id where it speaks this dialect, else our own."""
    return response.id if response.body and response.dialect == "anthropic" else _own_id(heading)


def encoder(request: Request, heading: Heading) -> ChunkEncoder:  # noqa: ARG001 - a codec's
    """Returns what writes a streamed answer."""
    return ChunkEncoder(heading)


class ChunkEncoder:
    """Encodes one streamed answer as the events of a message.

    Of parallel tool calls the first is passed on as it grows. The others wait for the end, since a block of this
    dialect ends before the next begins, while elsewhere calls may grow in turns.
    """

    def __init__(self, heading: Heading) -> None:
        self.id = _own_id(heading)
        self._heading = heading
        self._begun = False
        self._n_blocks = 0
        self._open = ""  # the type of the block that grows
        self._growing = -1  # the index of the tool call in it
        self._waiting: dict[int, list[ToolCall]] = {}
        self._stop: FinishReason = "stop"
        self._kept_back: dict[str, bytes] = {}  # the provider's own last events
        self._reframing = Reframing(lambda data, event: sse.encode(data, event=event))

    def chunk(self, chunk: Chunk) -> bytes:
        """Returns the events of one chunk; none where it is part of the end."""
        if chunk.frame is not None:
            return self._reframing.events(chunk.frame, chunk.spelled)
        return self._passed_on(chunk) if chunk.body else b"".join(self._written(chunk))

    def end(self, usage: Usage | None, notes: Notes) -> bytes:
        """Returns the last events: the stop reason, the usage with our notes in it, `message_stop`."""
        if "message_delta" in self._kept_back:
            body = splice.read(self._kept_back["message_delta"])
            splice.put(body, noted(body.get("usage"), notes))
            closing = [_event("message_delta", body)]
        else:
            closing = [*self._begin(), *self._close(), *self._close_waiting(), self._delta(usage, notes)]
        stop = self._kept_back.get("message_stop", b'{"type":"message_stop"}')
        return b"".join(closing) + sse.encode(stop, event="message_stop")

    @staticmethod
    def fault(fault: Fault) -> bytes:
        """Returns the event of a failure in mid-stream; nothing may follow it."""
        return sse.encode(encode_fault(fault), event="error")

    def _passed_on(self, chunk: Chunk) -> bytes:
        self.id = chunk.id or self.id
        if chunk.event in _KEPT_BACK:
            self._kept_back[chunk.event] = chunk.body
            return b""
        if chunk.event != "message_start":
            self._follow(chunk)
            return sse.encode(chunk.body, event=chunk.event)
        self._begun = True
        body = splice.read(chunk.body)
        splice.put(body, [("message.model", self._heading.model)])
        return _event(chunk.event, body)

    def _follow(self, chunk: Chunk) -> None:
        """Notes which block of the provider's own is open: another host may have to go on with it."""
        if chunk.event == "content_block_start":
            begun = _START.decode(chunk.body)
            self._n_blocks, self._open = begun.index + 1, begun.content_block.type if begun.content_block else ""
        elif chunk.event == "content_block_stop":
            self._open = ""

    def _written(self, chunk: Chunk) -> Iterator[bytes]:
        self._stop = chunk.finish_reason or self._stop
        if chunk.reasoning:
            empty = {"thinking": "", "signature": ""}
            yield from self._grow("thinking", empty, "thinking_delta", chunk.pieces or (chunk.reasoning,))
        if chunk.text:
            yield from self._grow("text", {"text": ""}, "text_delta", chunk.pieces or (chunk.text,))
        if chunk.tool_call is not None:
            yield from self._tool(chunk.tool_call, chunk.tool_index)

    def _grow(self, kind: str, empty: Mapping[str, object], delta: str, words: Sequence[str]) -> Iterator[bytes]:
        if self._open != kind:
            yield from self._start(kind, empty)
        yield each(partial(self._piece, delta, kind), words)

    def _tool(self, call: ToolCall, index: int) -> Iterator[bytes]:
        if self._open == "tool_use" and index != self._growing:
            self._waiting.setdefault(index, []).append(call)
            return
        if self._open != "tool_use":
            self._growing = index
            yield from self._start("tool_use", {"id": call.id, "name": call.name, "input": {}})
        if call.arguments:
            yield self._piece("input_json_delta", "partial_json", call.arguments)

    def _begin(self) -> Iterator[bytes]:
        if self._begun:
            return
        self._begun = True
        usage = {"input_tokens": 0, "output_tokens": 0}  # so far: the last event tells
        message = _envelope(self._heading) | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        yield _event("message_start", {"type": "message_start", "message": message})

    def _start(self, kind: str, empty: Mapping[str, object]) -> Iterator[bytes]:
        yield from self._begin()
        yield from self._close()
        if kind != "tool_use":
            yield from self._close_waiting()
        self._open = kind
        self._n_blocks += 1
        block = {"type": kind, **empty}
        start = {"type": "content_block_start", "index": self._n_blocks - 1, "content_block": block}
        yield _event("content_block_start", start)

    def _piece(self, delta: str, field: str, piece: str) -> bytes:
        body = {
            "type": "content_block_delta",
            "index": self._n_blocks - 1,
            "delta": {"type": delta, field: piece},
        }
        return _event("content_block_delta", body)

    def _close(self) -> Iterator[bytes]:
        if self._open:
            self._open = ""
            yield _event("content_block_stop", {"type": "content_block_stop", "index": self._n_blocks - 1})

    def _close_waiting(self) -> Iterator[bytes]:
        """Yields the whole blocks of the tool calls that waited for the first to end."""
        waiting, self._waiting = self._waiting, {}
        for index in sorted(waiting):
            first, *_ = fragments = waiting[index]
            whole = ToolCall(id=first.id, name=first.name, arguments="".join(call.arguments for call in fragments))
            yield from self._tool(whole, index)
            yield from self._close()

    def _delta(self, usage: Usage | None, notes: Notes) -> bytes:
        body: dict[str, object] = {
            "type": "message_delta",
            "delta": {"stop_reason": _STOP_REASONS[self._stop], "stop_sequence": None},
            "usage": _usage(usage),
        }
        splice.put(body, noted(body["usage"], notes))
        return _event("message_delta", body)


def _event(kind: str, body: dict[str, object]) -> bytes:
    return sse.encode(msgspec.json.encode(body), event=kind)


def _envelope(heading: Heading) -> dict[str, object]:
    return {"id": _own_id(heading), "type": "message", "role": "assistant", "model": heading.model}


def _own_id(heading: Heading) -> str:
    return f"msg_{heading.id.removeprefix('req_')}"


def _message(response: Response, heading: Heading) -> dict[str, object]:
    thoughts = [{"type": "thinking", "thinking": response.reasoning, "signature": ""}] if response.reasoning else []
    return _envelope(heading) | {
        "content": [*thoughts, *_blocks(response)],
        "stop_reason": _STOP_REASONS[response.finish_reason],
        "stop_sequence": None,
        "usage": _usage(response.usage),
    }


def _blocks(response: Response) -> Iterator[dict[str, object]]:
    for part in response.parts:
        match part:
            case Text(text=text):
                yield {"type": "text", "text": text}
            case ToolCall(id=call_id, name=name, arguments=arguments):
                yield {"type": "tool_use", "id": call_id, "name": name, "input": _input(arguments)}


def _input(arguments: str) -> object:
    """Returns the arguments as an object; what is none, such as those that a limit cut, stays visible as text."""
    try:
        msgspec.json.decode(arguments or "{}", type=splice.RawObject)
    except (msgspec.DecodeError, RecursionError):
        return {"arguments": arguments}
    return msgspec.Raw((arguments or "{}").encode())


def _usage(usage: Usage | None) -> dict[str, object]:
    """Returns the counts; what is not known is null, never zero."""
    return {
        "input_tokens": usage and usage.fresh_tokens,
        "cache_creation_input_tokens": usage and usage.written_tokens,
        "cache_read_input_tokens": usage and usage.read_tokens,
        "output_tokens": usage and usage.total_output_tokens,
    }
