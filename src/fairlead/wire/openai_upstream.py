"""OpenAI chat completions as a provider sees them: Request to bytes, replies and streams to Response and Chunks.

Sources: OpenAI API reference, "Create chat completion", "Chat completion object", "Chat completion chunk object".
Also read: the fields that other servers of this dialect add (`reasoning_content`, `prompt_cache_hit_tokens`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.config.flavours import FLAVOURS
from fairlead.errors import WireError
from fairlead.types import Chunk, FinishReason, Media, Message, Response, Text, ToolCall, ToolResult, Usage
from fairlead.wire import error_body, splice
from fairlead.wire.limiting import own_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.config.flavours import Flavour
    from fairlead.types import Candidate, Request, Tool
    from fairlead.wire.sse import Event

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_BROKEN = {"error", "abort", "insufficient_system_resource"}
"""Said where the host itself broke off; the last is DeepSeek's."""
_ABSENT = msgspec.Raw()
MAX_USER_CHARS = 256
"""A longer name of a user is not sent."""


# Request to bytes ----------------------------------------------------------------------------------------------------


def encode_request(
    request: Request, candidate: Candidate, *, stream: bool, flavour: Flavour = FLAVOURS["openai"]
) -> bytes:
    """Returns the body of the call; a caller's own body goes through with its unknown fields.

    Args:
        request: in any dialect.
        candidate: who is called.
        stream: the answer is to be streamed.
        flavour: what the host does differently.

    Raises:
        WireError: the request cannot be put into this dialect.
    """
    own = request.dialect == "openai" and request.body
    body = own_fields(request) if own else _body(request)
    body.pop("stream", None)
    fields: list[tuple[str, object]] = [("model", candidate.model)]
    if stream:
        fields.append(("stream", True))
    if stream and not flavour.tells_usage:
        fields.append(("stream_options.include_usage", True))
    else:
        body.pop("stream_options", None)
    _suit(body, flavour)
    if request.begun:
        _go_on(body, request.begun, flavour)
    splice.put(body, [*fields, *candidate.settings])
    return msgspec.json.encode(body)


def _suit(body: dict[str, object], flavour: Flavour) -> None:
    """Takes out what the host refuses and gives fields the names that it knows."""
    for name in flavour.refused:
        body.pop(name, None)
    for name, own in flavour.renamed.items():
        if name in body:
            body[own] = body.pop(name)


def _go_on(body: dict[str, object], begun: str, flavour: Flavour) -> None:
    """Asks for what comes after the beginning of an answer, in the host's own way."""
    marked = {"prefix": True} if flavour.prefill == "prefix" else {}
    body["messages"] = [*splice.items(body["messages"]), {"role": "assistant", "content": begun, **marked}]
    if flavour.prefill == "final":
        body |= {"continue_final_message": True, "add_generation_prompt": False}


