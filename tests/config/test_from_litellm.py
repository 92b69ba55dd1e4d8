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
    assert providers["openai"].base_url == "https://api.openai.com/v1"
    assert providers["openai-2"].base_url == "http://127.0.0.1:8000/v1"
    assert providers["openai-3"].base_url == "https://api.openai.com/v1"
    assert repr(providers["openai-3"].api_key) == "'${SECOND_OPENAI_KEY}'"
    assert repr(providers["ollama"].base_url) == "'${OLLAMA}'"
    assert providers["anthropic"].dialect == "anthropic"


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
        "model_list[2].api_key",
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


def test_no_key_is_copied_or_shown(found, text):
    assert CANARY not in text
    assert CANARY not in repr(found.left)


def test_an_empty_file_carries_nothing():
    assert from_litellm({"model_list": None, "router_settings": None}).tables() == {}
