"""`GET /openapi.json`: every path of the gateway in OpenAPI's words, drawn from the types that decode and encode it.

Source: OpenAPI Specification 3.1.0, https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from fairlead import __version__
from fairlead.gateway import feedback
from fairlead.gateway.body import send_json
from fairlead.gateway.decide import DecisionShown
from fairlead.gateway.health import ReadyShown
from fairlead.gateway.models import AnthropicModel, AnthropicModelList, ModelList, ModelShown
from fairlead.wire import anthropic_request, openai_embeddings, openai_request, responses_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

Schema = dict[str, object]
TEXT = "text/plain"
STREAM = "text/event-stream"


class OpenAIErrorWords(msgspec.Struct, frozen=True):
    """What went wrong, in OpenAI's shape."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(msgspec.Struct, frozen=True):
    """An error for a caller of OpenAI's dialects."""

    error: OpenAIErrorWords


class AnthropicErrorWords(msgspec.Struct, frozen=True):
    """What went wrong, in Anthropic's shape."""

    type: str
    message: str


class AnthropicError(msgspec.Struct, frozen=True):
    """An error for a caller of Anthropic's dialect, and for whoever sends `anthropic-version`."""

    type: Literal["error"]
    error: AnthropicErrorWords


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    id: str
    about: str
    method: Literal["get", "post"] = "get"
    body: type | None = None
    reply: Any = dict
    """What a reply with status 200 holds: a struct, structs, or any JSON object."""
    streams: bool = False
    media: str = "application/json"


OPERATIONS: Mapping[str, Operation] = {
    "/v1/chat/completions": Operation(
        id="chat", about="A chat completion", method="post", body=openai_request.Body, streams=True
    ),
    "/v1/responses": Operation(
        id="responses", about="An OpenAI response", method="post", body=responses_request.Body, streams=True
    ),
    "/v1/messages": Operation(
        id="messages", about="An Anthropic message", method="post", body=anthropic_request.Body, streams=True
    ),
    "/v1/messages/count_tokens": Operation(
        id="countTokens", about="How many tokens a message has", method="post", body=anthropic_request.Body
    ),
    "/v1/embeddings": Operation(id="embeddings", about="Vectors", method="post", body=openai_embeddings.Body),
    "/v1/models": Operation(id="models", about="Routes and models", reply=ModelList | AnthropicModelList),
    "/v1/models/{name}": Operation(id="model", about="One of them", reply=ModelShown | AnthropicModel),
    "/v1/route": Operation(
        id="route", about="The decision alone", method="post", body=openai_request.Body, reply=DecisionShown
    ),
    "/v1/feedback": Operation(id="feedback", about="A score for a decision", method="post", body=feedback.Body),
    "/health/live": Operation(id="live", about="Whether the process runs"),
    "/health/hosts": Operation(id="hosts", about="The circuit breaker of each model that was called"),
    "/health/ready": Operation(id="ready", about="Whether it can serve", reply=ReadyShown),
    "/metrics": Operation(id="metrics", about="Counters and states, for Prometheus", media=TEXT),
    "/openapi.json": Operation(id="openapi", about="This document"),
}
"""Path -> what it does."""


class OpenApi:
    """Answers with the document."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        await send_json(send, document())


@cache
def document() -> bytes:
    """Returns the document, as JSON."""
    components: dict[str, object] = {}
    paths = {path: {made.method: _operation(path, made, components)} for path, made in OPERATIONS.items()}
    info = {"title": "Fairlead", "version": __version__, "description": "An AI model router behind known APIs."}
    whole = {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": components}}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def _operation(path: str, made: Operation, components: dict[str, object]) -> Schema:
    content: Schema = {made.media: {} if made.media == TEXT else {"schema": _schema(made.reply, components)}}
    if made.streams:
        content[STREAM] = {}
    wrong = {"application/json": {"schema": _schema(OpenAIError | AnthropicError, components)}}
    operation: Schema = {
        "operationId": made.id,
        "summary": made.about,
        "responses": {
            "200": {"description": made.about, "content": content},
            "default": {"description": "An error, in the shape of the caller's dialect", "content": wrong},
        },
    }
    if made.body is not None:
        body = {"application/json": {"schema": _schema(made.body, components)}}
        operation["requestBody"] = {"required": True, "content": body}
    if "{name}" in path:
        operation["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
    return operation


def _schema(kind: Any, components: dict[str, object]) -> Schema:
    """Returns the schema of a type, or of each of several; what it is made of is put into `components`."""
    if several := get_args(kind):
        return {"anyOf": [_schema(one, components) for one in several]}
    place = kind.__module__.rpartition(".")[2]  # modules have types of the same name
    (schema,), parts = msgspec.json.schema_components([kind], ref_template=f"#/components/schemas/{place}.{{name}}")
    components.update({f"{place}.{name}": part for name, part in parts.items()})
    return schema
