"""What an Anthropic caller gets: the provider's own bytes where they are in its dialect, ours where they are not."""

from __future__ import annotations

import json

import pytest
from anthropic.types import Message as AnthropicMessage
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from fairlead.types import Chunk, Request, Response, Text, ToolCall, Usage
from fairlead.wire import anthropic_messages, anthropic_upstream, sse
from fairlead.wire.codec import Fault, Heading

USAGE = Usage(input_tokens=5, output_tokens=9, cache_read_tokens=3, cache_write_tokens=2, reasoning_tokens=4)
COUNTS = {
    "input_tokens": 5,
    "cache_creation_input_tokens": 2,
    "cache_read_input_tokens": 3,
    "output_tokens": 9,
}
NOTES = {"cost_usd": "0.00012"}
HEADING = Heading(id="req_1", model="served", created=7)
EVENT = TypeAdapter(RawMessageStreamEvent)


def encoded(**fields):
    given = {"id": "r1", "model": "host-name", "parts": (Text(text="Hi."),), "finish_reason": "stop", "usage": USAGE}
    answer = Response(**given | {"dialect": "openai"} | fields)
    return anthropic_messages.encode(answer, Request.from_prompt("Hi"), HEADING, NOTES)


def read(events: bytes) -> list[dict]:
    parsed = [(event.event, json.loads(event.data)) for event in sse.Parser().feed(events)]
    assert all(kind == body["type"] for kind, body in parsed)
    return [body for _, body in parsed]


def streamed(*chunks: Chunk, usage: Usage | None = USAGE) -> list[dict]:
    to = anthropic_messages.ChunkEncoder(HEADING)
    events = read(b"".join(map(to.chunk, chunks)) + to.end(usage, NOTES))
    for event in events:
        EVENT.validate_python(event)
    return events


def test_own_bytes_keep_every_field_but_the_model_and_our_notes():
    own = b'{"id":"x","model":"h","odd":1.10,"content":[{"type":"thinking","signature":"s=="}],"usage":{"y":{}}}'
    sent = encoded(dialect="anthropic", body=own)
    assert b'"odd":1.10' in sent
    assert json.loads(sent) == json.loads(own) | {"model": "served", "usage": {"y": {}, "fairlead": NOTES}}


def test_an_answer_of_another_dialect_is_a_message():
    calls = (ToolCall(id="c1", name="look", arguments='{"a": 1.10}'), ToolCall(id="c2", name="rest", arguments=""))
    sent = encoded(parts=(Text(text="So."), *calls), finish_reason="tool_calls", reasoning="Hm.")
    message = AnthropicMessage.model_validate_json(sent)
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert [block.input for block in message.content[2:]] == [{"a": 1.1}, {}]
    assert (message.id, message.model, message.stop_reason) == ("msg_1", "served", "tool_use")
    assert json.loads(sent)["usage"] == COUNTS | {"fairlead": NOTES}


@pytest.mark.parametrize(
    ("finish", "stop"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("tool_calls", "tool_use"), ("content_filter", "refusal")],
)
def test_finish_reasons_are_mapped(finish, stop):
    assert json.loads(encoded(finish_reason=finish))["stop_reason"] == stop
    assert streamed(Chunk(text="x"), Chunk(finish_reason=finish))[-2]["delta"]["stop_reason"] == stop


def test_unknown_usage_stays_unknown_and_cut_arguments_stay_visible():
    sent = json.loads(encoded(usage=None, parts=(ToolCall(id="c", name="look", arguments='{"a'),)))
    assert sent["usage"] == dict.fromkeys(COUNTS) | {"fairlead": NOTES}
    assert sent["content"][0]["input"] == {"arguments": '{"a'}


