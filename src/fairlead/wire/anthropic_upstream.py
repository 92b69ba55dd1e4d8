"""Anthropic messages as the provider sees them: Request to bytes, replies and streams to Response and Chunks.

Source: Anthropic API reference, "Create a Message" and "Streaming messages". Usage counts cached tokens beside
`input_tokens`, and thinking inside `output_tokens`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fairlead.errors import WireError
from fairlead.types import Chunk, FinishReason, Media, Message, Part, Response, Text, ToolCall, ToolResult, Usage
from fairlead.wire import error_body, splice
from fairlead.wire.anthropic_request import THOUGHT_BLOCKS, THOUGHTS
from fairlead.wire.limiting import own_fields
from fairlead.wire.thinking import is_foreign

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fairlead.types import Candidate, Request
    from fairlead.wire.codec import OwnEvent
    from fairlead.wire.sse import Event

_T = TypeVar("_T")

VERSION = "2023-06-01"
DEFAULT_MAX_TOKENS = 4096
"""Sent where neither the caller nor the candidate's capabilities give a limit, since this dialect wants one."""
MAX_USER_CHARS = 256
"""A longer name of a user is not sent."""

_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_ABSENT = msgspec.Raw()
_WORDLESS = "the provider sent an error without words"
_TOOL_CHOICE: dict[str, dict[str, object]] = {
    "auto": {"type": "auto"},
    "required": {"type": "any"},
    "none": {"type": "none"},
}
_UNSIGNED = re.compile(rb'"signature"\s*:\s*""')


# Request to bytes ----------------------------------------------------------------------------------------------------


def encode_request(request: Request, candidate: Candidate, *, stream: bool) -> bytes:
    """Returns the body of the call; a caller's own body goes through with its unknown fields and signed thinking.

    Raises:
        WireError: the request cannot be put into this dialect.
    """
    own = request.dialect == "anthropic" and request.body
    body = _own(request, foreign=is_foreign(request, candidate)) if own else _body(request, candidate)
    body.pop("stream", None)
    if request.begun:
        body["messages"] = [*splice.items(body["messages"]), {"role": "assistant", "content": request.begun}]
    fields: list[tuple[str, object]] = [("model", candidate.model), *([("stream", True)] if stream else [])]
    splice.put(body, [*fields, *candidate.settings])
    return msgspec.json.encode(body)


def _own(request: Request, *, foreign: bool) -> dict[str, object]:
    """Returns the caller's fields; thinking of another family, such as is signed by nobody, would be rejected.

    A turn that lacks its thinking is only taken where no more thinking is asked for.
    """
    fields = own_fields(request)
    if THOUGHTS in request.hints and (foreign or _UNSIGNED.search(request.body)):
        turns = msgspec.json.decode(request.body, type=_Turns).messages
        fields["messages"] = [{**turn, "content": _left(turn["content"], foreign=foreign)} for turn in turns]
        fields.pop("thinking", None)
    return fields


def _left(content: msgspec.Raw, *, foreign: bool) -> object:
    """Returns what a turn says without the thinking that cannot be used: all where it is foreign, else the unsigned."""
    if not bytes(content).lstrip().startswith(b"["):
        return content
    blocks = msgspec.json.decode(content, type=list[msgspec.Raw])
    return [block for block in blocks if not (_is_thought(block) and (foreign or _UNSIGNED.search(block)))]


def _is_thought(block: msgspec.Raw) -> bool:
    return _BLOCK.decode(block).type in THOUGHT_BLOCKS


