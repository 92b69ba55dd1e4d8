"""The body of `POST /v1/chat/completions`, read into a Request; every complaint in OpenAI's words.

Source: OpenAI API reference, "Create chat completion". Fields that are not named here are left to `Request.body`.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

import msgspec

from fairlead.errors import RequestError
from fairlead.types import Media, Message, Part, Request, Role, Text, Tool, ToolCall, ToolResult
from fairlead.wire import complaints

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
T = TypeVar("T")

_FORMS = frozenset({"text", "json_object", "json_schema"})
_NO_SCHEMA = msgspec.Raw(b"{}")
_DATA_URL = re.compile(r"data:(?P<media_type>[^;,]*)(?:;[^,]*)?;base64,(?P<data>.*)", re.DOTALL)


class _ImageUrl(msgspec.Struct):
    url: str


class _InputAudio(msgspec.Struct):
    data: str
    format: str = "wav"


class _File(msgspec.Struct):
    file_data: str | None = None
    file_id: str | None = None


class _ContentPart(msgspec.Struct):
    """A part of any kind: hosts of this dialect know more of them than OpenAI does."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: _ImageUrl | str | None = None
    input_audio: _InputAudio | None = None
    file: _File | None = None


class _CalledFunction(msgspec.Struct):
    name: str
    arguments: str = ""


class _CalledCustom(msgspec.Struct):
    name: str
    input: str = ""


class _ToolCall(msgspec.Struct):
    id: str
    function: _CalledFunction | None = None
    custom: _CalledCustom | None = None


class _Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_ContentPart] | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None
    name: str | None = None


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = msgspec.field(default_factory=lambda: _NO_SCHEMA)
    strict: bool | None = None


class _Tool(msgspec.Struct):
    type: str = "function"
    function: _Function | None = None


class _NamedTool(msgspec.Struct):
    type: str = "function"
    function: _CalledFunction | None = None


class _JsonSchema(msgspec.Struct):
    schema: msgspec.Raw = msgspec.field(default_factory=lambda: _NO_SCHEMA)


class _ResponseFormat(msgspec.Struct):
    type: str
    json_schema: _JsonSchema | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


_Tokens = Annotated[int, msgspec.Meta(ge=1)]
_Name = Annotated[str, msgspec.Meta(max_length=256)]
_Note = Annotated[str, msgspec.Meta(max_length=512)]
"""A value of `metadata`, as long as OpenAI takes it; one of them gets into the ledger."""


class Body(msgspec.Struct):
    """What a caller may ask; other fields are passed on to a host of this dialect."""

    model: _Name
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_completion_tokens: _Tokens | None = None
    max_tokens: _Tokens | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    logprobs: bool | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: _ResponseFormat | None = None
    metadata: dict[str, _Note] | None = None
    user: str | None = None
    prompt_cache_key: str | None = None


_BODY = msgspec.json.Decoder(Body)


