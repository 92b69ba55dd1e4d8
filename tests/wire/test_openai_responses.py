"""What a caller of responses gets where the host speaks something else; golden pairs are in test_matrix.py."""

from __future__ import annotations

import json

import pytest
from openai.types.responses import Response as OpenAIResponse
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from fairlead.types import Chunk, Response, Text, ToolCall, Usage
from fairlead.wire import free_form, openai_responses, sse
from fairlead.wire.codec import Fault, Heading

EVENT = TypeAdapter(ResponseStreamEvent)
HEADING = Heading(id="req_1", model="served", created=7)
USAGE = Usage(input_tokens=5, output_tokens=9)
PATCH = {"type": "custom", "name": "patch"}
CALL = ToolCall(id="c1", name="patch", arguments=free_form.wrapped("*** Begin\n+ü"))


def asked(**fields):
    return openai_responses.decode(json.dumps({"model": "auto", "input": "Hi"} | fields).encode())


def encoded(request, **fields):
    given = {"id": "r1", "model": "h", "parts": (Text(text="Hi."),), "finish_reason": "stop", "usage": USAGE}
    body = openai_responses.encode(Response(**given | {"dialect": "openai"} | fields), request, HEADING, {})
    OpenAIResponse.model_validate_json(body)
    return json.loads(body)


def streamed(request, *chunks, usage=USAGE):
    to = openai_responses.encoder(request, HEADING)
    read = list(sse.Parser().feed(b"".join(map(to.chunk, chunks)) + to.end(usage, {})))
    for event in read:
        EVENT.validate_json(event.data)
    return [json.loads(event.data) for event in read]


def test_a_response_repeats_what_was_asked():
    tools = [{"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}]
    sent = encoded(asked(instructions="Be brief.", temperature=0.5, tools=tools, metadata={"a": "b"}, store=True))
    assert (sent["instructions"], sent["temperature"], sent["tools"], sent["metadata"]) == (
        "Be brief.",
        0.5,
        tools,
        {"a": "b"},
    )
    assert (sent["id"], sent["store"], sent["tool_choice"]) == ("resp_1", False, "auto")  # nothing is stored here


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
def test_a_cut_answer_is_incomplete(finish, status, reason):
    whole = encoded(asked(), finish_reason=finish)
    last = streamed(asked(), Chunk(text="x"), Chunk(finish_reason=finish))[-1]
    assert last["type"] == f"response.{status}"
    for sent in (whole, last["response"]):
        assert sent["status"] == status
        assert sent["incomplete_details"] == (reason and {"reason": reason})


def test_a_free_form_call_is_given_as_its_text():
    (item,) = encoded(asked(tools=[PATCH]), parts=(CALL,), finish_reason="tool_calls")["output"]
    assert (item["type"], item["call_id"], item["input"]) == ("custom_tool_call", "c1", "*** Begin\n+ü")


def test_a_streamed_free_form_call_is_given_when_it_is_whole():
    half = len(CALL.arguments) // 2
    pieces = [ToolCall(id="c1", name="patch", arguments=CALL.arguments[:half])]
    pieces.append(ToolCall(id="", name="", arguments=CALL.arguments[half:]))
    chunks = [Chunk(tool_call=piece) for piece in pieces]
    events = streamed(asked(tools=[PATCH]), *chunks, Chunk(finish_reason="tool_calls"))
    said = {event["type"]: event for event in events}
    assert said["response.custom_tool_call_input.delta"]["delta"] == "*** Begin\n+ü"
    assert said["response.custom_tool_call_input.done"]["input"] == "*** Begin\n+ü"
    assert said["response.completed"]["response"]["output"][0]["type"] == "custom_tool_call"


def test_calls_that_grow_in_turns_are_items_side_by_side():
    pieces = [(0, "c1", "a", '{"x"'), (1, "c2", "b", ""), (0, "", "", ":1}"), (1, "", "", "{}")]
    chunks = [Chunk(tool_call=ToolCall(id=i, name=n, arguments=a), tool_index=k) for k, i, n, a in pieces]
    last = streamed(asked(), *chunks, Chunk(finish_reason="tool_calls"))[-1]
    assert [(item["call_id"], item["arguments"]) for item in last["response"]["output"]] == [
        ("c1", '{"x":1}'),
        ("c2", "{}"),
    ]


def test_unknown_usage_stays_unknown():
    assert encoded(asked(), usage=None)["usage"] is None
    assert streamed(asked(), Chunk(text="x"), Chunk(finish_reason="stop"), usage=None)[-1]["response"]["usage"] is None


def test_a_failure_in_mid_stream_is_told_twice_and_never_completed():
    to = openai_responses.encoder(asked(), HEADING)
    to.chunk(Chunk(text="x"))
    fault = Fault(status_code=504, message="It broke.", code="upstream_timeout")
    failed, error = (EVENT.validate_json(event.data) for event in sse.Parser().feed(to.fault(fault)))
    assert (failed.type, failed.response.status, failed.response.error.message) == (
        "response.failed",
        "failed",
        "It broke.",
    )
    assert (error.type, error.code, error.message) == ("error", "upstream_timeout", "It broke.")
    assert error.sequence_number == failed.sequence_number + 1
