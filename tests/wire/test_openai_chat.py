"""What the caller gets: the provider's own bytes where they are in its dialect, ours where they are not."""

from __future__ import annotations

import json

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from fairlead.types import Chunk, Request, Response, Text, ToolCall, Usage
from fairlead.wire import openai_chat, sse
from fairlead.wire.codec import Fault, Heading

USAGE = Usage(input_tokens=5, output_tokens=9, cache_read_tokens=3, cache_write_tokens=2, reasoning_tokens=4)
HEADING = Heading(id="r1", model="served", created=7)
NOTES = {"cost_usd": "0.00012"}


def response(**fields):
    given = {"id": "r1", "model": "host-name", "parts": (Text(text="Hi."),), "finish_reason": "stop", "usage": USAGE}
    return Response(**given | {"dialect": "anthropic"} | fields)


def encoder(*, include_usage=True):
    return openai_chat.ChunkEncoder(HEADING, include_usage=include_usage)


def encoded(answer):
    return openai_chat.encode(answer, Request.from_prompt("Hi"), HEADING, NOTES)


def read(events: bytes) -> list[dict]:
    return [json.loads(event.data) for event in sse.Parser().feed(events) if event.data != b"[DONE]"]


def test_own_bytes_keep_every_field_but_the_model_and_our_notes():
    own = b'{"id":"x","model":"host-name","odd":1.10,"choices":[{"index":0,"x":[]}],"usage":{"prompt_tokens":3,"y":{}}}'
    sent = encoded(response(dialect="openai", body=own))
    assert b'"odd":1.10' in sent
    assert json.loads(sent) == json.loads(own) | {
        "model": "served",
        "usage": {"prompt_tokens": 3, "y": {}, "fairlead": NOTES},
    }


def test_an_answer_of_another_dialect_is_a_chat_completion():
    calls = (ToolCall(id="c1", name="look", arguments='{"a": 1}'),)
    sent = encoded(response(parts=calls, finish_reason="tool_calls"))
    completion = ChatCompletion.model_validate_json(sent, strict=True)
    assert completion.model == "served"
    assert completion.choices[0].message.content is None
    assert completion.choices[0].message.tool_calls[0].function.arguments == '{"a": 1}'
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (10, 9)
    assert completion.usage.prompt_tokens_details.cached_tokens == 3
    assert completion.usage.model_extra["fairlead"] == NOTES


def test_unknown_usage_stays_unknown():
    sent = json.loads(encoded(response(usage=None)))
    assert sent["usage"] is None


def test_a_translated_stream_has_openais_shape():
    to = encoder()
    chunks = [
        Chunk(id="msg_1", model="host-name"),
        Chunk(reasoning="Hm."),
        Chunk(text="Hi"),
        Chunk(tool_call=ToolCall(id="c1", name="look", arguments=""), tool_index=0),
        Chunk(tool_call=ToolCall(id="", name="", arguments="{}"), tool_index=0),
        Chunk(finish_reason="tool_calls", usage=USAGE),
    ]
    sent = read(b"".join(to.chunk(chunk) for chunk in chunks) + to.end(USAGE, NOTES))
    parsed = [ChatCompletionChunk.model_validate(event) for event in sent]
    assert {(chunk.id, chunk.model, chunk.created) for chunk in parsed} == {("msg_1", "served", 7)}
    assert sent[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert sent[1]["choices"][0]["delta"] == {"reasoning_content": "Hm."}
    call = parsed[3].choices[0].delta.tool_calls[0]
    assert (call.id, call.function.name) == ("c1", "look")
    assert sent[4]["choices"][0]["delta"] == {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
    assert [chunk.choices[0].finish_reason for chunk in parsed[:-1]] == [None] * 5 + ["tool_calls"]
    assert [event["usage"] for event in sent[:-1]] == [None] * 6
    assert sent[-1]["choices"] == []
    assert sent[-1]["usage"]["total_tokens"] == 19
    assert sent[-1]["usage"]["fairlead"] == NOTES


@pytest.mark.parametrize("include_usage", [True, False])
def test_own_chunks_pass_with_only_the_model_changed_and_usage_kept_for_last(include_usage):
    to = encoder(include_usage=include_usage)
    first = (
        b'{"id":"x1","created":9,"model":"m","odd":1.10,"choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}'
    )
    last = b'{"id":"x1","created":9,"model":"m","choices":[],"usage":{"prompt_tokens":3,"odd":1.10}}'
    sent = to.chunk(Chunk(id="x1", text="a", body=first))
    assert b'"odd":1.10' in sent
    assert read(sent)[0].get("usage", "absent") == (None if include_usage else "absent")
    assert read(sent)[0]["model"] == "served"
    assert to.chunk(Chunk(id="x1", usage=USAGE, body=last)) == b""
    end = to.end(USAGE, NOTES)
    assert end.endswith(sse.DONE)
    if not include_usage:
        assert end == sse.DONE
        return
    (event,) = read(end)
    assert (event["id"], event["created"], event["model"]) == ("x1", 9, "served")
    assert event["usage"] == {"prompt_tokens": 3, "odd": 1.10, "fairlead": NOTES}


def test_usage_on_the_finish_chunk_moves_to_the_end_and_the_chunk_stays():
    to = encoder()
    both = b'{"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}'
    (event,) = read(to.chunk(Chunk(finish_reason="stop", usage=USAGE, body=both)))
    assert event["usage"] is None
    assert event["choices"][0]["finish_reason"] == "stop"
    assert read(to.end(USAGE, {}))[0]["usage"] == {"prompt_tokens": 3}


def test_an_error_in_mid_stream_is_an_envelope_of_its_own():
    (event,) = read(encoder().fault(Fault(status_code=502, message="It broke.", code="upstream_cut")))
    assert event == {"error": {"message": "It broke.", "type": "api_error", "param": None, "code": "upstream_cut"}}
