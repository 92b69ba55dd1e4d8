"""OpenAI responses as a provider sees them: Request to bytes, replies and streams to Response and Chunks.

Sources: OpenAI API reference, "Create a model response", "The response object", "Streaming events".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import WireError
from fairlead.types import Chunk, FinishReason, Media, Message, Part, Response, Text, ToolCall, ToolResult, Usage
from fairlead.wire import error_body, free_form, splice
from fairlead.wire.limiting import own_fields
from fairlead.wire.openai_responses import OUR_REASONING
from fairlead.wire.openai_upstream import MAX_USER_CHARS
from fairlead.wire.responses_request import THOUGHTS
from fairlead.wire.thinking import is_foreign
from fairlead.wire.translation import ALIKE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fairlead.types import Candidate, Request, Tool
    from fairlead.wire.codec import OwnEvent
    from fairlead.wire.sse import Event

_CUT: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
_ABSENT = msgspec.Raw()
_CALLS = {"function_call", "custom_tool_call"}
_THOUGHTS = {"response.reasoning_text.delta", "response.reasoning_summary_text.delta"}
_WORDS = {"response.output_text.delta", "response.refusal.delta"}


# Request to bytes ----------------------------------------------------------------------------------------------------


def encode_request(request: Request, candidate: Candidate, *, stream: bool) -> bytes:
    """Returns the body of the call; a caller's own body goes through with its unknown fields.

    Raises:
        WireError: the request cannot be put into this dialect.
    """
    own = request.dialect == "responses" and request.body
    body = _own(request, foreign=is_foreign(request, candidate)) if own else _body(request)
    body.pop("stream", None)
    if not stream:
        body.pop("stream_options", None)
    fields: list[tuple[str, object]] = [("model", candidate.model), *([("stream", True)] if stream else [])]
    alike = () if own else _alike(request)
    splice.put(body, [*alike, *fields, *candidate.settings])
    return msgspec.json.encode(body)


class _Head(msgspec.Struct):
    type: str = ""
    id: object = None  # whatever the caller wrote there: it is the host's to refuse


class _Input(msgspec.Struct):
    input: str | list[msgspec.Raw]


_HEAD = msgspec.json.Decoder(_Head)


def _own(request: Request, *, foreign: bool) -> dict[str, object]:
    """Returns the caller's fields; reasoning of another family, or that we wrote ourselves, would be rejected."""
    fields = own_fields(request)
    if THOUGHTS in request.hints:
        items = msgspec.json.decode(request.body, type=_Input).input
        if not isinstance(items, str):
            fields["input"] = [item for item in items if not _is_useless(_HEAD.decode(item), foreign=foreign)]
    return fields


def _is_useless(item: _Head, *, foreign: bool) -> bool:
    return item.type == "reasoning" and (foreign or str(item.id).startswith(OUR_REASONING))


def _alike(request: Request) -> Iterator[tuple[str, object]]:
    """Yields what a caller of chat completions says that this dialect has under another name, or under the same."""
    given = request.fields if request.dialect == "openai" else {}
    yield from ((path, given[name]) for name, path in ALIKE.items() if name in given and bytes(given[name]) != b"null")


def _body(request: Request) -> dict[str, object]:
    first, *rest = request.messages or (Message(role="user", parts=()),)
    leads = bool(rest) and first.role == "system" and len(first.parts) == 1 and isinstance(first.parts[0], Text)
    fields: dict[str, object] = {
        "instructions": first.text if leads else None,
        "input": [item for message in (rest if leads else request.messages) for item in _items(message)],
        "max_output_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "tools": [_tool(tool) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request.tool_choice),
        "parallel_tool_calls": request.parallel_tool_calls,
        "text": _text(request),
        "metadata": dict(request.metadata) or None,
        "user": request.user if request.user and len(request.user) <= MAX_USER_CHARS else None,
        "prompt_cache_key": request.prompt_cache_key,
        "store": False,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _items(message: Message) -> Iterator[dict[str, object]]:
    """Yields the items of one turn: what it says between calls and results is a message."""
    said: list[Text | Media] = []
    for part in message.parts:
        if isinstance(part, Text | Media):
            said.append(part)
            continue
        if said:
            yield _message(message.role, said)
            said = []
        yield _call(part) if isinstance(part, ToolCall) else _result(part)
    if said:
        yield _message(message.role, said)


def _message(role: str, said: Iterable[Text | Media]) -> dict[str, object]:
    return {"type": "message", "role": role, "content": [_part(role, part) for part in said]}


def _call(call: ToolCall) -> dict[str, object]:
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}