def test_a_translated_stream_has_anthropics_order():
    events = streamed(
        Chunk(id="x", model="host-name"),
        Chunk(reasoning="Hm."),
        Chunk(text="So"),
        Chunk(text="."),
        Chunk(tool_call=ToolCall(id="c1", name="look", arguments=""), tool_index=0),
        Chunk(tool_call=ToolCall(id="", name="", arguments='{"a":1}'), tool_index=0),
        Chunk(finish_reason="tool_calls", usage=USAGE),
    )
    kinds = [(event["type"], event.get("index")) for event in events]
    blocks = [["content_block_start", "content_block_delta", "content_block_stop"] for _ in range(3)]
    blocks[1].insert(1, "content_block_delta")
    expected = [(kind, i) for i, block in enumerate(blocks) for kind in block]
    assert kinds == [("message_start", None), *expected, ("message_delta", None), ("message_stop", None)]
    assert events[0]["message"]["model"] == "served"
    assert events[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    assert events[8]["content_block"] == {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    assert events[-2]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert events[-2]["usage"] == COUNTS | {"fairlead": NOTES}


def test_calls_that_grow_in_turns_become_blocks_one_after_the_other():
    pieces = [(0, "c1", "a", '{"x"'), (1, "c2", "b", ""), (0, "", "", ":1}"), (1, "", "", "{}")]
    chunks = [Chunk(tool_call=ToolCall(id=i, name=n, arguments=a), tool_index=k) for k, i, n, a in pieces]
    events = streamed(*chunks, Chunk(finish_reason="tool_calls"))
    starts = [event["content_block"]["id"] for event in events if event["type"] == "content_block_start"]
    words = {0: "", 1: ""}
    for event in events:
        if event["type"] == "content_block_delta":
            words[event["index"]] += event["delta"]["partial_json"]
    assert starts == ["c1", "c2"]
    assert words == {0: '{"x":1}', 1: "{}"}
    stops = [event["index"] for event in events if event["type"] == "content_block_stop"]
    assert stops == [0, 1]


def test_an_empty_answer_is_still_a_whole_message():
    assert [event["type"] for event in streamed(Chunk(finish_reason="stop"))] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]


OWN = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"h","odd":1.10}}\n\n'
    b'event: ping\ndata: {"type": "ping"}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"signature_delta","signature":"s=="}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta", "index":0,'
    b'"delta":{"type":"text_delta","text":"Hi"}}\n\n'
    b'event: from_the_future\ndata: {"type":"from_the_future","x":1}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":9}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop","y":1}\n\n'
)


def test_own_events_pass_unchanged_but_for_the_model_and_our_notes():
    decoder, to = anthropic_upstream.ChunkDecoder(keep_body=True), anthropic_messages.ChunkEncoder(HEADING)
    chunks = [chunk for event in sse.Parser().feed(OWN) for chunk in decoder.decode(event)]
    sent = b"".join(map(to.chunk, chunks))
    assert b"message_delta" not in sent
    assert b"message_stop" not in sent
    whole = sent + to.end(USAGE, NOTES)
    noted = OWN.replace(b'"model":"h"', b'"model":"served"')
    noted = noted.replace(b'"output_tokens":9', b'"output_tokens":9,"fairlead":{"cost_usd":"0.00012"}')
    assert whole == noted


def test_a_stream_that_the_host_ended_after_its_stop_reason_gets_its_last_event():
    decoder, to = anthropic_upstream.ChunkDecoder(keep_body=True), anthropic_messages.ChunkEncoder(HEADING)
    cut = OWN[: OWN.index(b"event: message_stop")]
    sent = b"".join(to.chunk(c) for event in sse.Parser().feed(cut) for c in decoder.decode(event))
    assert (sent + to.end(USAGE, NOTES)).endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
    ],
)
def test_a_fault_is_an_envelope_of_anthropics(status, kind):
    fault = Fault(status_code=status, message="It broke.", code="c", param="p")
    envelope = {"type": "error", "error": {"type": kind, "message": "It broke."}}
    assert json.loads(anthropic_messages.encode_fault(fault)) == envelope
    (event,) = sse.Parser().feed(anthropic_messages.ChunkEncoder.fault(fault))
    assert (event.event, json.loads(event.data)) == ("error", envelope)
