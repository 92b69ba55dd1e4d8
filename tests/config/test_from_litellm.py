"""LiteLLM's configuration in our words: it runs, it says the same, what is lost is named, and no key is copied."""

import re

import pytest
import yaml

from fairlead.config import load
from fairlead.config.from_litellm import from_litellm
from fairlead.config.toml_text import toml_text

CANARY = "sk-canary-4711"
DOCUMENT = """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: azure/gpt-4o-eu, api_base: "https://eu.openai.azure.com", api_version: "2024-10-21",
      api_key: os.environ/AZURE_API_KEY, rpm: 900}
  - model_name: gpt-4o
    litellm_params: {model: gpt-4o, api_key: os.environ/OPENAI_API_KEY, temperature: 0.2, order: 1}
  - model_name: claude
    litellm_params: {model: anthropic/claude-opus-5-5, api_key: "@KEY@"}
  - model_name: mine
    litellm_params: {model: openai/qwen3, api_base: "http://127.0.0.1:8000/v1", api_key: os.environ/LOCAL_KEY,
      input_cost_per_token: 1.0e-07, output_cost_per_token: 0.0000003}
    model_info: {max_input_tokens: 32768, supports_function_calling: true, supports_vision: false, mode: chat,
      team_id: x}
  - model_name: other
    litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/SECOND_OPENAI_KEY}
  - model_name: llama
    litellm_params: {model: ollama/llama3, api_base: os.environ/OLLAMA}
  - model_name: bed
    litellm_params: {model: bedrock/anthropic.claude-3, aws_region_name: eu-west-1}
  - model_name: "openai/*"
    litellm_params: {model: "openai/*"}
router_settings:
  routing_strategy: latency-based-routing
  num_retries: 3
  timeout: 90
  allowed_fails: 7
  fallbacks: [{gpt-4o: [claude, gone]}]
  model_group_alias: {gpt-4: gpt-4o}
litellm_settings:
  request_timeout: 99999
  context_window_fallbacks: [{mine: [gpt-4o]}]
  success_callback: [langfuse]
  drop_params: true
general_settings: {master_key: os.environ/MASTER_KEY, database_url: "postgresql://me:@KEY@@x/y"}
environment_variables: {LANGFUSE_SECRET: "@KEY@"}
""".replace("@KEY@", CANARY)


@pytest.fixture(scope="module")
def found():
    return from_litellm(yaml.safe_load(DOCUMENT))


@pytest.fixture(scope="module")
def text(found):
    return toml_text(found.tables())


@pytest.fixture
def config(text, tmp_path):
    path = tmp_path / "fairlead.toml"
    path.write_text(text)
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "http://127.0.0.1:11434/v1")
    return load(path, environ | {"MASTER_KEY": "m" * 20, "ANTHROPIC_API_KEY": "a"})


def test_the_result_runs(config):
    assert list(config.models) == [
        "azure/gpt-4o-eu",
        "openai/gpt-4o",
        "anthropic/claude-opus-5-5",
        "openai-2/qwen3",
        "openai-3/gpt-4o-mini",
        "ollama/llama3",
    ]
    assert config.admin_key.reveal() == "m" * 20


def test_a_group_is_a_route_in_order_with_its_fallbacks_behind(config):
    routes = {name: list(route.candidates or ()) for name, route in config.routes.items()}
    assert routes["gpt-4o"] == ["azure/gpt-4o-eu", "openai/gpt-4o", "anthropic/claude-opus-5-5"]
    assert routes["gpt-4"] == routes["gpt-4o"]
    assert routes["mine"] == ["openai-2/qwen3", "azure/gpt-4o-eu", "openai/gpt-4o"]
    assert {route.objective for name, route in config.routes.items() if name != "auto"} == {"order"}


