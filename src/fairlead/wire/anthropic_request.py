"""The body of `POST /v1/messages`, read into a Request; every complaint in Anthropic's words.

Source: Anthropic API reference, "Create a Message" and "Count tokens in a Message". Fields and blocks that are not
named here are left to `Request.body`. Thinking, signed by the model that thought, is not read: it goes back to its own
dialect inside the body, and no other can use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from fairlead.errors import RequestError
from fairlead.types import Media, Message, Part, Request, Text, Tool, ToolCall, ToolResult
from fairlead.wire import complaints

if TYPE_CHECKING:
    from collections.abc import Iterator

THOUGHTS = "thinking blocks"
"""What a hint is called that only the dialect which signed it can use."""

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
THOUGHT_BLOCKS = {"thinking", "redacted_thinking"}
_OWN_TOOLS = {None, "custom"}
"""Types of tools that the caller runs; others run at Anthropic."""


class _Source(msgspec.Struct):
    type: str = ""
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    source: _Source | str | None = None
    """Of a `search_result` it is an address."""
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    tool_use_id: str | None = None
    content: str | list[_Block] | dict[str, msgspec.Raw] | None = None
    is_error: bool | None = None
    cache_control: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    citations: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _Message(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[_Block]


class _Tool(msgspec.Struct):
    name: str | None = None
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    strict: bool | None = None
    cache_control: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _ToolChoice(msgspec.Struct):
    type: Literal["auto", "any", "none", "tool"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Format(msgspec.Struct):
    type: str = ""
    schema: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _OutputConfig(msgspec.Struct):
    format: _Format | None = None
    effort: str | None = None


_Tokens = Annotated[int, msgspec.Meta(ge=1)]
_Name = Annotated[str, msgspec.Meta(max_length=256)]
_Note = Annotated[str, msgspec.Meta(max_length=512)]


class Body(msgspec.Struct):
    """What a caller may ask; other fields are passed on to a host of this dialect."""

    model: _Name
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    max_tokens: _Tokens | None = None
    system: str | list[_Block] | None = None
    stream: bool | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    stop_sequences: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _ToolChoice | None = None
    metadata: dict[str, _Note | None] | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None


_BODY = msgspec.json.Decoder(Body)


def decode(body: bytes) -> Request:
    """Returns the request in `body`.

    Raises:
        RequestError: status 400, with `param` and `code`, in Anthropic's words.
    """
    request = decode_prompt(body)
    if request.max_output_tokens is None:
        raise _missing("max_tokens")
    return request


def decode_prompt(body: bytes) -> Request:
    """Returns the request in the body of a count of tokens, which needs no `max_tokens`."""
    try:
        return _Reader(_BODY.decode(body), body).request()
    except msgspec.ValidationError as error:
        raise _complaint(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = "The request body is not valid JSON. Expected one JSON object in UTF-8."
        raise RequestError(message, code="invalid_json") from None


class _Reader:
    """Reads one body, and notes on the way what no other dialect can be told."""

    def __init__(self, read: Body, body: bytes) -> None:
        self._read = read
        self._body = body
        self._native: dict[str, None] = {}  # in the order of the body
        self._hints: dict[str, None] = {}

    def request(self) -> Request:
        read = self._read
        messages = (*self._system(), *(turn for i, m in enumerate(read.messages) for turn in self._turns(m, i)))
        tools = tuple([found for i, tool in enumerate(read.tools or ()) if (found := self._tool(tool, i)) is not None])
        config = read.output_config or _OutputConfig()
        form = config.format or read.output_format
        if config.effort is not None:
            self._hints["output_config.effort"] = None
        metadata = {name: value for name, value in (read.metadata or {}).items() if value is not None}
        return Request(
            messages=messages,
            model=read.model,
            stream=bool(read.stream),
            include_usage=True,
            max_output_tokens=read.max_tokens,
            temperature=read.temperature,
            top_p=read.top_p,
            stop=tuple(read.stop_sequences or ()),
            tools=tools,
            tool_choice=_tool_choice(read.tool_choice),
            parallel_tool_calls=False if read.tool_choice and read.tool_choice.disable_parallel_tool_use else None,
            json_schema=bytes(form.schema).decode() if form and form.type == "json_schema" else None,
            user=metadata.pop("user_id", None),
            metadata=metadata,
            native=tuple(self._native),
            hints=tuple(self._hints),
            dialect="anthropic",
            body=self._body,
        )

    def _system(self) -> Iterator[Message]:
        parts = tuple(self._parts(self._read.system or (), "system"))
        if parts:
            yield Message(role="system", parts=parts)

    def _turns(self, message: _Message, i: int) -> Iterator[Message]:
        """Yields the results of tools, then what else the turn says: other dialects keep these apart."""
        parts = tuple(self._parts(message.content, f"messages.{i}.content"))
        if message.role != "user":
            yield Message(role=message.role, parts=parts)
            return
        results = tuple(part for part in parts if isinstance(part, ToolResult))
        rest = tuple(part for part in parts if not isinstance(part, ToolResult))
        if results:
            yield Message(role="tool", parts=results)
        if rest or not results:
            yield Message(role="user", parts=rest)

    def _parts(self, content: str | list[_Block] | tuple[()], place: str) -> Iterator[Part]:
        if isinstance(content, str):
            yield Text(text=content)
            return
        for i, block in enumerate(content):
            if bytes(block.cache_control) not in {b"", b"null"}:
                self._hints["cache_control"] = None
            if bytes(block.citations) not in {b"", b"null", b"[]"}:
                self._hints["citations"] = None
            yield from self._block(block, f"{place}.{i}")

    def _block(self, block: _Block, place: str) -> Iterator[Part]:
        match block.type:
            case "text":
                yield Text(text=_given(block.text, f"{place}.text"))
            case "image" | "document":
                yield from self._media(block, f"{place}.source")
            case "tool_use":
                arguments = bytes(block.input).decode() or "{}"
                name, call_id = _given(block.name, f"{place}.name"), _given(block.id, f"{place}.id")
                yield ToolCall(id=call_id, name=name, arguments=arguments)
            case "tool_result":
                yield from self._result(block, place)
            case kind if kind in THOUGHT_BLOCKS:
                self._hints[THOUGHTS] = None
            case kind:
                self._native[kind] = None

    def _media(self, block: _Block, place: str) -> Iterator[Part]:
        source = block.source
        if not isinstance(source, _Source):
            raise _missing(place)
        kind: Literal["image", "file"] = "image" if block.type == "image" else "file"
        match source.type:
            case "base64":
                yield Media(kind=kind, data=_given(source.data, f"{place}.data"), media_type=source.media_type)
            case "url":
                yield Media(kind=kind, url=_given(source.url, f"{place}.url"))
            case "text" if kind == "file":
                yield Text(text=_given(source.data, f"{place}.data"))
            case other:  # a file kept at Anthropic, or a document of blocks
                self._native[f"source {other}"] = None

    def _result(self, block: _Block, place: str) -> Iterator[Part]:
        """Yields the words of a result; its images come after it, since elsewhere a result is words alone."""
        content = () if block.content is None or isinstance(block.content, dict) else block.content
        parts = tuple(self._parts(content, f"{place}.content"))
        words = "\n".join(part.text for part in parts if isinstance(part, Text))
        call_id = _given(block.tool_use_id, f"{place}.tool_use_id")
        yield ToolResult(call_id=call_id, content=words, is_error=bool(block.is_error))
        yield from (part for part in parts if isinstance(part, Media))

    def _tool(self, tool: _Tool, i: int) -> Tool | None:
        if tool.type not in _OWN_TOOLS:
            self._native[f"tool {tool.type}"] = None
            return None
        if bytes(tool.cache_control) not in {b"", b"null"}:
            self._hints["cache_control"] = None
        if tool.strict:
            self._hints["tools.strict"] = None
        schema = bytes(tool.input_schema).decode() or "{}"
        name = _given(tool.name, f"tools.{i}.name")
        return Tool(name=name, description=tool.description or "", parameters=schema)


def _tool_choice(choice: _ToolChoice | None) -> str | None:
    if choice is None:
        return None
    return f"function:{_given(choice.name, 'tool_choice.name')}" if choice.type == "tool" else _CHOICES[choice.type]


def _given(value: str | None, place: str) -> str:
    if value is None:
        raise _missing(place)
    return value


# Complaints, in Anthropic's words ------------------------------------------------------------------------------------


def _complaint(sentence: str) -> RequestError:
    """Puts msgspec's sentence into Anthropic's: same place, same fault."""
    found = complaints.read(sentence)
    place = found.param.replace("[", ".").replace("]", "")
    match found.kind:
        case "missing":
            return _missing(place)
        case "invalid_value":
            return RequestError(f"{place}: '{found.got}' is not an allowed value", param=place, code="invalid_value")
        case "invalid_type":
            message = f"{place or 'body'}: expected {found.wanted}, but got {found.got}"
            return RequestError(message, param=place or None, code="invalid_type")
        case "out_of_range":
            return RequestError(f"{place}: expected {found.wanted}", param=place, code="invalid_value")
        case _:
            return RequestError(sentence, code="invalid_body")


def _missing(place: str) -> RequestError:
    return RequestError(f"{place}: Field required", param=place, code="missing_required_parameter")
