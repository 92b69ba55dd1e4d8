"""Gemini `generateContent` as the provider sees it: Request to bytes, replies and streams to Response and Chunks.

Source: Gemini API reference, "Generating content" (v1beta). Usage counts cached tokens inside `promptTokenCount`, and
thoughts beside `candidatesTokenCount`; tool calls may come without an id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import WireError
from fairlead.types import Chunk, FinishReason, Media, Message, Part, Response, Text, ToolCall, ToolResult, Usage
from fairlead.wire import error_body, splice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fairlead.types import Candidate, Request
    from fairlead.wire.sse import Event

_FILTERED = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "LANGUAGE")
_FINISH: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(_FILTERED, "content_filter"),
}
_BROKEN = {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"}
_ABSENT = msgspec.Raw()
_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
_DEFAULT_MEDIA_TYPE = {"image": "image/png", "audio": "audio/wav", "file": "application/pdf"}
_FOREIGN_CALL = "skip_thought_signature_validator"
"""What stands for the signature of a tool call that another model made (Gemini API, "Thought signatures")."""


# Request to bytes ----------------------------------------------------------------------------------------------------


def encode_request(request: Request, candidate: Candidate) -> bytes:
    """Returns the body of the call; the model's name stands in the address, not here.

    Raises:
        WireError: the request cannot be put into this dialect.
    """
    system = "\n\n".join(m.text for m in request.messages if m.role == "system")
    fields: dict[str, object] = {
        "contents": _contents(request.messages),
        "systemInstruction": {"parts": [{"text": system}]} if system else None,
        "tools": _tools(request),
        "toolConfig": _tool_config(request.tool_choice) if request.tools else None,
        "generationConfig": _generation_config(request) or None,
    }
    body = {name: value for name, value in fields.items() if value is not None}
    splice.put(body, candidate.settings)
    return msgspec.json.encode(body)


def _contents(messages: Iterable[Message]) -> list[dict[str, object]]:
    """Returns the turns; neighbours of one role become one turn, as the results of parallel calls must."""
    turns: list[dict[str, object]] = []
    parts: list[dict[str, object]] = []
    names: dict[str, str] = {}  # tool call id -> tool: a result must name its tool
    for message in messages:
        if message.role == "system":
            continue
        role = "model" if message.role == "assistant" else "user"
        if not turns or turns[-1]["role"] != role:
            parts = []
            turns.append({"role": role, "parts": parts})
        names.update((part.id, part.name) for part in message.parts if isinstance(part, ToolCall))
        parts.extend(_part(part, names) for part in message.parts)
    return [turn for turn in turns if turn["parts"]]


def _part(part: Part, names: Mapping[str, str]) -> dict[str, object]:
    match part:
        case Text(text=text):
            return {"text": text}
        case ToolCall(id=call_id, name=name, arguments=arguments):
            call = {"id": call_id, "name": name, "args": _object(arguments or "{}")}
            return {"functionCall": call, "thoughtSignature": _FOREIGN_CALL}
        case ToolResult(call_id=call_id, content=content, is_error=is_error):
            said = {"error" if is_error else "result": content}
            result = {"id": call_id, "name": names.get(call_id, call_id), "response": said}
            return {"functionResponse": result}
        case Media():
            return _media(part)


def _media(media: Media) -> dict[str, object]:
    media_type = media.media_type or _DEFAULT_MEDIA_TYPE[media.kind]
    if media.data is not None:
        return {"inlineData": {"mimeType": media_type, "data": media.data}}
    if media.url and media.url.startswith(("https://", "http://", "gs://")):
        return {"fileData": {"mimeType": media_type, "fileUri": media.url}}
    message = f"the {media.kind} is named by an id of another provider; send its data or its address"
    raise WireError(message)


def _object(arguments: str) -> msgspec.Raw:
    try:
        msgspec.json.decode(arguments, type=splice.RawObject)
    except (msgspec.DecodeError, RecursionError):
        message = "the arguments of a tool call are no JSON object, as this dialect wants"
        raise WireError(message) from None
    return msgspec.Raw(arguments.encode())


def _tools(request: Request) -> object:
    if not request.tools:
        return None
    declarations = [
        {"name": t.name, "description": t.description, "parametersJsonSchema": msgspec.Raw(t.parameters.encode())}
        for t in request.tools
    ]
    return [{"functionDeclarations": declarations}]


def _tool_config(choice: str | None) -> object:
    if choice is None:
        return None
    if choice.startswith("function:"):
        return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [choice.removeprefix("function:")]}}
    return {"functionCallingConfig": {"mode": _MODES.get(choice, "AUTO")}}


def _generation_config(request: Request) -> dict[str, object]:
    as_json = request.json_object or request.json_schema is not None
    schema = None if request.json_schema is None else msgspec.Raw(request.json_schema.encode())
    fields: dict[str, object] = {
        "maxOutputTokens": request.max_output_tokens,
        "temperature": request.temperature,
        "topP": request.top_p,
        "stopSequences": list(request.stop) or None,
        "seed": request.seed,
        "responseMimeType": "application/json" if as_json else None,
        "responseJsonSchema": schema,
    }
    return {name: value for name, value in fields.items() if value is not None}


# Replies -------------------------------------------------------------------------------------------------------------


class _FunctionCall(msgspec.Struct):
    name: str
    id: str = ""
    args: msgspec.Raw = msgspec.Raw(b"{}")


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    function_call: _FunctionCall | None = None
    inline_data: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    grounding_metadata: _Grounding | None = None


class _Modality(msgspec.Struct, rename="camel"):
    modality: str = ""
    token_count: int = 0


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    cached_content_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int = 0
    tool_use_prompt_token_count: int = 0
    prompt_tokens_details: list[_Modality] = []
    cache_tokens_details: list[_Modality] = []
    candidates_tokens_details: list[_Modality] = []
    tool_use_prompt_tokens_details: list[_Modality] = []


class _Grounding(msgspec.Struct, rename="camel"):
    web_search_queries: list[str] = []


class _PromptFeedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Reply(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    usage_metadata: _Usage | None = None
    prompt_feedback: _PromptFeedback | None = None
    model_version: str = ""
    response_id: str = ""
    error: msgspec.Raw = _ABSENT


_REPLY = msgspec.json.Decoder(_Reply)


def decode_response(body: bytes) -> Response:
    """Returns the complete answer in `body`.

    Raises:
        WireError: an error in place of an answer, a blocked prompt, no candidate, or one without a finish reason.
    """
    reply = _read(body)
    if not reply.candidates or reply.candidates[0].finish_reason is None:
        message = "the reply has no candidate with a `finishReason`: it may be cut"
        raise WireError(message)
    found = reply.candidates[0]
    parts = found.content.parts if found.content else []
    text = "".join(part.text for part in parts if part.text and not part.thought)
    calls = [part.function_call for part in parts if part.function_call]
    return Response(
        id=reply.response_id,
        model=reply.model_version,
        parts=(*((Text(text=text),) if text else ()), *(_call(call, reply, i) for i, call in enumerate(calls))),
        finish_reason=_finish(found.finish_reason, called=bool(calls)) or "stop",
        usage=_usage(reply.usage_metadata, _searches(found, reply.model_version)),
        reasoning="".join(part.text for part in parts if part.text and part.thought),
        dialect="gemini",
        body=body,
    )


class ChunkDecoder:
    """Reads one stream; `complete` once a finish reason came. This dialect has no last event: the stream just ends."""

    done = False

    def __init__(self) -> None:
        self.complete = False
        self._n_tools = 0
        self._n_searches = 0  # told once, while the usage so far comes with every event

    def decode(self, event: Event) -> Iterator[Chunk]:
        """Yields the chunks in `event`: one a part, and one for the end and the usage so far.

        Raises:
            WireError: it is not an event of this dialect, or it is an error.
        """
        reply = _read(event.data)
        found = reply.candidates[0] if reply.candidates else _Candidate()
        for part in found.content.parts if found.content else ():
            yield from self._chunk(part, reply)
        finish = _finish(found.finish_reason, called=self._n_tools > 0)
        self.complete = self.complete or finish is not None
        self._n_searches = max(self._n_searches, _searches(found, reply.model_version))
        usage = _usage(reply.usage_metadata, self._n_searches)
        yield Chunk(id=reply.response_id, model=reply.model_version, finish_reason=finish, usage=usage)

    def _chunk(self, part: _Part, reply: _Reply) -> Iterator[Chunk]:
        if part.function_call is not None:
            call = _call(part.function_call, reply, self._n_tools)
            yield Chunk(id=reply.response_id, tool_call=call, tool_index=self._n_tools)
            self._n_tools += 1
        elif part.text and part.thought:
            yield Chunk(id=reply.response_id, reasoning=part.text)
        elif part.text:
            yield Chunk(id=reply.response_id, text=part.text)


def _read(data: bytes) -> _Reply:
    try:
        reply = _REPLY.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the reply is no answer of this dialect ({error})"
        raise WireError(message) from None
    error_body.check(reply.error)
    if not reply.candidates and reply.prompt_feedback and (reason := reply.prompt_feedback.block_reason):
        message = f"the provider blocked the prompt ({reason})"
        raise WireError(message, code="content_filter")
    said = (each.content for each in reply.candidates or () if each.content is not None)
    if any(bytes(part.inline_data) for content in said for part in content.parts):
        message = "the answer holds a picture or a sound, which this gateway cannot tell in the caller's dialect"
        raise WireError(message)
    return reply


def _call(call: _FunctionCall, reply: _Reply, i: int) -> ToolCall:
    call_id = call.id or f"call_{reply.response_id}_{i}"
    return ToolCall(id=call_id, name=call.name, arguments=bytes(call.args).decode())


def _finish(reason: str | None, *, called: bool) -> FinishReason | None:
    if reason is None or reason == "FINISH_REASON_UNSPECIFIED":
        return None
    if reason in _BROKEN:
        message = f"the provider gave up: `finishReason` is `{reason}`"
        raise WireError(message)
    return "tool_calls" if called and reason == "STOP" else _FINISH.get(reason, "stop")


def _usage(usage: _Usage | None, n_searches: int) -> Usage | None:
    """Takes what was cached out of the input, modality by modality, and puts thoughts into the output."""
    if usage is None or usage.prompt_token_count is None:
        return None
    prompt = usage.prompt_token_count + usage.tool_use_prompt_token_count
    cached = min(prompt, usage.cached_content_token_count)
    asked = [*usage.prompt_tokens_details, *usage.tool_use_prompt_tokens_details]
    cached_audio = _tokens(usage.cache_tokens_details, _AUDIO, cached)
    heard = _tokens(asked, _AUDIO, prompt) - cached_audio
    seen = _tokens(asked, _PICTURES, prompt) - _tokens(usage.cache_tokens_details, _PICTURES, cached)
    heard, seen = max(0, heard), max(0, seen)
    said = usage.candidates_tokens_details
    spoken, drawn = (_tokens(said, kinds, usage.candidates_token_count) for kinds in (_AUDIO, _PICTURES))
    return Usage(
        input_tokens=max(0, prompt - cached - heard - seen),
        output_tokens=usage.candidates_token_count - spoken - drawn + usage.thoughts_token_count,
        cache_read_tokens=cached - cached_audio,
        reasoning_tokens=usage.thoughts_token_count,
        input_audio_tokens=heard,
        cache_read_audio_tokens=cached_audio,
        output_audio_tokens=spoken,
        input_image_tokens=seen,
        output_image_tokens=drawn,
        web_searches=n_searches,
    )


_AUDIO = ("AUDIO",)
_PICTURES = ("IMAGE", "DOCUMENT")
"""A page of a document is billed as a picture; a film as words, since hardly a host prices it apart."""


def _tokens(details: list[_Modality], kinds: tuple[str, ...], most: int) -> int:
    return min(most, sum(part.token_count for part in details if part.modality in kinds))


def _searches(found: _Candidate, model: str) -> int:
    """Returns the searches that are billed: up to the second generation an answer with any, then each query."""
    n_queries = len(found.grounding_metadata.web_search_queries) if found.grounding_metadata else 0
    return min(1, n_queries) if model.startswith(("gemini-1", "gemini-2")) else n_queries
