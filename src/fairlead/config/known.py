"""Providers that need no configuring: where they are, what they speak, which variable holds the key.

Model names as of 23 November 2026, each with a price in genai-prices 0.2.3: a strong, a middle and a cheap chat model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProvider:
    """What is true of a public provider for everybody."""

    base_url: str
    api_key_env: str
    models: tuple[str, ...]
    """Chat models that are candidates where none is configured."""
    dialect: str = "openai"

    def table(self) -> dict[str, str]:
        """Returns the provider's TOML table, as if it had been written out."""
        return {"dialect": self.dialect, "base_url": self.base_url, "api_key_env": self.api_key_env}


KNOWN_PROVIDERS = {
    "openai": KnownProvider(
        base_url="https://api.openai.com/v1",
        api_key_env="OPENAI_API_KEY",
        models=("gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-luna"),
    ),
    "anthropic": KnownProvider(
        base_url="https://api.anthropic.com/v1",
        api_key_env="ANTHROPIC_API_KEY",
        models=("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"),
        dialect="anthropic",
    ),
    "gemini": KnownProvider(
        base_url="https://generativelanguage.googleapis.com/v1beta",
        api_key_env="GEMINI_API_KEY",
        models=("gemini-4-argon", "gemini-3.8-flash", "gemini-3.5-flash-lite"),
        dialect="gemini",
    ),
    "mistral": KnownProvider(
        base_url="https://api.mistral.ai/v1",
        api_key_env="MISTRAL_API_KEY",
        models=("mistral-large-4", "mistral-medium-3-5", "mistral-small-2603"),
    ),
    "groq": KnownProvider(
        base_url="https://api.groq.com/openai/v1",
        api_key_env="GROQ_API_KEY",
        models=("qwen/qwen3.8-27b", "openai/gpt-oss-120b", "openai/gpt-oss-20b"),
    ),
    "deepseek": KnownProvider(
        base_url="https://api.deepseek.com/v1",
        api_key_env="DEEPSEEK_API_KEY",
        models=("deepseek-v4-pro", "deepseek-v4-flash"),
    ),
    "xai": KnownProvider(
        base_url="https://api.x.ai/v1",
        api_key_env="XAI_API_KEY",
        models=("grok-4.7", "grok-4.3", "grok-4-1-fast-non-reasoning"),
    ),
    "together": KnownProvider(
        base_url="https://api.together.xyz/v1",
        api_key_env="TOGETHER_API_KEY",
        models=("moonshotai/Kimi-K3.1-Pro", "deepseek-ai/DeepSeek-V4-Pro-0813", "openai/gpt-oss-120b"),
    ),
    "openrouter": KnownProvider(
        base_url="https://openrouter.ai/api/v1",
        api_key_env="OPENROUTER_API_KEY",
        models=("anthropic/claude-opus-5.5", "google/gemini-3.7-flash", "deepseek/deepseek-v4.1-flash"),
    ),
}


def with_a_key(environ: Mapping[str, str]) -> list[str]:
    """Returns the providers whose key is in the environment, in the order above."""
    return [name for name, provider in KNOWN_PROVIDERS.items() if environ.get(provider.api_key_env, "").strip()]


def almost_a_key(environ: Mapping[str, str]) -> str:
    """Returns a word on a variable that was meant for a key of these providers, where there is such a one."""
    for variable in (provider.api_key_env for provider in KNOWN_PROVIDERS.values()):
        if variable in environ:
            return f": `{variable}` is empty"
        names = (variable.removesuffix("_API_KEY"), *_ALSO_CALLED.get(variable, ()))
        for name in environ:
            if name.startswith(tuple(f"{word}_" for word in names)) and name.endswith(("KEY", "TOKEN")):
                return f": `{name}` is set, and `{variable}` is not"
    return ""


_ALSO_CALLED = {"ANTHROPIC_API_KEY": ("CLAUDE",), "GEMINI_API_KEY": ("GOOGLE",), "XAI_API_KEY": ("GROK",)}
"""How else variables for a key begin."""
