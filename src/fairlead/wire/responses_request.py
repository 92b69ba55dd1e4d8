"""The body of `POST /v1/responses`, read into a Request; every complaint in OpenAI's words.

Source: OpenAI API reference, "Create a model response". Fields and items that are not named here are left to
`Request.body`. Reasoning items, which only the model's own house can read, are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from fairlead.errors import RequestError
from fairlead.types import Media, Message, Part, Request, Role, Text, Tool, ToolCall, ToolResult
from fairlead.wire import free_form
from fairlead.wire.openai_request import complaint, media, missing, not_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

THOUGHTS = "reasoning items"
"""What a hint is called that only the house of the model that thought can use."""

_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_WORDS = {"input_text", "output_text", "text", "summary_text"}


class _InputAudio(msgspec.Struct):
    data: str
    format: str = "wav"


class _Part(msgspec.Struct):
    type: str = ""  # what a shell put out has none
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    input_audio: _InputAudio | None = None


class _Item(msgspec.Struct):
    type: str = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[_Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | dict[str, msgspec.Raw] | None = None
    input: str | None = None
    output: str | list[_Part] | dict[str, msgspec.Raw] | None = None


class _Tool(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    strict: bool | None = None
    format: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _ToolChoice(msgspec.Struct):
    type: str
    name: str | None = None


class _Format(msgspec.Struct):
    type: str = "text"
    schema: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _TextOptions(msgspec.Struct):
    format: _Format | None = None
    verbosity: str | None = None


_Tokens = Annotated[int, msgspec.Meta(ge=1)]
_Name = Annotated[str, msgspec.Meta(max_length=256)]
_Note = Annotated[str, msgspec.Meta(max_length=512)]


class Body(msgspec.Struct):
    """What a caller may ask; other fields are passed on to a host of this dialect."""

    model: _Name
    input: str | list[_Item] | None = None
    instructions: str | list[_Item] | None = None
    stream: bool | None = None
    max_output_tokens: _Tokens | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: _TextOptions | None = None
    metadata: dict[str, _Note] | None = None
    user: str | None = None
    prompt_cache_key: str | None = None
    previous_response_id: str | None = None
    background: bool | None = None


_BODY = msgspec.json.Decoder(Body)


def decode(body: bytes) -> Request:
    """Returns the request in `body`.

    A free-form tool becomes a function of one string, so that any host can be told of it. A tool that must be called is
    named in `tool_choice` as `function:NAME`.

    Raises:
        RequestError: status 400, with `param` and `code`, in OpenAI's words.
    """
    try:
        return _Reader(_BODY.decode(body), body).request()
    except msgspec.ValidationError as error:
        raise complaint(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise not_json() from None


class _Reader:
    """Reads one body, and notes on the way what no other dialect can be told."""

    def __init__(self, read: Body, body: bytes) -> None:
        self._read = read
        self._body = body
        self._native: dict[str, None] = {}  # in the order of the body
        self._hints: dict[str, None] = {}

    def request(self) -> Request:
        read = self._read
        if not read.input and read.previous_response_id is None:
            raise missing("input")
        if read.background and not read.stream:
            message = "Answers in the background are not kept here, so nobody could fetch them: stream, or wait."
            raise RequestError(message, param="background", code="unsupported_parameter")
        messages = tuple(_joined(_results_first(self._messages())))
        tools = tuple(found for i, tool in enumerate(read.tools or ()) if (found := self._tool(tool, i)) is not None)
        form = read.text.format if read.text else None
        if read.text and read.text.verbosity:
            self._hints["text.verbosity"] = None
        return Request(
            messages=messages,
            model=read.model,
            stream=bool(read.stream),
            include_usage=True,
            max_output_tokens=read.max_output_tokens,
            temperature=read.temperature,
            top_p=read.top_p,
            tools=tools,
            tool_choice=self._tool_choice(read.tool_choice),
            parallel_tool_calls=read.parallel_tool_calls,
            json_schema=bytes(form.schema).decode() if form is not None and form.type == "json_schema" else None,
            json_object=form is not None and form.type == "json_object",
            metadata=read.metadata or {},
            user=read.user,
            prompt_cache_key=read.prompt_cache_key,
            previous_response_id=read.previous_response_id,
            native=tuple(self._native),
            hints=tuple(self._hints),
            dialect="responses",
            body=self._body,
        )

    def _messages(self) -> Iterator[Message]:
        for name, role in (("instructions", "system"), ("input", "user")):
            said: str | list[_Item] | None = getattr(self._read, name)
            if isinstance(said, str):
                yield Message(role="system" if role == "system" else "user", parts=(Text(text=said),))
                continue
            for i, item in enumerate(said or ()):
                yield from self._item(item, f"{name}[{i}]")

    def _item(self, item: _Item, place: str) -> Iterator[Message]:
        match item.type:
            case "message":
                role = _ROLES[_given(item.role, f"{place}.role")]
                yield Message(role=role, parts=tuple(self._parts(item.content, place)))
            case "function_call":
                arguments = item.arguments if isinstance(item.arguments, str) else ""
                yield Message(role="assistant", parts=(self._call(item, arguments, place),))
            case "custom_tool_call":
                arguments = free_form.wrapped(_given(item.input, f"{place}.input"))
                yield Message(role="assistant", parts=(self._call(item, arguments, place),))
            case "function_call_output" | "custom_tool_call_output":
                yield from self._result(item, place)
            case "reasoning":
                self._hints[THOUGHTS] = None
            case kind:
                self._native[kind] = None

    def _call(self, item: _Item, arguments: str, place: str) -> ToolCall:
        call_id = _given(item.call_id, f"{place}.call_id")
        return ToolCall(id=call_id, name=_given(item.name, f"{place}.name"), arguments=arguments)

    def _result(self, item: _Item, place: str) -> Iterator[Message]:
        """Yields the words of a result, then its media as the user's, since elsewhere a result is words alone."""
        output = None if isinstance(item.output, dict) else item.output
        parts = tuple(self._parts(output, place, field="output"))
        words = "\n".join(part.text for part in parts if isinstance(part, Text))
        call_id = _given(item.call_id, f"{place}.call_id")
        yield Message(role="tool", parts=(ToolResult(call_id=call_id, content=words),))
        if seen := tuple(part for part in parts if isinstance(part, Media)):
            yield Message(role="user", parts=seen)

    def _parts(self, content: str | list[_Part] | None, place: str, field: str = "content") -> Iterator[Part]:
        if isinstance(content, str):
            yield Text(text=content)
            return
        for i, part in enumerate(content or ()):
            yield from self._part(part, f"{place}.{field}[{i}]")

    def _part(self, part: _Part, place: str) -> Iterator[Part]:
        match part.type:
            case kind if kind in _WORDS:
                yield Text(text=_given(part.text, f"{place}.text"))
            case "refusal":
                yield Text(text=_given(part.refusal, f"{place}.refusal"))
            case "input_image" if part.image_url is not None:
                yield media("image", part.image_url)
            case "input_file" if part.file_data or part.file_url:
                yield media("file", part.file_data or part.file_url or "")
            case "input_image" | "input_file":  # kept at the host
                self._native[f"{part.type} by id"] = None
            case "input_audio" if part.input_audio is not None:
                audio = part.input_audio
                yield Media(kind="audio", data=audio.data, media_type=f"audio/{audio.format}")
            case kind:
                self._native[kind] = None

    def _tool(self, tool: _Tool, i: int) -> Tool | None:
        match tool.type:
            case "function":
                parameters = bytes(tool.parameters).decode() or "{}"
                schema = "{}" if parameters == "null" else parameters
                if tool.strict:
                    self._hints["tools.strict"] = None
                name = _given(tool.name, f"tools[{i}].name")
                return Tool(name=name, description=tool.description or "", parameters=schema)
            case "custom":
                if bytes(tool.format) not in {b"", b"null", b'{"type":"text"}'}:
                    self._hints["tools.format"] = None
                name = _given(tool.name, f"tools[{i}].name")
                return Tool(name=name, description=tool.description or "", parameters=free_form.SCHEMA, free_form=True)
            case kind:
                self._native[f"tool {kind}"] = None
                return None

    def _tool_choice(self, choice: str | _ToolChoice | None) -> str | None:
        if not isinstance(choice, _ToolChoice):
            return choice
        if choice.type in {"function", "custom"}:
            return f"function:{_given(choice.name, 'tool_choice.name')}"
        self._native[f"tool_choice {choice.type}"] = None
        return None


def _results_first(messages: Iterable[Message]) -> Iterator[Message]:
    """Moves what results show behind the last result: other dialects want the results of one turn in a row."""
    shown: list[Message] = []
    in_row = False
    for message in messages:
        if in_row and message.role == "user" and all(isinstance(part, Media) for part in message.parts):
            shown.append(message)
            continue
        in_row = message.role == "tool"
        if not in_row:
            yield from shown
            shown.clear()
        yield message
    yield from shown


def _joined(messages: Iterable[Message]) -> Iterator[Message]:
    """Joins what the assistant said and the calls it made in one turn: other dialects have them in one message."""
    before: Message | None = None
    for message in messages:
        if before is not None and before.role == message.role == "assistant":
            before = Message(role="assistant", parts=before.parts + message.parts)
            continue
        if before is not None:
            yield before
        before = message
    if before is not None:
        yield before


def _given(value: str | None, place: str) -> str:
    if value is None:
        raise missing(place)
    return value
