"""Bodies of `/v1/responses`: what is read, what is left to the body, and how faults are worded."""

from __future__ import annotations

import json

import pytest

from fairlead.errors import RequestError
from fairlead.types import Media, Message, Text, Tool, ToolCall, ToolResult
from fairlead.wire import free_form, openai_responses


def decoded(**fields):
    return openai_responses.decode(json.dumps({"model": "auto", "input": "Hi"} | fields).encode())


def test_words_and_instructions_are_turns():
    request = decoded(instructions="Be brief.", max_output_tokens=9, stream=True)
    assert request.messages == (
        Message(role="system", parts=(Text(text="Be brief."),)),
        Message(role="user", parts=(Text(text="Hi"),)),
    )
    assert (request.model, request.stream, request.max_output_tokens) == ("auto", True, 9)
    assert (request.dialect, request.include_usage) == ("responses", True)


def test_what_the_assistant_said_and_called_is_one_turn():
    items = [
        {"role": "user", "content": "Look"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "So."}]},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a": 1.10}'},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": 'say "hi"'},
        {
            "type": "function_call_output",
            "call_id": "c1",
            "output": [
                {"type": "input_text", "text": "a ship"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBO"},
            ],
        },
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
    ]
    request = decoded(input=items)
    assert request.messages[1:] == (
        Message(
            role="assistant",
            parts=(
                Text(text="So."),
                ToolCall(id="c1", name="look", arguments='{"a": 1.10}'),
                ToolCall(id="c2", name="patch", arguments=free_form.wrapped('say "hi"')),
            ),
        ),
        Message(role="tool", parts=(ToolResult(call_id="c1", content="a ship"),)),
        Message(role="tool", parts=(ToolResult(call_id="c2", content="done"),)),
        Message(role="user", parts=(Media(kind="image", data="iVBO", media_type="image/png"),)),
    )
    assert request.hints == ("reasoning items",)


def test_an_answer_that_nobody_could_fetch_is_not_asked_for():
    with pytest.raises(RequestError, match="in the background") as refused:
        decoded(background=True)
    assert refused.value.param == "background"
    assert decoded(background=True, stream=True).stream


def test_tools_are_functions_and_free_form_ones_take_one_string():
    patch = {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}}
    request = decoded(tools=[{"type": "function", "name": "look", "parameters": None}, patch, {"type": "web_search"}])
    assert request.tools == (
        Tool(name="look"),
        Tool(name="patch", parameters=free_form.SCHEMA, free_form=True),
    )
    assert request.native == ("tool web_search",)
    assert request.hints == ("tools.format",)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("required", "required"), ({"type": "function", "name": "look"}, "function:look"), ({"type": "mcp"}, None)],
)
def test_the_choice_of_a_tool(choice, expected):
    request = decoded(tool_choice=choice)
    assert request.tool_choice == expected
    assert request.native == (() if expected else ("tool_choice mcp",))


@pytest.mark.parametrize(
    ("form", "schema", "as_object"),
    [
        ({"type": "text"}, None, False),
        ({"type": "json_object"}, None, True),
        ({"type": "json_schema", "name": "a", "schema": {"type": "object"}}, '{"type": "object"}', False),
    ],
)
def test_the_form_of_the_answer(form, schema, as_object):
    request = decoded(text={"format": form, "verbosity": "low"})
    assert (request.json_schema, request.json_object) == (schema, as_object)
    assert request.hints == ("text.verbosity",)


def test_files_kept_at_the_host_and_unknown_items_are_its_own():
    kept = [{"type": "input_image", "file_id": "file_1"}, {"type": "from_the_future"}]
    request = decoded(input=[{"role": "user", "content": kept}, {"type": "item_reference", "id": "msg_1"}])
    assert request.native == ("input_image by id", "from_the_future", "item_reference")


def test_an_answer_to_go_on_from_may_stand_for_the_input():
    assert decoded(input=None, previous_response_id="resp_1").previous_response_id == "resp_1"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({"input": [{"content": "x"}]}, "input[0].role"),
        ({"input": [{"type": "function_call", "name": "x"}]}, "input[0].call_id"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"temperature": 3}, "temperature"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
    ],
)
def test_a_fault_names_its_place_in_openais_words(change, param):
    with pytest.raises(RequestError) as caught:
        decoded(**change)
    assert (caught.value.status_code, caught.value.param) == (400, param)
    assert f"'{param}'" in str(caught.value)
