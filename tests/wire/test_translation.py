"""What gets lost between dialects: a change of meaning is never among it unnoticed."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from fairlead.errors import WireError
from fairlead.types import Dialect, Request
from fairlead.wire import anthropic_messages, openai_chat, translation
from fairlead.wire.translation import MAX_NAME_CHARS, MAX_NAMES, lost

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def chat(**fields) -> Request:
    return openai_chat.decode(json.dumps(ASK | fields).encode())


def message(**fields) -> Request:
    return anthropic_messages.decode(json.dumps(ASK | {"max_tokens": 9} | fields).encode())


@pytest.mark.parametrize(
    ("field", "hosts"),
    [
        ({"n": 2}, {"openai"}),
        ({"logprobs": True}, {"openai"}),
        ({"stop": ["END"]}, {"openai", "anthropic", "gemini"}),
        ({"seed": 0}, {"openai", "gemini"}),
        ({"logit_bias": {"50256": -100}}, {"openai"}),
        ({"response_format": {"type": "json_object"}}, {"openai", "gemini", "responses"}),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, set(translation.SAYS)),
    ],
)
def test_a_field_that_changes_the_meaning_needs_a_host_that_can_be_told(field, hosts):
    (name,) = field
    request = chat(**field)
    assert {host for host in translation.SAYS if not lost(request, (host,)).meaning} == hosts
    for host in translation.SAYS.keys() - hosts:
        assert lost(request, (host,)).meaning == (name,)
        with pytest.raises(WireError, match=f"`{name}`"):
            translation.check(request, host)


@pytest.mark.parametrize(
    "field",
    [
        {"n": 1},
        {"logprobs": False},
        {"stop": None},
        {"seed": None},
        {"parallel_tool_calls": True},
        {"response_format": {"type": "text"}},
        {"presence_penalty": 0},
        {"modalities": ["text"]},
        {"temperature": 0.0, "tools": []},
    ],
)
def test_a_field_that_says_nothing_is_not_lost(field):
    for host in translation.SAYS:
        assert lost(chat(**field), (host,)) == translation.Lost()


def test_a_hint_is_dropped_and_named():
    request = chat(service_tier="flex", odd={"a": 1}, user="u", verbosity="low")
    assert lost(request, ("gemini",)).hints == ("service_tier", "odd", "user", "verbosity")
    assert lost(request, ("anthropic",)).hints == ("service_tier", "odd", "verbosity")
    assert lost(chat(parallel_tool_calls=False), ("gemini",)).hints == ("parallel_tool_calls",)


def test_nothing_is_lost_in_ones_own_dialect():
    assert lost(chat(n=3, odd=1), ("anthropic", "openai")) == translation.Lost()
    assert lost(message(top_k=3, mcp_servers=[{}]), ("anthropic",)) == translation.Lost()


def test_anthropics_fields_and_inner_parts_are_told_apart():
    tool = {"type": "web_search_20250305", "name": "web_search"}
    cached = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    found = lost(message(top_k=3, system=cached, tools=[tool], mcp_servers=[{"url": "x"}]), ("openai",))
    assert found.meaning == ("tool web_search_20250305", "mcp_servers")
    assert found.hints == ("cache_control", "top_k")


def test_names_that_callers_make_up_are_bounded():
    found = lost(chat(**{f"{i}" + "x" * 99: 1 for i in range(99)}), ("gemini",))
    assert len(found.hints) == MAX_NAMES
    assert max(map(len, found.hints)) == MAX_NAME_CHARS


@pytest.mark.parametrize("fields", [{"n": 2}, {"logprobs": True}, {"stop": ("x",)}, {"seed": 3}, {"json_object": True}])
def test_a_request_that_was_not_decoded_is_judged_by_its_own_fields(fields):
    request = Request(messages=Request.from_prompt("Hi").messages, **fields)
    assert not lost(request, ("openai",)).meaning
    assert [host for host in translation.SAYS if lost(request, (host,)).meaning]


def test_every_dialect_of_a_host_is_known():
    assert translation.SAYS.keys() == set(get_args(Dialect)) - {"embeddings"}
