"""Bodies of `POST /v1/chat/completions`: what is understood, and how the rest is refused."""

from __future__ import annotations

import json

import pytest

from fairlead.errors import RequestError
from fairlead.types import Media, Message, Text, Tool, ToolCall, ToolResult
from fairlead.wire import openai_chat

HELLO = {"role": "user", "content": "Hello"}


def body(**fields):
    return json.dumps({"model": "auto", "messages": [HELLO], **fields}).encode()


def test_a_whole_conversation_is_read():
    request = openai_chat.decode(
        body(
            messages=[
                {"role": "developer", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGODlh", "detail": "low"}},
                        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "a ship"},
            ],
            tools=[{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
            tool_choice={"type": "function", "function": {"name": "look"}},
        )
    )
    assert request.messages == (
        Message(role="system", parts=(Text(text="Be brief."),)),
        Message(
            role="user",
            parts=(
                Text(text="What is this?"),
                Media(kind="image", data="R0lGODlh", media_type="image/gif"),
                Media(kind="image", url="https://example.org/a.png"),
                Media(kind="audio", data="UklGRg==", media_type="audio/mp3"),
            ),
        ),
        Message(role="assistant", parts=(ToolCall(id="c1", name="look", arguments="{}"),)),
        Message(role="tool", parts=(ToolResult(call_id="c1", content="a ship"),)),
    )
    assert request.tools == (Tool(name="look", parameters='{"type": "object"}'),)
    assert request.tool_choice == "function:look"
    assert request.needs == {"tools", "vision", "audio"}


def test_options_are_read():
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    request = openai_chat.decode(
        body(stop="END", max_tokens=7, stream=True, stream_options={"include_usage": True}, n=2, response_format=schema)
    )
    assert (request.stop, request.max_output_tokens, request.n) == (("END",), 7, 2)
    assert request.stream
    assert request.include_usage
    assert request.json_schema == '{"type": "object"}'


def test_the_newer_token_limit_wins_and_null_means_absent():
    request = openai_chat.decode(body(max_tokens=7, max_completion_tokens=9, temperature=None, stop=None, tools=None))
    assert request.max_output_tokens == 9
    assert (request.temperature, request.stop, request.tools) == (None, (), ())


def test_parameters_of_null_are_none():
    request = openai_chat.decode(body(tools=[{"type": "function", "function": {"name": "f", "parameters": None}}]))
    assert request.tools == (Tool(name="f", parameters="{}"),)


def test_the_bytes_are_kept_with_fields_we_do_not_know():
    sent = body(reasoning_effort="low", a_field_of_tomorrow={"x": [1.10, None]})
    assert openai_chat.decode(sent).body == sent


@pytest.mark.parametrize(
    ("sent", "message", "param", "code"),
    [
        (b"", "We could not parse the JSON body", None, "invalid_json"),
        (b'{"model": "a', "We could not parse the JSON body", None, "invalid_json"),
        (b'{"model": "\xff"}', "We could not parse the JSON body", None, "invalid_json"),
        (b"[" * 100_000, "We could not parse the JSON body", None, "invalid_"),
        (b"[]", "Invalid type for 'body': expected object, but got array instead.", None, "invalid_type"),
        (b"{}", "Missing required parameter: 'model'.", "model", "missing_required_parameter"),
        (b'{"model": "a"}', "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"),
        (
            body(messages="x"),
            "Invalid type for 'messages': expected array, but got str instead.",
            "messages",
            "invalid_type",
        ),
        (body(messages=[]), "Invalid 'messages': expected array of length >= 1.", "messages", "invalid_value"),
        (body(messages=[{"role": "king"}]), "Invalid value: 'king'.", "messages[0].role", "invalid_value"),
        (
            body(messages=[HELLO, {"role": "user", "content": [{"type": "text", "words": "x"}]}]),
            "Missing required parameter: 'messages[1].content[0].text'.",
            "messages[1].content[0].text",
            "missing_required_parameter",
        ),
        (
            body(messages=[{"role": "tool", "content": "x"}]),
            "Missing required parameter: 'messages[0].tool_call_id'.",
            "messages[0].tool_call_id",
            "missing_required_parameter",
        ),
        (body(tools=[{"type": "function"}]), "Missing required parameter", "tools[0].function", "missing_"),
        (body(temperature=3), "Invalid 'temperature': expected float <= 2.0.", "temperature", "invalid_value"),
        (body(max_tokens=0), "Invalid 'max_tokens'", "max_tokens", "invalid_value"),
        (body(stream="yes"), "Invalid type for 'stream'", "stream", "invalid_type"),
        (body(metadata={"a": 1}), "Invalid type for 'metadata[...]'", "metadata[...]", "invalid_type"),
    ],
)
def test_a_malformed_body_is_refused_in_the_callers_words(sent, message, param, code):
    with pytest.raises(RequestError) as caught:
        openai_chat.decode(sent)
    assert str(caught.value).startswith(message) or code == "invalid_"
    assert caught.value.param == param
    assert caught.value.code.startswith(code)
    assert caught.value.status_code == 400
