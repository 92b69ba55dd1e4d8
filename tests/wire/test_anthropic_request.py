"""Bodies of `/v1/messages`: what is read, what is left to the body, and how faults are worded."""

from __future__ import annotations

import json

import pytest
from anthropic.types import MessageCreateParams
from pydantic import TypeAdapter

from fairlead.errors import RequestError
from fairlead.types import Media, Message, Text, Tool, ToolCall, ToolResult
from fairlead.wire import anthropic_messages

ASK = {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}
CACHED = {"cache_control": {"type": "ephemeral"}}


def decoded(**fields):
    TypeAdapter(MessageCreateParams).validate_python(ASK | fields)
    return anthropic_messages.decode(json.dumps(ASK | fields).encode())


def said(*turns):
    return decoded(messages=[{"role": role, "content": content} for role, content in turns]).messages


def test_a_whole_request_is_read():
    body = {
        "system": [{"type": "text", "text": "Be brief."} | CACHED],
        "stream": True,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "tools": [{"name": "look", "description": "looks", "input_schema": {"type": "object"}} | CACHED],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "metadata": {"user_id": "u"},
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    }
    request = decoded(**body)
    assert request.messages == (
        Message(role="system", parts=(Text(text="Be brief."),)),
        Message(role="user", parts=(Text(text="Hi"),)),
    )
    assert request.tools == (Tool(name="look", description="looks", parameters='{"type": "object"}'),)
    assert (request.tool_choice, request.parallel_tool_calls) == ("required", False)
    assert (request.model, request.stream, request.include_usage) == ("auto", True, True)
    assert (request.max_output_tokens, request.temperature, request.top_p, request.stop) == (9, 0.5, 0.9, ("END",))
    assert (request.user, request.json_schema) == ("u", '{"type": "object"}')
    assert (request.dialect, request.hints, request.native) == ("anthropic", ("cache_control",), ())


def test_the_results_of_tools_stand_before_what_else_the_turn_says():
    result = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "a ship"}, PNG]}
    failed = {"type": "tool_result", "tool_use_id": "c2", "content": "no light", "is_error": True}
    call = {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1.10}}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    messages = said(
        ("user", "Look"),
        ("assistant", [thought, {"type": "text", "text": "So."}, call]),
        ("user", [result, failed, {"type": "text", "text": "And?"}]),
    )
    assert messages[1:] == (
        Message(role="assistant", parts=(Text(text="So."), ToolCall(id="c1", name="look", arguments='{"a": 1.1}'))),
        Message(
            role="tool",
            parts=(
                ToolResult(call_id="c1", content="a ship"),
                ToolResult(call_id="c2", content="no light", is_error=True),
            ),
        ),
        Message(role="user", parts=(Media(kind="image", data="iVBO", media_type="image/png"), Text(text="And?"))),
    )


def test_documents_and_addresses_are_media():
    pdf = {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}}
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Words."}}
    (turn,) = said(("user", [pdf, plain]))
    assert turn.parts == (Media(kind="file", url="https://example.org/a.pdf"), Text(text="Words."))


def test_what_only_this_dialect_has_is_noted_and_not_read():
    tool = {"type": "web_search_20250305", "name": "web_search"}
    kept = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
    body = ASK | {"tools": [tool], "messages": [{"role": "user", "content": [kept, {"type": "from_the_future"}]}]}
    request = anthropic_messages.decode(json.dumps(body).encode())
    assert request.native == ("source file", "from_the_future", "tool web_search_20250305")
    assert request.tools == ()


def test_a_count_needs_no_limit():
    body = json.dumps({"model": "m", "messages": ASK["messages"]}).encode()
    assert anthropic_messages.decode_prompt(body).max_output_tokens is None


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages.0.content.0.source"),
        ({"temperature": 1.5}, "temperature"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        (
            {"metadata": {"user_id": "x" * 600}},
            "metadata....",
        ),
    ],
)
def test_a_fault_names_its_place_in_anthropics_spelling(change, param):
    with pytest.raises(RequestError) as caught:
        anthropic_messages.decode(json.dumps(ASK | change).encode())
    assert (caught.value.status_code, caught.value.param) == (400, param)
    assert str(caught.value).startswith(f"{param}: ")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"{" * 100_000])
def test_what_is_no_json_object_is_refused(body):
    with pytest.raises(RequestError):
        anthropic_messages.decode(body)
