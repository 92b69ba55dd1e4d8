"""OpenAI chat completions as the caller sees them: bytes to Request, Response and Chunks to bytes.

Where the provider speaks this dialect itself its own bytes go through, with only `model`, `usage` and our notes on cost
put in. Sources: OpenAI API reference, "Chat completion object" and "Chat completion chunk object".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.types import ToolCall
from fairlead.wire import splice, sse
from fairlead.wire.codec import noted
from fairlead.wire.frames import Reframing, each
from fairlead.wire.openai_request import decode
from fairlead.wire.rate_limits import openai as rate_limits

if TYPE_CHECKING:
    from fairlead.types import Chunk, Request, Response, Usage
    from fairlead.wire.codec import Fault, Heading, Notes

__all__ = [
    "PASSED_ON",
    "REQUEST_ID",
    "ChunkEncoder",
    "answer_id",
    "decode",
    "encode",
    "encode_fault",
    "encoder",
    "rate_limits",
]

REQUEST_ID = b"x-request-id"
PASSED_ON: tuple[bytes, ...] = ()

_NULL = msgspec.Raw(b"null")
_NO_CHOICES = msgspec.Raw(b"[]")
_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    429: "rate_limit_error",
}


def encode(response: Response, request: Request, heading: Heading, notes: Notes) -> bytes:  # noqa: ARG001 - a codec's
    """Returns the body of a complete answer, which names the candidate that served as its `model`."""
    own = response.body and response.dialect == "openai"
    body = splice.read(response.body) if own else _completion(response, heading)
    splice.put(body, [("model", heading.model), *noted(body.get("usage"), notes)])
    return msgspec.json.encode(body)


def encode_fault(fault: Fault) -> bytes:
    """Returns OpenAI's error envelope."""
    server = fault.status_code >= 500
    kind = _TYPES.get(fault.status_code, "api_error" if server else "invalid_request_error")
    error = {"message": fault.message, "type": kind, "param": fault.param, "code": fault.code}
    return msgspec.json.encode({"error": error})


def answer_id(response: Response, heading: Heading) -> str:
    """Returns the provider's id of an answer, whoever it is, else our own."""
    return response.id or heading.id


def encoder(request: Request, heading: Heading) -> ChunkEncoder:
    """Returns what writes a streamed answer."""
    return ChunkEncoder(heading, include_usage=request.include_usage)


class ChunkEncoder:
    """Encodes one streamed answer, event by event; usage is kept back for the end.

    Args:
        heading: its id and time serve until the provider's own are seen.
        include_usage: the caller asked for usage: other chunks then carry `usage: null`.
    """

    def __init__(self, heading: Heading, *, include_usage: bool) -> None:
        self.id = heading.id
        self.model = heading.model
        self.created: object = heading.created
        self.include_usage = include_usage
        self._usage: object = None  # as the provider wrote it
        self._begun = False
        self._reframing = Reframing(self._passed_on)

    def chunk(self, chunk: Chunk) -> bytes:
        """Returns the events of one chunk; none where it carries nothing but usage."""
        if chunk.frame is not None:
            return self._reframing.events(chunk.frame, chunk.spelled)
        if not self._begun and chunk.id:
            self.id = chunk.id
        return self._passed_on(chunk.body) if chunk.body else self._written(chunk)

    def end(self, usage: Usage | None, notes: Notes) -> bytes:
        """Returns `[DONE]`, before it the usage where it was asked for: no choices, our notes in it."""
        if not self.include_usage:
            return sse.DONE
        body = self._envelope()
        body["choices"] = []
        body["usage"] = self._usage or (None if usage is None else _usage(usage))
        splice.put(body, noted(body["usage"], notes))
        return sse.encode(msgspec.json.encode(body)) + sse.DONE

    @staticmethod
    def fault(fault: Fault) -> bytes:
        """Returns the event of a failure in mid-stream; nothing may follow it."""
        return sse.encode(encode_fault(fault))

    def _passed_on(self, data: bytes, _event: str = "") -> bytes:
        body = splice.read(data)
        usage = body.pop("usage", None)
        if usage is not None and usage != _NULL:
            self._usage = usage
            choices = body.get("choices", _NO_CHOICES)
            if isinstance(choices, msgspec.Raw) and msgspec.json.decode(choices) == []:
                return b""
        self._begun = True
        self.created = body.get("created", self.created)
        body["model"] = self.model
        if self.include_usage:
            body["usage"] = None
        return sse.encode(msgspec.json.encode(body))

    def _written(self, chunk: Chunk) -> bytes:
        delta = _delta(chunk)
        if not delta and chunk.finish_reason is None:
            return b""
        self._usage = None  # of a host whose answer another one goes on with
        role = b"" if self._begun else self._event({"role": "assistant", "content": ""}, None)
        self._begun = True
        if chunk.pieces:
            (name,) = delta
            return role + each(lambda piece: self._event({name: piece}, None), chunk.pieces)
        return role + self._event(delta, chunk.finish_reason)

    def _event(self, delta: dict[str, object], finish_reason: str | None) -> bytes:
        body = self._envelope()
        body["choices"] = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]
        if self.include_usage:
            body["usage"] = None
        return sse.encode(msgspec.json.encode(body))

    def _envelope(self) -> dict[str, object]:
        return {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}


def _delta(chunk: Chunk) -> dict[str, object]:
    delta: dict[str, object] = {}
    if chunk.reasoning:
        delta["reasoning_content"] = chunk.reasoning
    if chunk.text:
        delta["content"] = chunk.text
    if (call := chunk.tool_call) is not None:
        named = {"id": call.id, "type": "function"} if call.id else {}
        function = {"name": call.name} if call.name else {}
        delta["tool_calls"] = [
            {"index": chunk.tool_index, **named, "function": {**function, "arguments": call.arguments}}
        ]
    return delta


def _completion(response: Response, heading: Heading) -> dict[str, object]:
    calls = [part for part in response.parts if isinstance(part, ToolCall)]
    message: dict[str, object] = {"role": "assistant", "content": response.text or None, "refusal": None}
    if response.reasoning:
        message["reasoning_content"] = response.reasoning
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    elif message["content"] is None:
        message["content"] = ""
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": response.finish_reason}
    return {
        "id": answer_id(response, heading),
        "object": "chat.completion",
        "created": response.created or heading.created,
        "model": response.model,
        "choices": [choice],
        "usage": None if response.usage is None else _usage(response.usage),
    }


def _usage(usage: Usage) -> dict[str, object]:
    n_input, n_output = usage.total_input_tokens, usage.total_output_tokens
    return {
        "prompt_tokens": n_input,
        "completion_tokens": n_output,
        "total_tokens": n_input + n_output,
        "prompt_tokens_details": {"cached_tokens": usage.read_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
