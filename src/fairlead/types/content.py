"""What is said in either direction: words, media, tool calls and their results."""

from __future__ import annotations

from typing import Literal

import msgspec

Dialect = Literal["openai", "responses", "anthropic", "gemini", "embeddings"]
"""`openai` is chat completions; `responses` and `embeddings` are OpenAI's other two."""
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Words."""

    text: str


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """An image, a sound or a file, by address or as base64 data."""

    kind: Literal["image", "audio", "file"]
    url: str | None = None
    data: str | None = None
    media_type: str | None = None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A model asks for a tool; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the tool said."""

    call_id: str
    content: str
    is_error: bool = False
    """The tool failed, and `content` says how."""


Part = Text | Media | ToolCall | ToolResult
