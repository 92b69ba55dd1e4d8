"""LiteLLM's `config.yaml` as a configuration of ours: what has a counterpart is carried over, the rest is named.

A deployment becomes a model of a provider, a group of deployments (`model_name`) a route that takes them in order, with
its fallbacks behind. Keys are never copied: only the names of variables are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fairlead.config.known import KNOWN_PROVIDERS
from fairlead.config.litellm_limits import BUDGET, RATES, budget, cache, key_command

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

KNOWN = {"together_ai": "together", **{name: name for name in KNOWN_PROVIDERS if name != "together"}}
"""LiteLLM's prefix of a provider that needs no address -> our name."""
COMPATIBLE = ("openai_like", "hosted_vllm", "vllm", "lm_studio", "ollama", "ollama_chat", "litellm_proxy", "llamafile")
"""Prefixes of servers that speak OpenAI's dialect at an address of their own."""
FLAVOURS = {"azure": "azure", "hosted_vllm": "vllm", "vllm": "vllm", "ollama": "ollama", "ollama_chat": "ollama"}
BENEATH = {"azure": "/openai", "ollama": "/v1", "ollama_chat": "/v1", "anthropic": "/v1"}
"""Prefix -> what LiteLLM puts behind an address by itself."""
SETTINGS = (
    *("temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "reasoning_effort", "service_tier"),
    *("presence_penalty", "frequency_penalty", "verbosity"),
)
"""Parameters of a deployment that are fields of every call."""
CAPABILITIES = {
    "max_input_tokens": "context_tokens",
    "max_output_tokens": "max_output_tokens",
    "supports_function_calling": "tools",
    "supports_vision": "vision",
    "supports_audio_input": "audio",
    "supports_pdf_input": "files",
    "supports_response_schema": "json_schema",
    "supports_reasoning": "reasoning",
}
PRICES = {
    "input_cost_per_token": "input_usd_per_mtok",
    "output_cost_per_token": "output_usd_per_mtok",
    "cache_read_input_token_cost": "cache_read_usd_per_mtok",
    "cache_creation_input_token_cost": "cache_write_usd_per_mtok",
}
LIMITS = {
    "num_retries": ("retries", 0, 10),
    "allowed_fails": ("breaker_failures", 0, 1000),
    "timeout": ("total_s", 0.001, 3600),
    "request_timeout": ("total_s", 0.001, 3600),
    "stream_timeout": ("ttft_s", 0.001, 3600),
}
"""Its setting -> ours in `[limits]`, at least, at most."""
OF_KEYS = frozenset({"default_key_generate_params", "upperbound_key_generate_params", "default_internal_user_params"})
"""Settings with the limits of keys that are made without any."""
MOST_IN_FLIGHT = 100_000
DESCRIBED = frozenset({"id", "mode", "base_model", "description", "db_model", "metadata"})
"""Of `model_info`: says nothing that routing or billing needs."""
_ENVIRON = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Something that was not carried over."""

    place: str
    why: str


@dataclass(slots=True, kw_only=True)
class Imported:
    """A document of ours, as TOML would give it."""

    limits: dict[str, Any] = field(default_factory=dict)
    server: dict[str, Any] = field(default_factory=dict)
    providers: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    routes: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)

    def leave(self, place: str, why: str) -> None:
        """Names what was not carried over."""
        self.left.append(Left(place=place, why=why))

    def tables(self) -> dict[str, dict[str, Any]]:
        """Returns the tables that hold anything."""
        named = ("server", "limits", "providers", "models", "routes")
        return {name: table for name in named if (table := getattr(self, name))}


def from_litellm(document: Mapping[str, Any]) -> Imported:
    """Returns what a `config.yaml`, as YAML gives it, says in our words."""
    found = Imported()
    groups: dict[str, list[_Deployment]] = defaultdict(list)
    for i, deployment in enumerate(document.get("model_list") or []):
        place = f"model_list[{i}]"
        if (model := _model(found, place, deployment)) is not None:
            params = deployment.get("litellm_params") or {}
            limits = {name: params[name] for name in (*BUDGET, *RATES) if params.get(name) is not None}
            embeds = (deployment.get("model_info") or {}).get("mode") == "embedding" or "embedding" in model
            order = params.get("order") or 0
            added = _Deployment(order=order, model=model, place=place, limits=limits, embeds=embeds)
            groups[str(deployment.get("model_name", model))].append(added)
    embedding = {name for name, group in groups.items() if any(deployment.embeds for deployment in group)}
    members = {name: [d.model for d in sorted(group, key=lambda d: d.order)] for name, group in groups.items()}
    router, library = document.get("router_settings") or {}, document.get("litellm_settings") or {}
    _routes(found, members, embedding, router, library)
    for name, group in groups.items():
        _limits(found, name, group, alone=len(group) == 1 and name not in _aliases(router).values())
    _cache(found, library)
    for table, settings in (("litellm_settings", library), ("router_settings", router)):
        _settings(found, table, settings)
    _general(found, document.get("general_settings") or {})
    for name in document.keys() - {"model_list", "router_settings", "litellm_settings", "general_settings"}:
        why = "set these variables yourself" if name == "environment_variables" else "has no counterpart"
        found.leave(name, why)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deployment:
    """What a group needs to know of one of its deployments."""

    order: float
    model: str
    place: str
    limits: Mapping[str, Any]
    """Its budget and its rates."""
    embeds: bool
    """It makes vectors, so nobody else can stand in for it."""


# Deployments ---------------------------------------------------------------------------------------------------------


def _model(found: Imported, place: str, deployment: Mapping[str, Any]) -> str | None:
    """Adds the model of a deployment and its provider; returns its name, `None` where it cannot be carried over."""
    params: dict[str, Any] = dict(deployment.get("litellm_params") or {})
    prefix, model = _split(str(params.pop("model", "")))
    if "*" in model or not model:
        found.leave(place, "a name with `*` stands for no model; list those that you use")
        return None
    table = _provider_table(found, place, prefix, params)
    if table is None:
        return None
    name = f"{_provider(found, KNOWN.get(prefix, prefix), table)}/{model}"
    info: dict[str, Any] = dict(deployment.get("model_info") or {})
    settings = {key: params.pop(key) for key in SETTINGS if _is_plain(params.get(key))}
    for key in settings:
        found.leave(f"{place}.{key}", "is sent with every call, also where the caller asks for something else")
    prices = {ours: _per_million(params.pop(key, info.pop(key, None))) for key, ours in PRICES.items()}
    price = {ours: usd for ours, usd in prices.items() if usd is not None}
    capabilities = {ours: info.pop(key) for key, ours in CAPABILITIES.items() if info.get(key) is not None}
    if len({"input_usd_per_mtok", "output_usd_per_mtok"} & price.keys()) < 2:
        price = {}
    entry = {"settings": settings, "price": price, "capabilities": capabilities}
    entry = {key: value for key, value in entry.items() if value}
    if found.models.setdefault(name, entry) != entry:
        found.leave(place, f"`{name}` is there already with other settings; one name is one model here")
    for key in (
        *(params.keys() - {"order", *BUDGET, *RATES}),
        *(f"model_info.{key}" for key in info.keys() - DESCRIBED),
    ):
        found.leave(f"{place}.{key}", _WHY.get(key.rpartition(".")[2], "has no counterpart"))
    return name


def _split(model: str) -> tuple[str, str]:
    prefix, slash, name = model.partition("/")
    known = prefix in KNOWN or prefix in COMPATIBLE or prefix == "azure"
    if slash and (known or prefix in _FOREIGN):
        return prefix, name
    return ("anthropic" if model.startswith("claude") else "openai"), model


def _provider_table(found: Imported, place: str, prefix: str, params: dict[str, Any]) -> dict[str, Any] | None:
    base_url, key = params.pop("api_base", None) or params.pop("base_url", None), params.pop("api_key", None)
    if prefix in _FOREIGN:
        found.leave(
            place, f"`{prefix}` is a dialect that is not spoken here; use an address of it that speaks OpenAI's"
        )
        return None
    table: dict[str, Any] = {}
    if prefix not in KNOWN:
        if base_url is None:
            found.leave(place, f"`{prefix}` needs an address, and `api_base` gives none")
            return None
        table["dialect"] = "openai"
    if prefix in FLAVOURS:
        table["flavour"] = FLAVOURS[prefix]
    if base_url is not None:
        table["base_url"] = _address(found, place, prefix, base_url)
    if (version := params.pop("api_version", None)) is not None:
        table["api_version"] = _environment(version) or str(version)
    return table | _key(found, place, prefix, key)


def _address(found: Imported, place: str, prefix: str, base_url: object) -> str:
    """Returns an address as we want it: with what LiteLLM puts behind it."""
    beneath = BENEATH.get(prefix, "")
    if (reference := _environment(base_url)) is not None:
        if beneath:
            found.leave(f"{place}.api_base", f"it is in a variable: let what is in {reference} end in `{beneath}`")
        return reference
    whole = str(base_url).rstrip("/")
    return whole if f"{beneath}/" in f"{whole}/" else whole + beneath


def _key(found: Imported, place: str, prefix: str, key: object) -> dict[str, str]:
    if key is None:
        return {}
    if (reference := _ENVIRON.fullmatch(str(key))) is not None and reference[1].isupper():
        return {"api_key": f"${{{reference[1]}}}"}
    own = KNOWN_PROVIDERS.get(KNOWN.get(prefix, prefix))
    variable = own.api_key_env if own else f"{prefix.upper()}_API_KEY"
    why = "its variable is not in capitals" if reference else "a key stands in the file, and is not copied"
    found.leave(f"{place}.api_key", f"{why}: put it into `{variable}`")
    return {"api_key": f"${{{variable}}}"}


def _provider(found: Imported, name: str, table: dict[str, Any]) -> str:
    """Returns the name of the provider with this table: there already, or added under the next free name."""
    number, free, wanted = 1, name, table
    while found.providers.setdefault(free, wanted) != wanted:
        number += 1
        free, wanted = f"{name}-{number}", _whole(name, table)
    return free


def _whole(name: str, table: dict[str, Any]) -> dict[str, Any]:
    """Returns the table with what a known provider brings under its own name, and not under another."""
    if name not in KNOWN_PROVIDERS:
        return table
    known = KNOWN_PROVIDERS[name].table()
    return {key: value for key, value in known.items() if key != "api_key_env" or "api_key" not in table} | table


def _per_million(usd_per_token: object) -> str | None:
    if not isinstance(usd_per_token, int | float | str) or isinstance(usd_per_token, bool):
        return None
    return f"{(Decimal(str(usd_per_token)) * _MILLION).normalize():f}"


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool) and not (isinstance(value, str) and "os.environ/" in value)


def _environment(value: object) -> str | None:
    found = _ENVIRON.fullmatch(str(value))
    return f"${{{found[1]}}}" if found else None


# Groups and settings -------------------------------------------------------------------------------------------------


def _routes(
    found: Imported,
    members: Mapping[str, list[str]],
    embedding: Collection[str],
    router: Mapping[str, Any],
    library: Mapping[str, Any],
) -> None:
    behind: dict[str, list[str]] = defaultdict(list)
    for table, settings in (("router_settings", router), ("litellm_settings", library)):
        for kind in ("fallbacks", "context_window_fallbacks"):
            for group, targets in _pairs(settings.get(kind)):
                behind[group] += _targets(found, f"{table}.{kind}", targets, members)
        for group in members.keys() - embedding:
            targets = [each for each in settings.get("default_fallbacks") or [] if each != group]
            behind[group] += _targets(found, f"{table}.default_fallbacks", targets, members)
    for name, group in {**{name: name for name in members}, **_aliases(router)}.items():
        if not _NAME.fullmatch(name):
            found.leave(
                f"model_name `{name}`", "a route's name has letters, digits, `.`, `_` and `-`; ask for its models"
            )
        elif group in members:
            candidates = list(dict.fromkeys([*members[group], *behind[group]]))
            found.routes[name] = {"candidates": candidates, "objective": "order"}
        else:
            found.leave(f"router_settings.model_group_alias.{name}", f"there is no `{group}`")


def _limits(found: Imported, name: str, group: list[_Deployment], *, alone: bool) -> None:
    """Adds the budget of a deployment to its route, and names the command that makes a key with its rates."""
    for deployment in group:
        limits, place = deployment.limits, deployment.place
        route = name if name in found.routes else None
        for rate in RATES.keys() & limits.keys():
            command = key_command({rate: limits[rate]}, route)
            found.leave(f"{place}.{rate}", f"limits of a deployment are not kept; a key has them: `{command}`")
        if "max_budget" not in limits:
            continue
        made = budget(limits)
        if made is None:
            found.leave(f"{place}.max_budget", "a budget is of USD by the `hour`, `day`, `week`, `month` or in `total`")
        elif not alone or route is None:
            why = "a budget is of a route, and this route is not this deployment alone"
            found.leave(f"{place}.max_budget", f"{why}; a key has one: `{key_command(limits, route)}`")
        else:
            found.routes[name]["budget"] = made


def _cache(found: Imported, library: Mapping[str, Any]) -> None:
    made, differences = cache(library)
    for place, why in differences:
        found.leave(f"litellm_settings.{place}", why)
    for route in found.routes.values() if made is not None else ():
        route["cache"] = made


def _aliases(router: Mapping[str, Any]) -> dict[str, Any]:
    aliases = (router.get("model_group_alias") or {}).items()
    return {alias: group["model"] if isinstance(group, dict) else group for alias, group in aliases}


def _pairs(fallbacks: object) -> Iterator[tuple[str, list[str]]]:
    for each in fallbacks if isinstance(fallbacks, list) else []:
        yield from each.items()


def _targets(found: Imported, place: str, targets: list[str], members: Mapping[str, list[str]]) -> list[str]:
    for target in targets:
        if target not in members:
            found.leave(place, f"there is no `{target}`")
    return [model for target in targets for model in members.get(target, [])]


def _settings(found: Imported, table: str, settings: Mapping[str, Any]) -> None:
    handled = {
        "fallbacks",
        "context_window_fallbacks",
        "default_fallbacks",
        "model_group_alias",
        "cache",
        "cache_params",
    }
    for name, value in settings.items():
        if name in LIMITS and isinstance(value, int | float) and not isinstance(value, bool):
            ours, least, most = LIMITS[name]
            found.limits[ours] = min(max(value, least), most)
        elif name in OF_KEYS and isinstance(value, dict):
            found.leave(f"{table}.{name}", f"keys are made by command: `{key_command(value)}`")
        elif name not in handled:
            found.leave(f"{table}.{name}", _WHY.get(name, "has no counterpart"))


def _general(found: Imported, settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        reference = _ENVIRON.fullmatch(str(value)) if name == "master_key" else None
        if reference is not None and reference[1].isupper():
            found.server["admin_key_env"] = reference[1]
        elif name == "global_max_parallel_requests" and isinstance(value, int) and value > 0:
            found.server["max_in_flight"] = min(value, MOST_IN_FLIGHT)
        elif name == "max_parallel_requests":
            found.leave(f"general_settings.{name}", f"keys are made by command: `{key_command({name: value})}`")
        else:
            found.leave(f"general_settings.{name}", _WHY.get(name, "has no counterpart"))


_FOREIGN = frozenset(
    {"bedrock", "vertex_ai", "vertex_ai_beta", "sagemaker", "sagemaker_chat", "watsonx", "replicate", "huggingface"}
    | {"cohere", "cohere_chat", "databricks", "petals", "triton", "palm", "nlp_cloud", "aleph_alpha", "predibase"}
)
"""Prefixes of hosts whose dialect we do not speak."""
_WHY = {
    "weight": "a group is taken in order, not by weight",
    "routing_strategy": "a group is taken in order; `objective` of a route chooses by cost, quality or latency",
    "cooldown_time": "a breaker leaves a host alone for 5 s, then for longer while it fails",
    "drop_params": "what a host cannot be told excludes it, or is dropped and named where it is a mere hint",
    "content_policy_fallbacks": "what one provider refuses for its content goes to nobody else",
    "max_budget": "money is limited by route (`budget`) and by key (`--budget`), not for the whole gateway",
    "budget_duration": "money is limited by route (`budget`) and by key (`--budget`), not for the whole gateway",
    "provider_budget_config": "money is limited by route (`budget`) and by key (`--budget`), not by provider",
    "max_internal_user_budget": "people have keys, and keys budgets: `fairlead keys create NAME --budget 10/month`",
    "internal_user_budget_duration": "see `max_internal_user_budget`",
    "max_end_user_budget": "those who use an application have no budget of their own; its key has",
    "master_key": "a key stands in the file, and is not copied: name a variable by `server.admin_key_env`",
    "database_url": "keys and rows are not taken over; `[ledger] url` names a database of ours",
    "success_callback": "see `/metrics`, `[observability]` and the ledger",
    "failure_callback": "see `/metrics`, `[observability]` and the ledger",
    "callbacks": "see `/metrics`, `[observability]` and the ledger",
    "redis_host": "one database is all that several gateways share",
    "redis_port": "one database is all that several gateways share",
    "redis_password": "one database is all that several gateways share",
}
