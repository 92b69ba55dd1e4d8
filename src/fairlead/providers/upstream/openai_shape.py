"""The wire shape of OpenAI's `/v1/chat/completions`, as its servers speak it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.errors import RequestError
from fairlead.providers.upstream.reply import CREATED, Asked, Offer, Reply, pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.types import ToolCall, Usage

ERROR_TYPES = {
    401: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
}


class _Part(msgspec.Struct):
    type: str
    text: str = ""


class _Function(msgspec.Struct):
    name: str
    parameters: dict[str, Any] = {}


class _Tool(msgspec.Struct):
    function: _Function | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[_Tool] | None = None


class _Schema(msgspec.Struct):
    schema: dict[str, Any] | None = None


class _Format(msgspec.Struct):
    json_schema: _Schema | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


class _Body(msgspec.Struct):
    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    metadata: dict[str, str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _Tool | None = None
    parallel_tool_calls: bool | None = None
    response_format: _Format | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None


_BODY = msgspec.json.Decoder(_Body)


def decode(body: bytes, _path: str) -> Asked:
    """Returns what was asked.

    Raises:
        RequestError: the body is not one of this dialect.
    """
    try:
        read = _BODY.decode(body)
    except msgspec.MsgspecError as error:
        raise RequestError(f"the body is no chat completion: {error}") from error
    return Asked(
        model=read.model,
        prompt="\n".join(_words(m.content) for m in read.messages if m.role in {"system", "developer", "user"}),
        prompt_id=(read.metadata or {}).get("prompt_id"),
        stream=bool(read.stream),
        include_usage=read.stream_options is not None and read.stream_options.include_usage,
        offer=_offer(read),
        max_output_tokens=read.max_completion_tokens or read.max_tokens,
    )


def _offer(read: _Body) -> Offer:
    choice, form = read.tool_choice or "auto", read.response_format
    called = [call.function.name for m in read.messages for call in m.tool_calls or () if call.function]
    return Offer(
        tools={tool.function.name: tool.function.parameters for tool in read.tools or () if tool.function},
        choice=choice if isinstance(choice, str) else choice.function.name if choice.function else "auto",
        parallel=read.parallel_tool_calls is not False,
        called=called,
        schema=form.json_schema.schema if form and form.json_schema else None,
    )


def whole(asked: Asked, reply: Reply) -> bytes:
    """Returns the body of a reply that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": None, "annotations": []}
    if reply.calls:
        message |= {"content": reply.text or None, "tool_calls": [_call(call) for call in reply.calls]}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
    completion = _envelope(asked, "chat.completion", [choice]) | {"usage": _usage(reply.usage)}
    return msgspec.json.encode(completion)


def events(asked: Asked, reply: Reply) -> Iterator[bytes]:
    """Yields the events of a streamed reply, `[DONE]` last."""
    yield _chunk(asked, {"role": "assistant", "content": "", "refusal": None}, None)
    for piece in reply.pieces():
        yield _chunk(asked, {"content": piece}, None)
    for i, call in enumerate(reply.calls):
        begun = _call(call) | {"function": {"name": call.name, "arguments": ""}}
        yield _chunk(asked, {"tool_calls": [{"index": i, **begun}]}, None)
        for piece in pieces_of(call.arguments):
            yield _chunk(asked, {"tool_calls": [{"index": i, "function": {"arguments": piece}}]}, None)
    yield _chunk(asked, {}, reply.finish_reason)
    if asked.include_usage:
        yield _event(_envelope(asked, "chat.completion.chunk", []) | {"usage": _usage(reply.usage)})
    yield b"data: [DONE]\n\n"


def error(status_code: int, message: str, code: str | None, param: str | None) -> bytes:
    """Returns the body of an error."""
    kind = ERROR_TYPES.get(status_code, "server_error" if status_code >= 500 else "invalid_request_error")
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


def error_event(status_code: int, message: str, code: str | None) -> bytes:
    """Returns an error that comes as an event of a stream."""
    return b"data: " + error(status_code, message, code, None) + b"\n\n"


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _chunk(asked: Asked, delta: dict[str, Any], finish_reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    chunk = _envelope(asked, "chat.completion.chunk", [choice])
    return _event(chunk | {"usage": None} if asked.include_usage else chunk)


def _envelope(asked: Asked, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{asked.id}",
        "object": kind,
        "created": CREATED,
        "model": asked.model,
        "service_tier": "default",
        "system_fingerprint": None,
        "choices": choices,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    prompt_tokens = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": prompt_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(content) + b"\n\n"


def _words(content: str | list[_Part] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part.text for part in content if part.type == "text")