def decode(body: bytes) -> Request:
    """Returns the request in `body`.

    A tool that must be called is named in `tool_choice` as `function:NAME`.

    Raises:
        RequestError: status 400, with `param` and `code`, in OpenAI's words.
    """
    try:
        return _request(_BODY.decode(body), body)
    except msgspec.ValidationError as error:
        raise complaint(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise not_json() from None


def _request(read: Body, body: bytes) -> Request:
    form = read.response_format
    unsaid = _Unsaid()
    if form is not None and form.type not in _FORMS:
        unsaid.native[f"response_format {form.type}"] = None
    return Request(
        messages=tuple([_message(message, i, unsaid) for i, message in enumerate(read.messages)]),
        model=read.model,
        stream=bool(read.stream),
        include_usage=bool(read.stream_options and read.stream_options.include_usage),
        max_output_tokens=read.max_completion_tokens or read.max_tokens,
        temperature=read.temperature,
        top_p=read.top_p,
        stop=(read.stop,) if isinstance(read.stop, str) else tuple(read.stop or ()),
        seed=read.seed,
        n=read.n or 1,
        logprobs=bool(read.logprobs),
        tools=tuple([t for i, tool in enumerate(read.tools or ()) if (t := _tool(tool, i, unsaid)) is not None]),
        tool_choice=_tool_choice(read.tool_choice, unsaid),
        parallel_tool_calls=read.parallel_tool_calls,
        json_schema=bytes(form.json_schema.schema).decode() if form and form.json_schema else None,
        json_object=form is not None and form.type == "json_object",
        metadata=read.metadata or {},
        user=read.user,
        prompt_cache_key=read.prompt_cache_key,
        native=tuple(unsaid.native),
        hints=tuple(unsaid.hints),
        body=body,
    )


class _Unsaid:
    """What no other dialect can be told, noted while a body is read; each once, in its order."""

    __slots__ = ("hints", "native")

    def __init__(self) -> None:
        self.native: dict[str, None] = {}
        self.hints: dict[str, None] = {}


def _message(message: _Message, i: int, unsaid: _Unsaid) -> Message:
    role = _ROLES[message.role]
    if role != "tool" and isinstance(message.content, str) and not message.tool_calls:  # as most are
        return Message(role=role, parts=(Text(text=message.content),))
    parts = _parts(message.content, i, unsaid)
    if role != "tool":
        calls = (_tool_call(call, f"messages[{i}].tool_calls[{j}]") for j, call in enumerate(message.tool_calls or ()))
        return Message(role=role, parts=(*parts, *calls))
    call_id = message.tool_call_id or message.name
    if call_id is None:
        raise missing(f"messages[{i}].tool_call_id")
    words = "".join([part.text for part in parts if isinstance(part, Text)])
    for part in parts:
        if isinstance(part, Media):
            unsaid.native[f"{part.kind} of a tool"] = None
    return Message(role=role, parts=(ToolResult(call_id=call_id, content=words),))


def _parts(content: str | list[_ContentPart] | None, i: int, unsaid: _Unsaid) -> list[Part]:
    if isinstance(content, str):
        return [Text(text=content)]
    found: list[Part] = []
    for j, part in enumerate(content or ()):
        if part.type == "text" and part.text is not None:  # nearly all are
            found.append(Text(text=part.text))
        elif (other := _part(part, f"messages[{i}].content[{j}]", unsaid)) is not None:
            found.append(other)
    return found


def _part(part: _ContentPart, place: str, unsaid: _Unsaid) -> Part | None:
    """Returns a part in our words; `None` of a kind that OpenAI does not have, which its host may know."""
    match part.type:
        case "text" | "refusal":
            return Text(text=_given(part.text if part.type == "text" else part.refusal, f"{place}.{part.type}"))
        case "image_url":
            address = part.image_url.url if isinstance(part.image_url, _ImageUrl) else part.image_url
            return media("image", _given(address, f"{place}.image_url"))
        case "input_audio":
            audio = _given(part.input_audio, f"{place}.input_audio")
            return Media(kind="audio", data=audio.data, media_type=f"audio/{audio.format}")
        case "file":
            file = _given(part.file, f"{place}.file")
            if file.file_data is None:
                unsaid.native["file by id"] = None
            return media("file", file.file_data or file.file_id or "")
        case kind:
            unsaid.native[kind] = None
            return None


def _given(value: T | None, place: str) -> T:
    if value is None:
        raise missing(place)
    return value


def media(kind: Literal["image", "file"], address: str) -> Media:
    """Returns what stands at an address, or in it."""
    if match := _DATA_URL.fullmatch(address):
        return Media(kind=kind, data=match["data"], media_type=match["media_type"] or None)
    return Media(kind=kind, url=address)


def _tool_call(call: _ToolCall, place: str) -> ToolCall:
    if call.function is not None:
        return ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
    if call.custom is not None:
        return ToolCall(id=call.id, name=call.custom.name, arguments=call.custom.input)
    raise missing(f"{place}.function")


def _tool(tool: _Tool, i: int, unsaid: _Unsaid) -> Tool | None:
    """Returns a function in our words; `None` of a tool that runs at the host or takes free words."""
    if tool.type != "function":
        unsaid.native[f"tool {tool.type}"] = None
        return None
    function = tool.function
    if function is None:
        raise missing(f"tools[{i}].function")
    if function.strict:
        unsaid.hints["tools.strict"] = None
    parameters = bytes(function.parameters).decode()
    return Tool(
        name=function.name,
        description=function.description or "",
        parameters="{}" if parameters == "null" else parameters,
    )


def _tool_choice(choice: str | _NamedTool | None, unsaid: _Unsaid) -> str | None:
    if not isinstance(choice, _NamedTool):
        return choice
    if choice.function is not None:
        return f"function:{choice.function.name}"
    unsaid.native[f"tool_choice {choice.type}"] = None
    return None


# Complaints, in OpenAI's words ---------------------------------------------------------------------------------------


def complaint(sentence: str) -> RequestError:
    """Puts msgspec's sentence into OpenAI's: same place, same fault."""
    found = complaints.read(sentence)
    match found.kind:
        case "missing":
            return missing(found.param)
        case "invalid_value":
            return RequestError(f"Invalid value: '{found.got}'.", param=found.param, code="invalid_value")
        case "invalid_type":
            place = found.param or "body"
            message = f"Invalid type for '{place}': expected {found.wanted}, but got {found.got} instead."
            return RequestError(message, param=found.param or None, code="invalid_type")
        case "out_of_range":
            message = f"Invalid '{found.param}': expected {found.wanted}."
            return RequestError(message, param=found.param, code="invalid_value")
        case _:
            return RequestError(sentence, code="invalid_body")


def missing(param: str) -> RequestError:
    """Returns the complaint that a field is not there."""
    return RequestError(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def not_json() -> RequestError:
    """Returns the complaint about a body that is no JSON object."""
    message = "We could not parse the JSON body of your request. Expected one JSON object in UTF-8."
    return RequestError(message, code="invalid_json")
