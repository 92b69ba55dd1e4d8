"""The wire shape of OpenAI's `/v1/responses`, as its servers speak it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.errors import RequestError
from fairlead.providers.upstream.openai_shape import error
from fairlead.providers.upstream.reply import CREATED, Asked, Offer, Reply, pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fairlead.types import Usage

__all__ = ["decode", "error", "error_event", "events", "whole"]

CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}
_INPUT = {"type": "object", "properties": {"input": {"type": "string"}}}


class _Part(msgspec.Struct):
    type: str
    text: str = ""


class _Item(msgspec.Struct):
    type: str = "message"
    role: str = ""
    content: str | list[_Part] | None = None
    name: str = ""


class _Tool(msgspec.Struct):
    type: str
    name: str = ""
    parameters: dict[str, Any] | None = None


class _Format(msgspec.Struct):
    type: str = "text"
    schema: dict[str, Any] | None = None


class _Text(msgspec.Struct):
    format: _Format | None = None


class _Body(msgspec.Struct):
    model: str
    input: str | list[_Item]
    instructions: str | None = None
    stream: bool | None = None
    metadata: dict[str, str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _Tool | None = None
    parallel_tool_calls: bool | None = None
    text: _Text | None = None


_BODY = msgspec.json.Decoder(_Body)


def decode(body: bytes, _path: str) -> Asked:
    """Returns what was asked.

    Raises:
        RequestError: the body is not one of this dialect.
    """
    try:
        read = _BODY.decode(body)
    except msgspec.MsgspecError as reason:
        raise RequestError(f"the body asks for no response: {reason}") from reason
    items = [_Item(role="user", content=read.input)] if isinstance(read.input, str) else read.input
    said = [_words(item.content) for item in items if item.role in {"system", "developer", "user"}]
    return Asked(
        model=read.model,
        prompt="\n".join([*filter(None, [read.instructions]), *said]),
        prompt_id=(read.metadata or {}).get("prompt_id"),
        stream=bool(read.stream),
        include_usage=True,
        offer=_offer(read, items),
    )


def _offer(read: _Body, items: list[_Item]) -> Offer:
    choice, form = read.tool_choice or "auto", read.text.format if read.text else None
    return Offer(
        tools={tool.name: _INPUT if tool.type == "custom" else tool.parameters or {} for tool in read.tools or ()},
        choice=choice if isinstance(choice, str) else choice.name,
        parallel=read.parallel_tool_calls is not False,
        called=[item.name for item in items if item.type in {"function_call", "custom_tool_call"}],
        schema=form.schema if form else None,
    )


def whole(asked: Asked, reply: Reply) -> bytes:
    """Returns the body of a reply that is not streamed."""
    return msgspec.json.encode(_response(asked, reply))


def events(asked: Asked, reply: Reply) -> Iterator[bytes]:
    """Yields the events of a streamed reply, the whole response last."""
    event = _numbered()
    begun = _response(asked, reply) | {"status": "in_progress", "output": [], "usage": None}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    for index, item in enumerate(_output(asked, reply)):
        steps = _message_events(reply, item) if item["type"] == "message" else _call_events(item)
        yield event("response.output_item.added", output_index=index, item=item | _empty(item))
        for kind, fields in steps:
            yield event(kind, item_id=item["id"], output_index=index, **fields)
        yield event("response.output_item.done", output_index=index, item=item)
    ended = _response(asked, reply)
    yield event(f"response.{ended['status']}", response=ended)


def error_event(status_code: int, message: str, code: str | None) -> bytes:
    """Returns an error that comes as an event of a stream."""
    words = "rate_limit_exceeded" if status_code == 429 else "server_error"
    body = {"type": "error", "sequence_number": 0, "code": code or words, "message": message, "param": None}
    return b"event: error\ndata: " + msgspec.json.encode(body) + b"\n\n"


def _message_events(reply: Reply, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    (part,) = item["content"]
    yield "response.content_part.added", {"content_index": 0, "part": part | {"text": ""}}
    for piece in reply.pieces():
        yield "response.output_text.delta", {"content_index": 0, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {"content_index": 0, "text": reply.text, "logprobs": []}
    yield "response.content_part.done", {"content_index": 0, "part": part}


def _call_events(item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for piece in pieces_of(item["arguments"]):
        yield "response.function_call_arguments.delta", {"delta": piece}
    yield "response.function_call_arguments.done", {"arguments": item["arguments"], "name": item["name"]}


def _empty(item: dict[str, Any]) -> dict[str, Any]:
    return {"status": "in_progress", **({"content": []} if item["type"] == "message" else {"arguments": ""})}


def _output(asked: Asked, reply: Reply) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if reply.text or not reply.calls:
        part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        head = {"id": f"msg_{asked.id}", "type": "message", "status": "completed"}
        items.append(head | {"role": "assistant", "content": [part]})
    for i, call in enumerate(reply.calls):
        head = {"id": f"fc_{asked.id}_{i}", "type": "function_call", "status": "completed"}
        items.append(head | {"call_id": call.id, "name": call.name, "arguments": call.arguments})
    return items


def _response(asked: Asked, reply: Reply) -> dict[str, Any]:
    cut = CUT.get(reply.finish_reason)
    return {
        "id": f"resp_{asked.id}",
        "object": "response",
        "created_at": CREATED,
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": cut} if cut else None,
        "instructions": None,
        "model": asked.model,
        "output": _output(asked, reply),
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": _usage(reply.usage),
    }


def _usage(usage: Usage) -> dict[str, Any]:
    n_input = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    return {
        "input_tokens": n_input,
        "input_tokens_details": {"cached_tokens": usage.cache_read_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": n_input + usage.output_tokens,
    }


def _numbered() -> Callable[..., bytes]:
    """Returns what writes events, each with its number."""
    numbers = count()

    def event(kind: str, **fields: Any) -> bytes:
        body = {"type": kind, "sequence_number": next(numbers), **fields}
        return b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(body) + b"\n\n"

    return event


def _words(content: str | list[_Part] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part.text for part in content if part.type == "input_text")
