"""A client that trusts nothing: asks the gateway, and says whether the reply is whole, an error, or neither."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.wire import sse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.drills.speech import Served

PATHS: Mapping[Served, str] = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
}
QUESTION = "Say the sixty tokens."


@dataclass(slots=True, kw_only=True)
class Told:
    """A reply, read to its end."""

    status: int = 0
    """0 where none came."""
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    ended: bool = False
    """It says of itself that it is complete."""
    error: Mapping[str, Any] | None = None
    """What it says went wrong."""
    model: str | None = None
    usage: Mapping[str, Any] | None = None
    cut: bool = False
    """The connection broke off."""
    began_s: float = 0.0
    """When it was asked for, since the first request, seconds of real time."""
    took_s: float = 0.0
    """Seconds of real time."""


def body(dialect: Served, model: str, *, stream: bool) -> dict[str, Any]:
    """Returns a request for the sixty tokens."""
    turn = [{"role": "user", "content": QUESTION}]
    asked: dict[str, Any] = {"model": model, "stream": stream}
    match dialect:
        case "chat":
            return asked | {"messages": turn} | ({"stream_options": {"include_usage": True}} if stream else {})
        case "responses":
            return asked | {"input": turn}
        case "messages":
            return asked | {"messages": turn, "max_tokens": 1000}


def read(told: Told, dialect: Served, content: bytes) -> None:
    """Takes in the body of a reply, streamed or not."""
    if "event-stream" not in told.headers.get("content-type", ""):
        _read_whole(told, dialect, content)
        return
    for event in sse.Parser().feed(content):
        if event.data == b"[DONE]":
            told.ended = told.error is None
        else:
            EVENTS[dialect](told, msgspec.json.decode(event.data))


def _read_whole(told: Told, dialect: Served, content: bytes) -> None:
    reply = msgspec.json.decode(content)
    if told.status != 200:
        told.error = reply["error"]
        return
    told.model, told.usage, told.ended = reply["model"], reply.get("usage"), True
    match dialect:
        case "chat":
            told.text = reply["choices"][0]["message"]["content"]
        case "responses":
            told.text = "".join(part["text"] for item in reply["output"] for part in item["content"])
        case "messages":
            told.text = "".join(block["text"] for block in reply["content"])


def _chat_event(told: Told, event: dict[str, Any]) -> None:
    if event.get("error"):
        told.error, told.ended = event["error"], False
        return
    told.model, told.usage = event["model"], event.get("usage") or told.usage
    for choice in event["choices"]:
        told.text += choice["delta"].get("content") or ""


def _response_event(told: Told, event: dict[str, Any]) -> None:
    match event["type"]:
        case "response.output_text.delta":
            told.text += event["delta"]
        case "response.completed":
            response = event["response"]
            told.ended, told.model, told.usage = True, response["model"], response.get("usage")
        case "error":
            told.error = event
        case "response.failed":
            told.error = event["response"]["error"]


def _message_event(told: Told, event: dict[str, Any]) -> None:
    match event["type"]:
        case "message_start":
            told.model = event["message"]["model"]
        case "content_block_delta":
            told.text += event["delta"].get("text", "")
        case "message_delta":
            told.usage = event.get("usage")
        case "message_stop":
            told.ended = True
        case "error":
            told.error = event["error"]


EVENTS = {"chat": _chat_event, "responses": _response_event, "messages": _message_event}
