"""The wire shape of Anthropic's `/v1/messages`, as its servers speak it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.errors import RequestError
from fairlead.providers.upstream.reply import Asked, Offer, Reply, pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.types import ToolCall, Usage

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    name: str = ""


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Block]


class _Tool(msgspec.Struct):
    name: str
    input_schema: dict[str, Any] = {}


class _ToolChoice(msgspec.Struct):
    type: str = "auto"
    name: str = ""
    disable_parallel_tool_use: bool = False


class _Format(msgspec.Struct):
    schema: dict[str, Any] | None = None


class _OutputConfig(msgspec.Struct):
    format: _Format | None = None


class _Body(msgspec.Struct):
    model: str
    messages: list[_Message]
    max_tokens: int
    system: str | list[_Block] = ""
    stream: bool = False
    metadata: dict[str, str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _ToolChoice | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None


_BODY = msgspec.json.Decoder(_Body)


def decode(body: bytes, _path: str) -> Asked:
    """Returns what was asked.

    Raises:
        RequestError: the body is not one of this dialect.
    """
    try:
        read = _BODY.decode(body)
    except msgspec.MsgspecError as error:
        raise RequestError(f"the body is no request for a message: {error}") from error
    system = [_words(read.system)] if read.system else []
    return Asked(
        model=read.model,
        prompt="\n".join(system + [_words(message.content) for message in read.messages if message.role == "user"]),
        prompt_id=(read.metadata or {}).get("prompt_id"),
        stream=read.stream,
        offer=_offer(read),
    )


def _offer(read: _Body) -> Offer:
    choice = read.tool_choice or _ToolChoice()
    form = (read.output_config.format if read.output_config else None) or read.output_format
    blocks = (block for m in read.messages if not isinstance(m.content, str) for block in m.content)
    return Offer(
        tools={tool.name: tool.input_schema for tool in read.tools or ()},
        choice=choice.name or {"any": "required"}.get(choice.type, choice.type),
        parallel=not choice.disable_parallel_tool_use,
        called=[block.name for block in blocks if block.type == "tool_use"],
        schema=form.schema if form else None,
    )


def counted(body: bytes) -> bytes:
    """Returns the reply to a count of tokens: one a word of all turns."""
    asked = decode(msgspec.json.encode({"max_tokens": 1, **msgspec.json.decode(body)}), "")
    return msgspec.json.encode({"input_tokens": len(asked.prompt.split())})


def whole(asked: Asked, reply: Reply) -> bytes:
    """Returns the body of a reply that is not streamed."""
    content: list[dict[str, Any]] = [{"type": "text", "text": reply.text}] if reply.text or not reply.calls else []
    content += [_call(call) | {"input": msgspec.Raw(call.arguments.encode())} for call in reply.calls]
    message = _message(asked, content, STOP_REASONS[reply.finish_reason], _usage(reply.usage))
    return msgspec.json.encode(message)


def events(asked: Asked, reply: Reply) -> Iterator[bytes]:
    """Yields the events of a streamed reply, `message_stop` last."""
    begun = _message(asked, [], None, _usage(reply.usage) | {"output_tokens": 1})
    yield _event("message_start", message=begun)
    if reply.text or not reply.calls:
        yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        yield _event("ping")
        for piece in reply.pieces():
            yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
        yield _event("content_block_stop", index=0)
    for index, call in enumerate(reply.calls, start=1 if reply.text else 0):
        yield _event("content_block_start", index=index, content_block=_call(call) | {"input": {}})
        for piece in pieces_of(call.arguments):
            yield _event("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": piece})
        yield _event("content_block_stop", index=index)
    ended = {"stop_reason": STOP_REASONS[reply.finish_reason], "stop_sequence": None}
    yield _event("message_delta", delta=ended, usage={"output_tokens": reply.usage.output_tokens})
    yield _event("message_stop")


def error(status_code: int, message: str, code: str | None, _param: str | None) -> bytes:
    """Returns the body of an error; this dialect has no codes, so the code opens the message."""
    return msgspec.json.encode({"type": "error", "error": _error(status_code, message, code), "request_id": None})


def error_event(status_code: int, message: str, code: str | None) -> bytes:
    """Returns an error that comes as an event of a stream."""
    return _event("error", error=_error(status_code, message, code))


def _error(status_code: int, message: str, code: str | None) -> dict[str, str]:
    kind = ERROR_TYPES.get(status_code, "api_error" if status_code >= 500 else "invalid_request_error")
    return {"type": kind, "message": f"{code}: {message}" if code else message}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name}


def _message(
    asked: Asked, content: list[dict[str, Any]], stop_reason: str | None, usage: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": f"msg_{asked.id}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
        "service_tier": "standard",
    }


def _event(kind: str, **content: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode({"type": kind, **content}) + b"\n\n"


def _words(content: str | list[_Block]) -> str:
    return content if isinstance(content, str) else "\n".join(block.text for block in content if block.type == "text")