def test_providers_keep_their_addresses_flavours_and_variables(config):
    providers = config.providers
    assert (providers["azure"].flavour, providers["azure"].api_version) == ("azure", "2024-10-21")
    assert providers["azure"].base_url == "https://eu.openai.azure.com/openai"
    assert providers["openai"].base_url == "https://api.openai.com/v1"
    assert providers["openai-2"].base_url == "http://127.0.0.1:8000/v1"
    assert providers["openai-3"].base_url == "https://api.openai.com/v1"
    assert repr(providers["openai-3"].api_key) == "'${SECOND_OPENAI_KEY}'"
    assert repr(providers["ollama"].base_url) == "'${OLLAMA}'"
    assert providers["anthropic"].dialect == "anthropic"


@pytest.mark.parametrize(
    ("model", "given", "address"),
    [
        ("ollama_chat/llama3", "http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("ollama/llama3", "http://127.0.0.1:11434/v1/", "http://127.0.0.1:11434/v1"),
        (
            "azure/x",
            "https://x.openai.azure.com/openai/deployments/y",
            "https://x.openai.azure.com/openai/deployments/y",
        ),
        ("anthropic/claude-opus-5-5", "https://proxy.example", "https://proxy.example/v1"),
        ("hosted_vllm/qwen", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
    ],
)
def test_an_address_gets_what_litellm_puts_behind_it(model, given, address):
    deployment = {"model_name": "m", "litellm_params": {"model": model, "api_base": given}}
    (provider,) = from_litellm({"model_list": [deployment]}).providers.values()
    assert provider["base_url"] == address


def test_nobody_stands_in_for_a_model_of_vectors():
    models = [
        {"model_name": "e", "litellm_params": {"model": "text-embedding-3-small"}},
        {"model_name": "f", "litellm_params": {"model": "mistral/x"}, "model_info": {"mode": "embedding"}},
        {"model_name": "c", "litellm_params": {"model": "gpt-4o"}},
        {"model_name": "d", "litellm_params": {"model": "gpt-4o-mini"}},
    ]
    routes = from_litellm({"model_list": models, "litellm_settings": {"default_fallbacks": ["c"]}}).routes
    assert {name: len(route["candidates"]) for name, route in routes.items()} == {"e": 1, "f": 1, "c": 1, "d": 2}


def test_prices_capabilities_settings_and_limits_are_carried_over(config):
    mine = config.models["openai-2/qwen3"]
    assert (str(mine.price.input_usd_per_mtok), str(mine.price.output_usd_per_mtok)) == ("0.1", "0.3")
    assert (mine.capabilities.context_tokens, mine.capabilities.tools, mine.capabilities.vision) == (
        32_768,
        True,
        False,
    )
    assert config.models["openai/gpt-4o"].settings == {"temperature": 0.2}
    limits = config.limits
    assert (limits.retries, limits.total_s, limits.breaker_failures) == (3, 90, 7)


def test_what_is_not_carried_over_is_named(found):
    left = {each.place: each.why for each in found.left}
    for place in (
        "model_list[0].rpm",
        "model_list[1].temperature",
        "model_list[2].api_key",
        "model_list[5].api_base",
        "model_list[3].model_info.team_id",
        "model_list[6]",
        "model_list[7]",
        "router_settings.routing_strategy",
        "router_settings.fallbacks",
        "litellm_settings.success_callback",
        "litellm_settings.drop_params",
        "general_settings.database_url",
        "environment_variables",
    ):
        assert place in left
    assert "ANTHROPIC_API_KEY" in left["model_list[2].api_key"]
    assert "model_list[1].order" not in left


LIMITED = """
model_list:
  - model_name: day
    litellm_params: {model: gpt-4o, max_budget: 12.5, budget_duration: 1d, rpm: 60, tpm: 9000, max_parallel_requests: 4}
  - model_name: odd
    litellm_params: {model: gpt-4o-mini, max_budget: 5, budget_duration: 10d}
  - model_name: two
    litellm_params: {model: gpt-5, max_budget: 5}
  - model_name: two
    litellm_params: {model: gpt-5-mini}
  - model_name: named
    litellm_params: {model: gpt-5-nano, max_budget: 1, budget_duration: 30d}
router_settings:
  model_group_alias: {other: named}
  provider_budget_config: {openai: {budget_limit: 1, time_period: 1d}}
litellm_settings:
  max_budget: 100
  budget_duration: 30d
  default_key_generate_params: {max_budget: 1.5, budget_duration: 7d, rpm_limit: 3, duration: 30d, models: [day]}
  cache: true
  cache_params: {type: redis, host: os.environ/REDIS_HOST, ttl: 600}
general_settings: {max_parallel_requests: 2, global_max_parallel_requests: 50}
"""


@pytest.fixture(scope="module")
def limited():
    return from_litellm(yaml.safe_load(LIMITED))


def test_the_budget_of_a_lone_deployment_is_that_of_its_route(limited, tmp_path):
    (tmp_path / "fairlead.toml").write_text(toml_text(limited.tables()))
    config = load(tmp_path / "fairlead.toml", {"OPENAI_API_KEY": "x"})
    budgets = {name: route.budget for name, route in config.routes.items() if route.budget is not None}
    assert {name: (str(kept.usd), kept.per) for name, kept in budgets.items()} == {"day": ("12.5", "day")}
    assert {route.cache.ttl_s for route in config.routes.values() if route.cache is not None} == {600}
    assert config.server.max_in_flight == 50


def test_the_limits_that_only_a_key_has_are_told_as_the_command_that_makes_it(limited):
    left = {each.place: each.why for each in limited.left}
    make = "fairlead keys create NAME"
    for place, command in {
        "model_list[0].rpm": f"{make} --route day --requests-per-minute 60",
        "model_list[0].tpm": f"{make} --route day --tokens-per-minute 9000",
        "model_list[0].max_parallel_requests": f"{make} --route day --parallel 4",
        "model_list[2].max_budget": f"{make} --route two --budget 5/total",
        "model_list[4].max_budget": f"{make} --route named --budget 1/month",
        "litellm_settings.default_key_generate_params": f"{make} --budget 1.5/week "
        "--requests-per-minute 3 --expires 30d",
        "general_settings.max_parallel_requests": f"{make} --parallel 2",
    }.items():
        assert f"`{command}`" in left.pop(place), place
    assert set(left) == {
        "model_list[1].max_budget",
        "router_settings.provider_budget_config",
        "litellm_settings.max_budget",
        "litellm_settings.budget_duration",
        "litellm_settings.cache_params.host",
    }


@pytest.mark.parametrize(
    ("params", "ttl_s", "left"),
    [
        (None, 3600, {"cache_params.ttl"}),
        ({"type": "local", "ttl": 99_999_999}, 604_800, set()),
        ({"type": "redis-semantic", "ttl": 5}, None, {"cache"}),
        ({"mode": "default_off", "ttl": 5}, None, {"cache"}),
        ({"supported_call_types": ["embedding"], "ttl": 5}, None, {"cache"}),
    ],
)
def test_a_cache_is_carried_over_where_ours_does_the_same(params, ttl_s, left):
    models = [{"model_name": "a", "litellm_params": {"model": "gpt-4o"}}]
    found = from_litellm({"model_list": models, "litellm_settings": {"cache": True, "cache_params": params}})
    assert {each.place.removeprefix("litellm_settings.") for each in found.left} == left
    assert (found.routes["a"].get("cache") or {}).get("ttl_s") == ttl_s


def test_a_cache_that_is_off_stays_off():
    models = [{"model_name": "a", "litellm_params": {"model": "gpt-4o"}}]
    found = from_litellm({"model_list": models, "litellm_settings": {"cache": False, "cache_params": {"ttl": 5}}})
    assert "cache" not in found.routes["a"]


def test_no_key_is_copied_or_shown(found, text):
    assert CANARY not in text
    assert CANARY not in repr(found.left)


def test_an_empty_file_carries_nothing():
    assert from_litellm({"model_list": None, "router_settings": None}).tables() == {}
