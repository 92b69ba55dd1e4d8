"""The wire shape of Gemini's `generateContent` and `streamGenerateContent?alt=sse`, as its servers speak it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.errors import RequestError
from fairlead.providers.upstream.reply import Asked, Offer, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.types import Usage

ERROR_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
FINISH_REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}


class _FunctionCall(msgspec.Struct):
    name: str = ""


class _Part(msgspec.Struct, rename="camel"):
    text: str = ""
    function_call: _FunctionCall | None = None


class _Content(msgspec.Struct):
    parts: list[_Part]
    role: str = "user"


class _Tool(msgspec.Struct, rename="camel"):
    function_declarations: list[dict[str, Any]] = []


class _CallingConfig(msgspec.Struct, rename="camel"):
    mode: str = "AUTO"
    allowed_function_names: list[str] = []


class _ToolConfig(msgspec.Struct, rename="camel"):
    function_calling_config: _CallingConfig | None = None


class _GenerationConfig(msgspec.Struct, rename="camel"):
    response_json_schema: dict[str, Any] | None = None


class _Body(msgspec.Struct, rename="camel"):
    contents: list[_Content]
    system_instruction: _Content | None = None
    labels: dict[str, str] | None = None
    tools: list[_Tool] | None = None
    tool_config: _ToolConfig | None = None
    generation_config: _GenerationConfig | None = None


_BODY = msgspec.json.Decoder(_Body)


def decode(body: bytes, path: str) -> Asked:
    """Returns what was asked; the model and whether to stream stand in the path.

    Raises:
        RequestError: the body is not one of this dialect.
    """
    try:
        read = _BODY.decode(body)
    except msgspec.MsgspecError as error:
        raise RequestError(f"the body is no request for content: {error}") from error
    model, _, method = path.rpartition("/")[2].partition(":")
    turns = [read.system_instruction] if read.system_instruction else []
    turns += [content for content in read.contents if content.role == "user"]
    return Asked(
        model=model,
        prompt="\n".join(words for turn in turns if (words := "\n".join(p.text for p in turn.parts if p.text))),
        prompt_id=(read.labels or {}).get("prompt_id"),
        stream=method == "streamGenerateContent",
        offer=_offer(read),
    )


def _offer(read: _Body) -> Offer:
    config = (read.tool_config.function_calling_config if read.tool_config else None) or _CallingConfig()
    mode = {"AUTO": "auto", "ANY": "required", "NONE": "none"}.get(config.mode, "auto")
    return Offer(
        tools={f["name"]: _parameters(f) for tool in read.tools or () for f in tool.function_declarations},
        choice=config.allowed_function_names[0] if config.allowed_function_names else mode,
        called=[part.function_call.name for turn in read.contents for part in turn.parts if part.function_call],
        schema=read.generation_config.response_json_schema if read.generation_config else None,
    )


def _parameters(declaration: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of the arguments, which Google's own client sends in the spelling of its field."""
    names = ("parametersJsonSchema", "parameters_json_schema", "parameters")
    return next((declaration[name] for name in names if declaration.get(name)), {})


def whole(asked: Asked, reply: Reply) -> bytes:
    """Returns the body of a reply that is not streamed."""
    parts = _parts(reply.text) if reply.text or not reply.calls else []
    content = _content(asked, parts + _calls(reply), FINISH_REASONS[reply.finish_reason], reply.usage)
    return msgspec.json.encode(content)


def events(asked: Asked, reply: Reply) -> Iterator[bytes]:
    """Yields the events of a streamed reply; the one with a finish reason and all of the usage is last."""
    *before, last = [*reply.pieces()] or [""]
    for piece in before:
        yield _event(_content(asked, _parts(piece), None, None))
    parts = _parts(last) if last or not reply.calls else []
    yield _event(_content(asked, parts + _calls(reply), FINISH_REASONS[reply.finish_reason], reply.usage))


def error(status_code: int, message: str, code: str | None, _param: str | None) -> bytes:
    """Returns the body of an error; this dialect has no codes of its own, so the code opens the message."""
    status = ERROR_STATUSES.get(status_code, "INTERNAL" if status_code >= 500 else "INVALID_ARGUMENT")
    text = f"{code}: {message}" if code else message
    return msgspec.json.encode({"error": {"code": status_code, "message": text, "status": status}})


def error_event(status_code: int, message: str, code: str | None) -> bytes:
    """Returns an error that comes as an event of a stream."""
    return b"data: " + error(status_code, message, code, None) + b"\r\n\r\n"


def _parts(text: str) -> list[dict[str, Any]]:
    return [{"text": text}]


def _calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {"functionCall": {"name": call.name, "args": msgspec.Raw(call.arguments.encode())}, "thoughtSignature": "c2ln"}
        for call in reply.calls
    ]


def _content(
    asked: Asked, parts: list[dict[str, Any]], finish_reason: str | None, usage: Usage | None
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish_reason is not None:
        candidate["finishReason"] = finish_reason
    content: dict[str, Any] = {"candidates": [candidate]}
    if usage is not None:
        content["usageMetadata"] = _usage(usage)
    return content | {"modelVersion": asked.model, "responseId": asked.id}


def _usage(usage: Usage) -> dict[str, int]:
    prompt_tokens = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    counts = {
        "promptTokenCount": prompt_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "totalTokenCount": prompt_tokens + usage.output_tokens,
    }
    if usage.cache_read_tokens:
        counts["cachedContentTokenCount"] = usage.cache_read_tokens
    if usage.reasoning_tokens:
        counts["thoughtsTokenCount"] = usage.reasoning_tokens
    return counts


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(content) + b"\r\n\r\n"
