"""What gets lost between dialects: a change of meaning is never among it unnoticed."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from fairlead.errors import WireError
from fairlead.types import Dialect, Request
from fairlead.wire import anthropic_messages, openai_chat, openai_responses, translation
from fairlead.wire.translation import MAX_NAME_CHARS, MAX_NAMES, Lost, lost

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
        ({"web_search_options": {}}, {"openai"}),
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


def responses(**fields) -> Request:
    return openai_responses.decode(json.dumps({"model": "auto", "input": "Hi"} | fields).encode())


def said(*parts):
    return {"messages": [{"role": "user", "content": list(parts)}]}


RESULT = [
    {"role": "user", "content": "Look."},
    {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "look"}}]},
    {
        "role": "tool",
        "tool_call_id": "c",
        "content": [{"type": "image_url", "image_url": {"url": "https://x.org/a.png"}}],
    },
]


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (chat(**said({"type": "video_url", "video_url": {"url": "https://x.org/a.mp4"}})), "video_url"),
        (chat(**said({"type": "file", "file": {"file_id": "file-1"}})), "file by id"),
        (chat(messages=RESULT), "image of a tool"),
        (chat(tools=[{"type": "browser_search"}]), "tool browser_search"),
        (chat(tools=[{"type": "custom", "custom": {"name": "free"}}]), "tool custom"),
        (chat(tool_choice={"type": "allowed_tools", "allowed_tools": {}}), "tool_choice allowed_tools"),
        (chat(response_format={"type": "regex", "pattern": "a+"}), "response_format regex"),
        (
            message(**said({"type": "search_result", "source": "https://x.org", "title": "x", "content": []})),
            "search_result",
        ),
        (message(tools=[{"type": "mcp_toolset", "mcp_server_name": "x"}]), "tool mcp_toolset"),
        (
            responses(input=[{"type": "shell_call_output", "call_id": "c", "output": [{"stdout": ""}]}]),
            "shell_call_output",
        ),
    ],
)
def test_what_one_dialect_alone_knows_goes_through_there_and_excludes_the_others(request_, name):
    assert lost(request_, (request_.dialect,)) == Lost()
    for host in translation.SAYS.keys() - {request_.dialect}:
        assert lost(request_, (host,)).meaning == (name,)


@pytest.mark.parametrize(
    ("request_", "host", "names"),
    [
        (chat(tools=[{"type": "function", "function": {"name": "f", "strict": True}}]), "anthropic", ("tools.strict",)),
        (responses(tools=[{"type": "function", "name": "f", "strict": True}]), "openai", ("tools.strict",)),
        (message(tools=[{"name": "f", "input_schema": {}, "strict": True}]), "openai", ("tools.strict",)),
        (chat(temperature=1.7), "anthropic", ("temperature",)),
        (chat(temperature=1.7), "gemini", ()),
        (chat(temperature=1), "anthropic", ()),
    ],
)
def test_what_is_lowered_or_promised_less_is_named(request_, host, names):
    assert lost(request_, (host,)) == Lost(hints=names)


@pytest.mark.parametrize("fields", [{"n": 2}, {"logprobs": True}, {"stop": ("x",)}, {"seed": 3}, {"json_object": True}])
def test_a_request_that_was_not_decoded_is_judged_by_its_own_fields(fields):
    request = Request(messages=Request.from_prompt("Hi").messages, **fields)
    assert not lost(request, ("openai",)).meaning
    assert [host for host in translation.SAYS if lost(request, (host,)).meaning]


def test_every_dialect_of_a_host_is_known():
    assert translation.SAYS.keys() == set(get_args(Dialect)) - {"embeddings"}
