"""One upstream call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.providers.anthropic import Anthropic
from fairlead.providers.gemini import Gemini
from fairlead.providers.openai import OpenAI

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.providers.http import HttpProvider

__all__ = ["PROVIDERS", "Anthropic", "Gemini", "OpenAI"]

PROVIDERS: Mapping[str, type[HttpProvider]] = {"openai": OpenAI, "anthropic": Anthropic, "gemini": Gemini}
"""Dialect -> the provider that speaks it."""