def _result(result: ToolResult) -> dict[str, object]:
    return {"type": "function_call_output", "call_id": result.call_id, "output": result.content}


def _part(role: str, part: Text | Media) -> dict[str, object]:
    if isinstance(part, Text):
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part.text}
    address = part.url or f"data:{part.media_type or ''};base64,{part.data or ''}"
    match part.kind:
        case "image":
            return {"type": "input_image", "image_url": address}
        case "file" if part.data is not None:
            return {"type": "input_file", "filename": "file", "file_data": address}
        case "file" if address.startswith(("https://", "http://")):
            return {"type": "input_file", "file_url": address}
        case "audio" if part.data is not None:
            form = (part.media_type or "audio/wav").removeprefix("audio/")
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": form}}
        case kind:
            message = f"the {kind} is named by an id or an address that this dialect does not take; send its data"
            raise WireError(message)


def _tool(tool: Tool) -> dict[str, object]:
    parameters = msgspec.Raw(tool.parameters.encode())
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
        "strict": False,  # what this dialect would assume otherwise
    }


def _tool_choice(choice: str | None) -> object:
    if choice is not None and choice.startswith("function:"):
        return {"type": "function", "name": choice.removeprefix("function:")}
    return choice


def _text(request: Request) -> object:
    if request.json_schema is not None:
        schema = msgspec.Raw(request.json_schema.encode())
        return {"format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}}
    return {"format": {"type": "json_object"}} if request.json_object else None


# Replies -------------------------------------------------------------------------------------------------------------


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _ContentPart(msgspec.Struct):
    type: str = ""
    text: str = ""
    refusal: str = ""


class _Item(msgspec.Struct):
    type: str = ""
    content: list[_ContentPart] | None = None
    summary: list[_ContentPart] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str | dict[str, msgspec.Raw] = ""
    input: str = ""


class _Incomplete(msgspec.Struct):
    reason: str = ""


class _Reply(msgspec.Struct):
    id: str = ""
    model: str = ""
    status: str = ""
    created_at: float | None = None
    output: list[_Item] | None = None
    incomplete_details: _Incomplete | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = _ABSENT


class _Event(msgspec.Struct):
    type: str
    output_index: int = 0
    delta: str | dict[str, msgspec.Raw] = ""
    arguments: str = ""
    item: _Item | None = None
    response: _Reply | None = None
    error: msgspec.Raw = _ABSENT
    message: str | None = None
    code: str | None = None


_REPLY = msgspec.json.Decoder(_Reply)
_EVENT = msgspec.json.Decoder(_Event)


def decode_response(body: bytes) -> Response:
    """Returns the complete answer in `body`.

    Raises:
        WireError: an error in place of an answer, no output, or an answer that is not whole.
    """
    try:
        reply = _REPLY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_reply(error) from None
    error_body.check(reply.error)
    if reply.output is None or reply.status not in {"completed", "incomplete"}:
        message = f"the reply is no whole response: its `status` is `{reply.status}`"
        raise WireError(message)
    parts = tuple(part for item in reply.output for part in _parts(item))
    return Response(
        id=reply.id,
        model=reply.model,
        parts=parts,
        finish_reason=_finish(reply, called=any(isinstance(part, ToolCall) for part in parts)),
        usage=_usage(reply),
        reasoning="".join(_thoughts(item) for item in reply.output if item.type == "reasoning"),
        created=int(reply.created_at or 0),
        dialect="responses",
        body=body,
    )


def _parts(item: _Item) -> Iterator[Part]:
    match item:
        case _Item(type="message"):
            if text := "".join(part.text or part.refusal for part in item.content or ()):
                yield Text(text=text)
        case _Item(type="function_call", arguments=str() as arguments):
            yield ToolCall(id=item.call_id, name=item.name, arguments=arguments)
        case _Item(type="custom_tool_call"):
            yield ToolCall(id=item.call_id, name=item.name, arguments=free_form.wrapped(item.input))


def _thoughts(item: _Item) -> str:
    return "".join(part.text for part in (*(item.summary or ()), *(item.content or ())))


class ChunkDecoder:
    """Reads one stream; `complete` and `done` at the event that shows the whole response.

    Args:
        keep_body: give a chunk for every event, each with the event's own bytes.
    """

    def __init__(self, *, keep_body: bool) -> None:
        self.keep_body = keep_body
        self.done = False
        self._calls: dict[int, int] = {}  # index of an item in the output -> index among the calls
        self._told: set[int] = set()  # calls of whose arguments something came

    @property
    def complete(self) -> bool:
        """The last event has come."""
        return self.done

    def decode(self, event: Event) -> Iterator[Chunk]:
        """Yields the chunk in `event`, where it holds one.

        Raises:
            WireError: it is not an event of this dialect, or it is an error.
        """
        if event.data == b"[DONE]":  # some servers of this dialect end like chat completions
            return
        try:
            read = _EVENT.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _no_reply(error) from None
        own: OwnEvent = {"event": read.type, "body": event.data} if self.keep_body else {}
        chunk = self._chunk(read, own)
        if chunk is not None:
            yield chunk
        elif own:
            yield Chunk(**own)

    def _chunk(self, read: _Event, own: OwnEvent) -> Chunk | None:
        match read:
            case _Event(
                type="response.created" | "response.in_progress" | "response.queued", response=_Reply() as reply
            ):
                return Chunk(id=reply.id, model=reply.model, **own)
            case _Event(type="response.completed" | "response.incomplete", response=_Reply() as reply):
                self.done = True
                finish = _finish(reply, called=bool(self._calls))
                return Chunk(id=reply.id, model=reply.model, finish_reason=finish, usage=_usage(reply), **own)
            case _Event(type="response.completed" | "response.incomplete"):
                raise WireError(f"the event `{read.type}` holds no response")
            case _Event(type="response.failed" | "error"):
                raise _failure(read)
            case _Event(type=kind, delta=str() as delta) if kind in _WORDS:
                return Chunk(text=delta, **own)
            case _Event(type=kind, delta=str() as delta) if kind in _THOUGHTS:
                return Chunk(reasoning=delta, **own)
            case _:
                return self._call(read, own)

    def _call(self, read: _Event, own: OwnEvent) -> Chunk | None:
        """Returns a piece of a tool call; the input of a free-form tool is wrapped on its way."""
        index = read.output_index
        match read:
            case _Event(type="response.output_item.added", item=_Item(type=kind) as item) if kind in _CALLS:
                self._calls[index] = len(self._calls)
                opening = free_form.OPENING if kind == "custom_tool_call" else ""
                return self._piece(index, ToolCall(id=item.call_id, name=item.name, arguments=opening), own)
            case _Event(type="response.function_call_arguments.delta", delta=str() as delta):
                self._told.add(index)
                return self._piece(index, ToolCall(id="", name="", arguments=delta), own)
            case _Event(type="response.function_call_arguments.done") if index not in self._told:
                return self._piece(index, ToolCall(id="", name="", arguments=read.arguments), own)
            case _Event(type="response.custom_tool_call_input.delta", delta=str() as delta):
                return self._piece(index, ToolCall(id="", name="", arguments=free_form.piece(delta)), own)
            case _Event(type="response.custom_tool_call_input.done"):
                return self._piece(index, ToolCall(id="", name="", arguments=free_form.CLOSING), own)
        return None

    def _piece(self, index: int, call: ToolCall, own: OwnEvent) -> Chunk | None:
        return Chunk(tool_call=call, tool_index=self._calls[index], **own) if index in self._calls else None


def _failure(read: _Event) -> WireError:
    for error in (read.error, read.response.error if read.response else _ABSENT):
        error_body.check(error)
    return WireError(read.message or "the provider sent an error without words", code=read.code)


def _no_reply(error: Exception) -> WireError:
    return WireError(f"the reply is no response of this dialect ({error})")


def _finish(reply: _Reply, *, called: bool) -> FinishReason:
    if reply.incomplete_details is not None:
        return _CUT.get(reply.incomplete_details.reason, "length")
    return "tool_calls" if called else "stop"


def _usage(reply: _Reply) -> Usage | None:
    """Takes the cached tokens out of the input; where a count is missing or negative the usage is not known."""
    usage = reply.usage
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    if min(usage.input_tokens, usage.output_tokens) < 0:
        return None
    details = usage.input_tokens_details or _InputDetails()
    cached = min(usage.input_tokens, details.cached_tokens or 0)
    written = min(usage.input_tokens - cached, details.cache_write_tokens or 0)
    told = usage.output_tokens_details
    return Usage(
        input_tokens=usage.input_tokens - cached - written,
        output_tokens=usage.output_tokens,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=(told.reasoning_tokens if told else None) or 0,
        web_searches=_count(reply, "web_search_call"),
        file_searches=_count(reply, "file_search_call"),
    )


def _count(reply: _Reply, kind: str) -> int:
    """Returns how often the host itself used a tool that it bills by call."""
    return sum(item.type == kind for item in reply.output or ())