def _body(request: Request, candidate: Candidate) -> dict[str, object]:
    limit = request.max_output_tokens or candidate.capabilities.max_output_tokens or DEFAULT_MAX_TOKENS
    fields: dict[str, object] = {
        "max_tokens": limit,
        "system": "\n\n".join(m.text for m in request.messages if m.role == "system") or None,
        "messages": _turns(request.messages),
        "temperature": None if request.temperature is None else min(request.temperature, 1.0),
        "top_p": request.top_p,
        "stop_sequences": list(request.stop) or None,
        "tools": [_tool(tool.name, tool.description, tool.parameters) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request) if request.tools else None,
        "output_config": _output_config(request.json_schema),
        "metadata": {"user_id": request.user} if request.user and len(request.user) <= MAX_USER_CHARS else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _turns(messages: Iterable[Message]) -> list[dict[str, object]]:
    """Returns user and assistant turns; neighbours of one role become one turn, as tool results must."""
    turns: list[dict[str, object]] = []
    blocks: list[dict[str, object]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if not turns or turns[-1]["role"] != role:
            blocks = []
            turns.append({"role": role, "content": blocks})
        blocks.extend(_block(part) for part in message.parts if part != Text(text=""))
    return [turn for turn in turns if turn["content"]]


def _block(part: Part) -> dict[str, object]:
    match part:
        case Text(text=text):
            return {"type": "text", "text": text}
        case ToolCall(id=call_id, name=name, arguments=arguments):
            return {
                "type": "tool_use",
                "id": call_id,
                "name": name,
                "input": _arguments(arguments or "{}", name),
            }
        case ToolResult(call_id=call_id, content=content, is_error=is_error):
            result: dict[str, object] = {"type": "tool_result", "tool_use_id": call_id, "content": content}
            return {**result, "is_error": True} if is_error else result
        case Media():
            return {"type": "image" if part.kind == "image" else "document", "source": _source(part)}


def _source(media: Media) -> dict[str, object]:
    if media.kind == "audio":
        message = "the request carries a sound; this dialect takes none"
        raise WireError(message)
    if media.data is not None:
        default = "image/png" if media.kind == "image" else "application/pdf"
        return {"type": "base64", "media_type": media.media_type or default, "data": media.data}
    if media.url and media.url.startswith(("https://", "http://")):
        return {"type": "url", "url": media.url}
    message = f"the {media.kind} is named by an id of another provider; send its data or its address"
    raise WireError(message)


def _arguments(text: str, name: str) -> msgspec.Raw:
    _object(text, f"arguments of a call of `{name}`")
    return msgspec.Raw(text.encode())


def _object(text: str, what: str) -> splice.RawObject:
    try:
        return msgspec.json.decode(text, type=splice.RawObject)
    except (msgspec.DecodeError, RecursionError):
        message = f"the {what} are no JSON object, as this dialect wants"
        raise WireError(message) from None


def _tool(name: str, description: str, parameters: str) -> dict[str, object]:
    schema = {"type": "object", **_object(parameters, f"parameters of the tool `{name}`")}
    return {"name": name, "description": description, "input_schema": schema}


def _tool_choice(request: Request) -> object:
    choice = request.tool_choice
    if choice is not None and choice.startswith("function:"):
        chosen: dict[str, object] | None = {"type": "tool", "name": choice.removeprefix("function:")}
    else:
        chosen = _TOOL_CHOICE.get(choice or "auto")
    if request.parallel_tool_calls is False and choice != "none":
        return {**(chosen or {}), "disable_parallel_tool_use": True}
    return None if choice is None else chosen


def _output_config(schema: str | None) -> object:
    if schema is None:
        return None
    return {"format": {"type": "json_schema", "schema": msgspec.Raw(schema.encode())}}


# Replies -------------------------------------------------------------------------------------------------------------


class _OutputDetails(msgspec.Struct):
    thinking_tokens: int | None = None


class _Written(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class _ServerTools(msgspec.Struct):
    web_search_requests: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: _Written | None = None
    output_tokens_details: _OutputDetails | None = None
    server_tool_use: _ServerTools | None = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Message(msgspec.Struct):
    id: str = ""
    model: str = ""
    content: list[_Block] | None = None
    stop_reason: str | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = _ABSENT


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = _ABSENT


class _Turns(msgspec.Struct):
    """The turns of a caller's own body, their fields as they are."""

    messages: list[dict[str, msgspec.Raw]]


class _Count(msgspec.Struct):
    input_tokens: int | None = None


_COUNT = msgspec.json.Decoder(_Count)
_BLOCK = msgspec.json.Decoder(_Block)
_MESSAGE = msgspec.json.Decoder(_Message)
_EVENT = msgspec.json.Decoder(_Event)


def decode_response(body: bytes) -> Response:
    """Returns the complete answer in `body`.

    Raises:
        WireError: an error in place of an answer, no content, or no stop reason.
    """
    reply = _read(_MESSAGE, body)
    error_body.check(reply.error)
    if reply.content is None or reply.stop_reason is None:
        message = "the reply has no `content` or no `stop_reason`: it may be cut"
        raise WireError(message)
    return Response(
        id=reply.id,
        model=reply.model,
        parts=tuple(_parts(reply.content)),
        finish_reason=_FINISH.get(reply.stop_reason, "stop"),
        usage=_usage(reply.usage),
        reasoning="".join(block.thinking for block in reply.content),
        dialect="anthropic",
        body=body,
    )


def _parts(blocks: list[_Block]) -> Iterator[Part]:
    for block in blocks:
        if block.type == "text" and block.text:
            yield Text(text=block.text)
        elif block.type == "tool_use":
            yield ToolCall(id=block.id, name=block.name, arguments=bytes(block.input).decode())


def decode_count(body: bytes) -> int | None:
    """Returns the tokens that a reply to a count names, `None` where it names none."""
    try:
        return _COUNT.decode(body).input_tokens
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class ChunkDecoder:
    """Reads one stream; `complete` once a stop reason came, `done` at `message_stop`.

    Args:
        keep_body: give a chunk for every event, each with the event's own bytes.
    """

    def __init__(self, *, keep_body: bool) -> None:
        self.keep_body = keep_body
        self.done = False
        self.complete = False
        self._usage = _Usage()
        self._n_tools = 0
        self._empty_tool = False  # the open block is a tool call without arguments so far

    def decode(self, event: Event) -> Iterator[Chunk]:
        """Yields the chunk in `event`, where it holds one.

        Raises:
            WireError: it is not an event of this dialect, or it is an error.
        """
        read = _read(_EVENT, event.data)
        own: OwnEvent = {"event": read.type, "body": event.data} if self.keep_body else {}
        chunk = self._chunk(read, own)
        if chunk is not None:
            yield chunk
        elif own:
            yield Chunk(**own)

    def _chunk(self, read: _Event, own: OwnEvent) -> Chunk | None:
        match read:
            case _Event(type="message_start", message=_Message() as message):
                self._usage = message.usage or _Usage()
                return Chunk(id=message.id, model=message.model, **own)
            case _Event(type="content_block_start", content_block=_Block(type="tool_use") as block):
                self._n_tools += 1
                self._empty_tool = True
                return self._tool(ToolCall(id=block.id, name=block.name, arguments=""), own)
            case _Event(type="content_block_delta", delta=_Delta() as delta):
                return self._delta(delta, own)
            case _Event(type="content_block_stop") if self._empty_tool:
                self._empty_tool = False
                return self._tool(ToolCall(id="", name="", arguments="{}"), own)
            case _Event(type="message_delta", delta=_Delta(stop_reason=str() as reason)):
                self.complete = True
                return Chunk(finish_reason=_FINISH.get(reason, "stop"), usage=self._total(read.usage), **own)
            case _Event(type="message_stop"):
                self.done = True
            case _Event(type="error"):
                error_body.check(read.error)
                raise WireError(_WORDLESS)
            case _:  # pings, thinking signatures, and what a later version adds
                pass
        return None

    def _delta(self, delta: _Delta, own: OwnEvent) -> Chunk | None:
        if delta.partial_json:
            self._empty_tool = False
            return self._tool(ToolCall(id="", name="", arguments=delta.partial_json), own)
        return Chunk(text=delta.text, reasoning=delta.thinking, **own) if delta.text or delta.thinking else None

    def _tool(self, call: ToolCall, own: OwnEvent) -> Chunk:
        return Chunk(tool_call=call, tool_index=self._n_tools - 1, **own)

    def _total(self, last: _Usage | None) -> Usage | None:
        """Returns the usage by the first event and the last.

        Counts are cumulative, so the larger one holds: hosts that speak this dialect leave out at the end what they
        said at the start, or say it as zero, or the other way round.
        """
        return None if last is None else _usage(_merged(self._usage, last))


def _read(decoder: msgspec.json.Decoder[_T], data: bytes) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the reply is no message of this dialect ({error})"
        raise WireError(message) from None


_S = TypeVar("_S", bound=msgspec.Struct)


def _merged(first: _S, last: _S) -> _S:
    """Returns the larger of each count, the one that is there where only one is."""
    return type(first)(**{name: _larger(getattr(first, name), getattr(last, name)) for name in first.__struct_fields__})


def _larger(first: Any, last: Any) -> Any:
    if first is None or last is None:
        return last if first is None else first
    return _merged(first, last) if isinstance(first, msgspec.Struct) else max(first, last)


def _usage(usage: _Usage | None) -> Usage | None:
    """Splits what was written by how long it is kept.

    The total counts: with tools of the host's own the split is that of the first of several turns. Where a count is
    missing or negative the usage is not known.
    """
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    if min(usage.input_tokens, usage.output_tokens) < 0:
        return None
    split = usage.cache_creation or _Written()
    short, long = split.ephemeral_5m_input_tokens or 0, split.ephemeral_1h_input_tokens or 0
    details, tools = usage.output_tokens_details, usage.server_tool_use
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_input_tokens or 0,
        cache_write_tokens=max(0, (usage.cache_creation_input_tokens or 0) - short - long),
        reasoning_tokens=(details.thinking_tokens if details else None) or 0,
        cache_write_5m_tokens=short,
        cache_write_1h_tokens=long,
        web_searches=(tools.web_search_requests if tools else None) or 0,
    )