def _body(request: Request) -> dict[str, object]:
    fields: dict[str, object] = {
        "messages": [entry for message in request.messages for entry in _messages(message)],
        "max_completion_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "n": request.n if request.n != 1 else None,
        "logprobs": request.logprobs or None,
        "tools": [_tool(tool) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request.tool_choice),
        "parallel_tool_calls": request.parallel_tool_calls,
        "response_format": _response_format(request),
        "metadata": dict(request.metadata) or None,
        "user": request.user if request.user and len(request.user) <= MAX_USER_CHARS else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _messages(message: Message) -> Iterator[dict[str, object]]:
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    for result in results:
        yield {"role": "tool", "tool_call_id": result.call_id, "content": result.content}
    said = [part for part in message.parts if isinstance(part, Text | Media)]
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if results and not said and not calls:
        return
    entry: dict[str, object] = {"role": message.role, "content": _content(said)}
    if calls:
        entry["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    yield entry


def _content(said: list[Text | Media]) -> object:
    if not said:
        return None
    if len(said) == 1 and isinstance(said[0], Text):
        return said[0].text
    return [{"type": "text", "text": p.text} if isinstance(p, Text) else _media(p) for p in said]


def _media(media: Media) -> dict[str, object]:
    address = media.url or f"data:{media.media_type or ''};base64,{media.data or ''}"
    if media.kind == "image":
        return {"type": "image_url", "image_url": {"url": address}}
    if media.kind == "audio":
        if media.data is None:
            message = "a sound by address cannot be sent as `input_audio`; send it as base64 data"
            raise WireError(message)
        form = (media.media_type or "audio/wav").removeprefix("audio/")
        return {"type": "input_audio", "input_audio": {"data": media.data, "format": form}}
    return {"type": "file", "file": {"file_data": address} if media.data is not None else {"file_id": media.url}}


def _tool(tool: Tool) -> dict[str, object]:
    function = {"name": tool.name, "description": tool.description, "parameters": msgspec.Raw(tool.parameters.encode())}
    return {"type": "function", "function": function}


def _tool_choice(choice: str | None) -> object:
    if choice is not None and choice.startswith("function:"):
        return {"type": "function", "function": {"name": choice.removeprefix("function:")}}
    return choice


def _response_format(request: Request) -> object:
    if request.json_schema is not None:
        schema = msgspec.Raw(request.json_schema.encode())
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    return {"type": "json_object"} if request.json_object else None


# Replies -------------------------------------------------------------------------------------------------------------


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_creation_tokens: int | None = None
    audio_tokens: int | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


_NO_PROMPT_DETAILS, _NO_COMPLETION_DETAILS = _PromptDetails(), _CompletionDetails()


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    num_search_queries: int | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _ContentPart(msgspec.Struct):
    type: str = ""
    text: str = ""


class _Words(msgspec.Struct):
    """A message, or the delta of one."""

    content: str | list[_ContentPart] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_ToolCall] | None = None


_NO_WORDS = _Words()


class _Choice(msgspec.Struct):
    index: int = 0
    message: _Words | None = None
    delta: _Words | None = None
    finish_reason: str | None = None


class _Reply(msgspec.Struct):
    """A completion, or a chunk of one."""

    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = _ABSENT


_REPLY = msgspec.json.Decoder(_Reply)


def decode_response(body: bytes) -> Response:
    """Returns the complete answer in `body`.

    Raises:
        WireError: an error in place of an answer, no choice, or a choice without an end.
    """
    reply = _read(body)
    if not reply.choices or (said := reply.choices[0].message) is None:
        message = "the reply has no choice in `choices`"
        raise WireError(message)
    reasons = [_finish(choice.finish_reason) for choice in reply.choices]
    if None in reasons:
        message = "the reply has no `finish_reason`: it may be cut"
        raise WireError(message)
    text = _text(said)
    calls = tuple([_call(call) for call in said.tool_calls or ()])
    return Response(
        id=reply.id or "",
        model=reply.model or "",
        parts=((Text(text=text),) if text else ()) + calls,
        finish_reason=_with_calls(reasons[0] or "stop", called=bool(calls)),
        usage=_usage(reply.usage),
        reasoning=_reasoning(said),
        created=int(reply.created or 0),
        dialect="openai",
        body=body,
    )


class ChunkDecoder:
    """Reads one stream; `complete` once every choice has a finish reason, `done` at `[DONE]`.

    A chunk tells of the first choice, and of one tool call in its delta: of several each gets a chunk, except where the
    first holds them all in its `body`.

    Args:
        keep_body: give each chunk its own bytes.
        n: choices that were asked for; a host may give fewer, but only `[DONE]` then says that no more will come.
    """

    def __init__(self, *, keep_body: bool, n: int = 1) -> None:
        self.keep_body = keep_body
        self.n = n
        self.done = False
        self._called = False
        self._open: set[int] = set()
        self._finished: set[int] = set()

    @property
    def complete(self) -> bool:
        """No choice is unfinished, and no more will come."""
        n_awaited = 1 if self.done else self.n
        return len(self._finished) >= n_awaited and self._open <= self._finished

    def decode(self, event: Event) -> Iterator[Chunk]:
        """Yields the chunk in `event`.

        Raises:
            WireError: it is not a chunk, or it is an error.
        """
        if event.data == b"[DONE]":
            self.done = True
            return
        reply = _read(event.data, is_error=event.event == "error")
        choices = reply.choices or []
        words = _first(choices)
        calls = words.tool_calls or []
        self._called = self._called or bool(calls)
        n_last = 0
        if len(calls) > 1 and not self.keep_body:
            *before, _ = calls
            n_last = len(before)
            yield Chunk(text=_text(words), reasoning=_reasoning(words), model=reply.model, id=reply.id)
            yield from (Chunk(tool_call=_call(call), tool_index=_index(call, i)) for i, call in enumerate(before))
            words = _NO_WORDS
        yield Chunk(
            text=_text(words),
            reasoning=_reasoning(words),
            tool_call=_call(calls[n_last]) if calls else None,
            tool_index=_index(calls[n_last], n_last) if calls else 0,
            finish_reason=self._end(choices),
            usage=_usage(reply.usage),
            model=reply.model,
            id=reply.id,
            body=event.data if self.keep_body else b"",
        )

    def _end(self, choices: list[_Choice]) -> FinishReason | None:
        """Notes which choices speak and which are finished; returns the reason that finishes the last of them."""
        last: FinishReason | None = None
        for choice in choices:
            self._open.add(choice.index)
            if (reason := _finish(choice.finish_reason)) is not None:
                self._finished.add(choice.index)
                last = reason
        return None if last is None or not self.complete else _with_calls(last, called=self._called)


def _read(data: bytes, *, is_error: bool = False) -> _Reply:
    try:
        reply = _REPLY.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the reply is no chat completion ({error})"
        raise WireError(message) from None
    error_body.check(reply.error)
    if is_error:
        raise WireError(error_body.of(msgspec.json.decode(data)).message)
    return reply


def _first(choices: list[_Choice]) -> _Words:
    """Returns the delta of the first choice, one without words where there is none."""
    if not choices or choices[0].index != 0:  # a stream of several choices
        choices = [choice for choice in choices if choice.index == 0]
    return (choices[0].delta if choices else None) or _NO_WORDS


def _reasoning(words: _Words) -> str:
    return words.reasoning_content or words.reasoning or ""


def _text(words: _Words) -> str:
    content = words.content
    if isinstance(content, list):
        content = "".join(part.text for part in content if part.type == "text")
    return content or words.refusal or ""


def _index(call: _ToolCall, i: int) -> int:
    """Returns which call it is; a host that sends them whole and at once may leave their index out."""
    return i if call.index is None else call.index


def _call(call: _ToolCall) -> ToolCall:
    function = call.function or _Function()
    return ToolCall(id=call.id or "", name=function.name or "", arguments=function.arguments or "")


def _finish(reason: str | None) -> FinishReason | None:
    if reason in _BROKEN:
        message = f"the provider gave up: `finish_reason` is `{reason}`"
        raise WireError(message)
    return _FINISH.get(reason, "stop") if reason else None


def _with_calls(reason: FinishReason, *, called: bool) -> FinishReason:
    """Returns the reason in the words of other dialects: some hosts say `stop` after a call that was asked for."""
    return "tool_calls" if called and reason == "stop" else reason


def _usage(usage: _Usage | None) -> Usage | None:
    """Takes the cached and the spoken tokens out of the input, and puts thoughts into the output.

    Most hosts count thoughts inside `completion_tokens`, some, such as xAI, beside: then `total_tokens` counts more
    than both, or there are more thoughts than output. Where a count is missing or negative the usage is not known.
    """
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if min(prompt, completion) < 0:
        return None
    details = usage.prompt_tokens_details or _NO_PROMPT_DETAILS
    cached = min(prompt, details.cached_tokens or usage.prompt_cache_hit_tokens or 0)
    written = min(prompt - cached, details.cache_write_tokens or details.cache_creation_tokens or 0)
    heard = min(prompt - cached - written, details.audio_tokens or 0)
    told = usage.completion_tokens_details or _NO_COMPLETION_DETAILS
    spoken = min(completion, told.audio_tokens or 0)
    beyond = _beside(usage, told.reasoning_tokens or 0)
    return Usage(
        input_tokens=prompt - cached - written - heard,
        output_tokens=completion - spoken + beyond,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=told.reasoning_tokens or beyond,
        input_audio_tokens=heard,
        output_audio_tokens=spoken,
        web_searches=usage.num_search_queries or 0,
    )


def _beside(usage: _Usage, reasoning: int) -> int:
    """Returns the tokens that are billed as output and not in `completion_tokens`."""
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    if usage.total_tokens:
        return max(0, usage.total_tokens - prompt - completion)
    return reasoning if reasoning > completion else 0
