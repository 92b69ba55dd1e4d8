"""The wire shape of Gemini's `generateContent` and `streamGenerateContent?alt=sse`, as its servers speak it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.errors import RequestError
from fairlead.providers.upstream.reply import Asked, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.types import Usage

ERROR_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
FINISH_REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}


class _Part(msgspec.Struct):
    text: str = ""


class _Content(msgspec.Struct):
    parts: list[_Part]
    role: str = "user"


class _Body(msgspec.Struct, rename="camel"):
    contents: list[_Content]
    system_instruction: _Content | None = None
    labels: dict[str, str] | None = None


_BODY = msgspec.json.Decoder(_Body)


def decode(body: bytes, path: str) -> Asked:
    """Returns what was asked; the model and whether to stream stand in the path.

    Raises:
        RequestError: the body is not one of this dialect.
    """
    try:
        read = _BODY.decode(body)
    except msgspec.MsgspecError as error:
        raise RequestError(f"the body is no request for content: {error}") from error
    model, _, method = path.rpartition("/")[2].partition(":")
    turns = [read.system_instruction] if read.system_instruction else []
    turns += [content for content in read.contents if content.role == "user"]
    return Asked(
        model=model,
        prompt="\n".join("\n".join(part.text for part in turn.parts) for turn in turns),
        prompt_id=(read.labels or {}).get("prompt_id"),
        stream=method == "streamGenerateContent",
    )


def whole(asked: Asked, reply: Reply) -> bytes:
    """Returns the body of a reply that is not streamed."""
    return msgspec.json.encode(_content(asked, reply.text, FINISH_REASONS[reply.finish_reason], reply.usage))


def events(asked: Asked, reply: Reply) -> Iterator[bytes]:
    """Yields the events of a streamed reply; the one with a finish reason and all of the usage is last."""
    *before, last = [*reply.pieces()] or [""]
    for piece in before:
        yield _event(_content(asked, piece, None, None))
    yield _event(_content(asked, last, FINISH_REASONS[reply.finish_reason], reply.usage))


def error(status_code: int, message: str, code: str | None, _param: str | None) -> bytes:
    """Returns the body of an error; this dialect has no codes of its own, so the code opens the message."""
    status = ERROR_STATUSES.get(status_code, "INTERNAL" if status_code >= 500 else "INVALID_ARGUMENT")
    text = f"{code}: {message}" if code else message
    return msgspec.json.encode({"error": {"code": status_code, "message": text, "status": status}})


def error_event(status_code: int, message: str, code: str | None) -> bytes:
    """Returns an error that comes as an event of a stream."""
    return b"data: " + error(status_code, message, code, None) + b"\r\n\r\n"


def _content(asked: Asked, text: str, finish_reason: str | None, usage: Usage | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if finish_reason is not None:
        candidate["finishReason"] = finish_reason
    content: dict[str, Any] = {"candidates": [candidate]}
    if usage is not None:
        content["usageMetadata"] = _usage(usage)
    return content | {"modelVersion": asked.model, "responseId": asked.id}


def _usage(usage: Usage) -> dict[str, int]:
    prompt_tokens = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    counts = {
        "promptTokenCount": prompt_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "totalTokenCount": prompt_tokens + usage.output_tokens,
    }
    if usage.cache_read_tokens:
        counts["cachedContentTokenCount"] = usage.cache_read_tokens
    if usage.reasoning_tokens:
        counts["thoughtsTokenCount"] = usage.reasoning_tokens
    return counts


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(content) + b"\r\n\r\n"
