"""What hosts of OpenAI's dialect do differently: their addresses, headers, names of fields, and what they refuse."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from fairlead.catalog import build
from fairlead.config import load
from fairlead.config.flavours import FLAVOURS, FlavourName
from fairlead.config.known import KNOWN_PROVIDERS
from fairlead.eligibility import exclusions
from fairlead.gateway.hosts import hosted
from fairlead.types import Context, Request
from fairlead.wire import openai_chat, openai_responses

ASK = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}


def configured(tmp_path, name, settings=""):
    path = tmp_path / "fairlead.toml"
    key = 'api_key_env = "KEY"\n' if name not in KNOWN_PROVIDERS else ""
    address = "" if name in KNOWN_PROVIDERS else 'base_url = "https://host.example/v1"\n'
    path.write_text(f'[providers.{name}]\n{address}{key}{settings}[models."{name}/m"]\n')
    variable = KNOWN_PROVIDERS[name].api_key_env if name in KNOWN_PROVIDERS else "KEY"
    config = load(path, {variable: "k"})
    return config.providers[name], build(config)[0]


def speaker(tmp_path, name, dialect="openai", settings=""):
    table, candidate = configured(tmp_path, name, settings)
    return hosted(table, None, "k").speakers[dialect], candidate


def chat(**fields):
    return openai_chat.decode(json.dumps(ASK | fields).encode())


def sent(tmp_path, name, request, *, stream=False):
    provider, candidate = speaker(tmp_path, name)
    return json.loads(provider.encode(request, candidate, stream=stream))


def test_mistral_gets_its_own_names_and_is_not_asked_for_usage(tmp_path):
    request = chat(max_completion_tokens=9, seed=3, user="u", stream=True, stream_options={"include_usage": True})
    body = sent(tmp_path, "mistral", request, stream=True)
    assert body == {"model": "m", "messages": ASK["messages"], "stream": True, "max_tokens": 9, "random_seed": 3}


def test_a_translated_request_suits_the_host_too(tmp_path):
    request = Request(messages=Request.from_prompt("Hi").messages, max_output_tokens=9, seed=3, dialect="anthropic")
    body = sent(tmp_path, "mistral", request)
    assert (body["max_tokens"], body["random_seed"]) == (9, 3)
    assert "max_completion_tokens" not in body


def test_an_unknown_host_gets_what_openai_gets(tmp_path):
    body = sent(tmp_path, "local", chat(max_completion_tokens=9, seed=3, user="u", n=2), stream=True)
    assert (body["max_completion_tokens"], body["seed"], body["user"], body["n"]) == (9, 3, "u", 2)
    assert body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("groq", {"n": 2}, "untranslatable"),
        ("groq", {"logprobs": True}, "untranslatable"),
        ("groq", {"n": 1}, None),
        ("deepseek", {"seed": 3}, "untranslatable"),
        ("mistral", {"seed": 3}, None),
        ("mistral", {"user": "u"}, None),
        ("local", {"n": 2, "logprobs": True, "seed": 3}, None),
    ],
)
def test_a_host_that_refuses_what_changes_the_meaning_is_not_eligible(tmp_path, name, fields, reason):
    _, candidate = configured(tmp_path, name)
    assert exclusions(chat(**fields), [candidate], Context()).get(candidate.name) == reason


@pytest.mark.parametrize(
    ("name", "dialects"),
    [
        ("openai", ("openai", "responses", "embeddings")),
        ("groq", ("openai", "responses")),
        ("mistral", ("openai", "embeddings")),
        ("anthropic", ("anthropic",)),
        ("gemini", ("gemini",)),
        ("local", ("openai", "embeddings")),
    ],
)
def test_a_candidate_knows_what_its_host_speaks(tmp_path, name, dialects):
    assert configured(tmp_path, name)[1].dialects == dialects


def test_what_a_host_speaks_can_be_configured(tmp_path):
    assert "responses" in configured(tmp_path, "local", "responses = true\n")[1].dialects
    assert "responses" not in configured(tmp_path, "openai", "responses = false\n")[1].dialects
    assert configured(tmp_path, "local", 'flavour = "groq"\n')[1].refused == FLAVOURS["groq"].refused
    assert configured(tmp_path, "local", 'dialect = "responses"\n')[1].dialects == ("responses",)


@pytest.mark.parametrize(
    ("version", "dialect", "address"),
    [
        ("", "openai", "https://host.example/v1/chat/completions"),
        ("", "responses", "https://host.example/v1/responses"),
        ('api_version = "2024-10-21"\n', "openai", "deployments/m/chat/completions?api-version=2024-10-21"),
        ('api_version = "2024-10-21"\n', "embeddings", "deployments/m/embeddings?api-version=2024-10-21"),
    ],
)
def test_azure_has_a_header_and_addresses_of_its_own(tmp_path, version, dialect, address):
    settings = f'flavour = "azure"\n{version}'
    provider, candidate = speaker(tmp_path, "office", dialect, settings)
    assert provider.url(candidate, stream=False).endswith(address)
    assert provider.headers(chat()) == {"api-key": "k"}


def test_a_callers_headers_go_on_in_its_own_dialect_alone(tmp_path):
    table, candidate = configured(tmp_path, "anthropic")
    provider = hosted(table, None, "k")
    betas = (("anthropic-beta", "context-1m"), ("anthropic-version", "2099-01-01"))
    own = Request(messages=(), dialect="anthropic", headers=betas)
    assert provider.headers(own) == {**dict(betas), "x-api-key": "k"}
    foreign = Request(messages=(), dialect="responses", headers=(("openai-beta", "x"),))
    assert provider.headers(foreign) == {"anthropic-version": "2023-06-01", "x-api-key": "k"}
    assert candidate.refused == ()


def test_the_one_host_takes_each_caller_in_its_own_dialect(tmp_path):
    table, _ = configured(tmp_path, "openai")
    host = hosted(table, None, "k")
    asked = openai_responses.decode(b'{"model": "m", "input": "Hi"}')
    assert type(host._speaker(asked)).__name__ == "Responses"
    assert type(host._speaker(chat())).__name__ == "OpenAI"
    assert type(host._speaker(Request(messages=(), dialect="anthropic"))).__name__ == "OpenAI"


def test_every_flavour_has_its_line():
    assert FLAVOURS.keys() == set(get_args(FlavourName))
