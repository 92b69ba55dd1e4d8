"""One upstream call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.providers.anthropic import Anthropic
from fairlead.providers.gemini import Gemini
from fairlead.providers.openai import Embeddings, OpenAI, Responses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.providers.http import HttpProvider

__all__ = ["PROVIDERS", "Anthropic", "Embeddings", "Gemini", "OpenAI", "Responses"]

PROVIDERS: Mapping[str, type[HttpProvider]] = {
    "openai": OpenAI,
    "responses": Responses,
    "anthropic": Anthropic,
    "gemini": Gemini,
}
"""Dialect -> the provider that speaks it."""
