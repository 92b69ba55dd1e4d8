"""What hosts of OpenAI's dialect do differently from OpenAI, as data. Each line has its source; as of November 2026."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

FlavourName = Literal[
    "openai", "azure", "deepseek", "groq", "llamacpp", "mistral", "ollama", "openrouter", "together", "vllm", "xai"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """One kind of host."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """OpenAI's name of a field -> the host's own."""
    refused: tuple[str, ...] = ()
    """Fields that the host answers with an error, or does not heed."""
    tells_usage: bool = False
    """A stream ends with its usage unasked, and asking is an error."""
    key_header: str | None = None
    """The header that carries the key; `None` is `Authorization: Bearer`."""
    per_deployment: bool = False
    """With an `api_version`, each model has an address of its own."""
    responses: bool = False
    """It answers `/responses`, too."""
    embeddings: bool = True
    """It answers `/embeddings`, too."""
    prefill: Literal["prefix", "final"] | None = None
    """How it is asked to go on from the beginning of an answer, the last message: that is marked as a `prefix`, or the
    body asks to continue the `final` message; `None` where no documentation says that every model of it does."""
    prefill_at: str = ""
    """The end of the addresses where it does; empty for all."""


_OLD_LIMIT = {"max_completion_tokens": "max_tokens"}

FLAVOURS: Mapping[FlavourName, Flavour] = {
    "openai": Flavour(responses=True),
    # learn.microsoft.com/azure/ai-foundry/openai/reference: header `api-key`, query `api-version`
    "azure": Flavour(key_header="api-key", per_deployment=True, responses=True),
    # api-docs.deepseek.com/api/create-chat-completion: neither `n` nor `seed` nor `logit_bias` among the fields;
    # api-docs.deepseek.com/guides/chat_prefix_completion: only with `base_url = "https://api.deepseek.com/beta"`
    "deepseek": Flavour(
        renamed=_OLD_LIMIT,
        refused=("n", "seed", "logit_bias", "parallel_tool_calls"),
        embeddings=False,
        prefill="prefix",
        prefill_at="/beta",
    ),
    # console.groq.com/docs/openai: these give a 400
    "groq": Flavour(refused=("n", "logprobs", "top_logprobs", "logit_bias"), responses=True, embeddings=False),
    # llama.cpp, tools/server/README.md
    "llamacpp": Flavour(renamed=_OLD_LIMIT),
    # docs.mistral.ai/api: any further field is a 422, `extra_forbidden`
    "mistral": Flavour(
        renamed={**_OLD_LIMIT, "seed": "random_seed"},
        refused=(
            *("logprobs", "top_logprobs", "logit_bias", "user", "store", "service_tier", "modalities", "audio"),
            *("verbosity", "web_search_options", "safety_identifier", "prompt_cache_key", "functions", "function_call"),
        ),
        tells_usage=True,
        prefill="prefix",
    ),
    # docs.ollama.com/api/openai-compatibility: `/responses` is stateless there
    "ollama": Flavour(renamed=_OLD_LIMIT, refused=("n", "logit_bias", "user"), responses=True),
    # openrouter.ai/docs: `/responses` is in beta, so chat completions are asked
    "openrouter": Flavour(),
    # docs.together.ai/reference/chat-completions: `logprobs` is a number there
    "together": Flavour(renamed=_OLD_LIMIT, refused=("logprobs", "top_logprobs", "parallel_tool_calls")),
    # docs.vllm.ai, "OpenAI-compatible server": `continue_final_message`, with `add_generation_prompt` off
    "vllm": Flavour(responses=True, prefill="final"),
    # docs.x.ai/docs/api-reference
    "xai": Flavour(responses=True, refused=("logit_bias",)),
}
