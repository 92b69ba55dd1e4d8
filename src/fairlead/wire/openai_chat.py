"""OpenAI chat completions as the caller sees them: bytes to Request, Response and Chunks to bytes.

Where the provider speaks this dialect itself its own bytes go through, with only `model`, `usage` and our notes on cost
put in. Sources: OpenAI API reference, "Chat completion object" and "Chat completion chunk object".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.types import ToolCall
from fairlead.wire import splice, sse
from fairlead.wire.openai_request import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.types import Chunk, Response, Usage

    Notes = Mapping[str, str | int | float | None]
    """What we add to `usage` under `fairlead`, such as `cost_usd`."""

__all__ = ["ChunkEncoder", "decode", "encode", "encode_error"]

_NULL = msgspec.Raw(b"null")
_NO_CHOICES = msgspec.Raw(b"[]")


def encode(response: Response, *, model: str, created: int = 0, notes: Notes | None = None) -> bytes:
    """Returns the body of a complete answer, which names `model` as the one that served.

    `created` is the Unix time, seconds, of an answer whose host gives none.
    """
    own = response.body and response.dialect == "openai"
    body = splice.read(response.body) if own else _completion(response, created)
    splice.put(body, [("model", model), *_noted(body.get("usage"), notes)])
    return msgspec.json.encode(body)


def encode_error(message: str, *, kind: str, param: str | None = None, code: str | None = None) -> bytes:
    """Returns OpenAI's error envelope; `kind` is its `type`, such as `invalid_request_error`."""
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


class ChunkEncoder:
    """Encodes one streamed answer, event by event; usage is kept back until `usage` is asked for.

    Args:
        id: the answer's id, until the provider's own is seen.
        model: the model that serves.
        created: Unix time, seconds.
        include_usage: the caller asked for usage: other chunks then carry `usage: null`.
    """

    def __init__(self, *, id: str, model: str, created: int, include_usage: bool) -> None:  # noqa: A002
        self.id = id
        self.model = model
        self.created: object = created
        self.include_usage = include_usage
        self._usage: object = None  # as the provider wrote it
        self._begun = False

    def chunk(self, chunk: Chunk) -> bytes:
        """Returns the events of one chunk; none where it carries nothing but usage."""
        if not self._begun and chunk.id:
            self.id = chunk.id
        return self._passed_on(chunk.body) if chunk.body else self._written(chunk)

    def usage(self, usage: Usage | None, notes: Notes | None = None) -> bytes:
        """Returns the last event before `sse.DONE`: no choices, the usage, our notes in it."""
        body = self._envelope()
        body["choices"] = []
        body["usage"] = self._usage or (None if usage is None else _usage(usage))
        splice.put(body, _noted(body["usage"], notes))
        return sse.encode(msgspec.json.encode(body))

    @staticmethod
    def error(message: str, *, kind: str, code: str | None = None) -> bytes:
        """Returns the event of a failure in mid-stream; nothing may follow it."""
        return sse.encode(encode_error(message, kind=kind, code=code))

    def _passed_on(self, data: bytes) -> bytes:
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
        role = b"" if self._begun else self._event({"role": "assistant", "content": ""}, None)
        self._begun = True
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


def _completion(response: Response, created: int) -> dict[str, object]:
    calls = [part for part in response.parts if isinstance(part, ToolCall)]
    message: dict[str, object] = {"role": "assistant", "content": response.text or None, "refusal": None}
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    elif message["content"] is None:
        message["content"] = ""
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": response.finish_reason}
    return {
        "id": response.id,
        "object": "chat.completion",
        "created": response.created or created,
        "model": response.model,
        "choices": [choice],
        "usage": None if response.usage is None else _usage(response.usage),
    }


def _usage(usage: Usage) -> dict[str, object]:
    n_input = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    return {
        "prompt_tokens": n_input,
        "completion_tokens": usage.output_tokens,
        "total_tokens": n_input + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _noted(usage: object, notes: Notes | None) -> list[tuple[str, object]]:
    """Returns where our notes go: into the usage, and nowhere where the usage is not known."""
    unknown = usage is None or usage == _NULL
    return [] if unknown or not notes else [("usage.fairlead", dict(notes))]
