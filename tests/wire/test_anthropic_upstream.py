"""The Anthropic dialect towards hosts: what a request becomes, what replies and streams mean."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from anthropic.types import Message as AnthropicMessage
from anthropic.types import MessageCreateParams
from msgspec import structs
from pydantic import TypeAdapter

from fairlead.errors import WireError
from fairlead.types import (
    Candidate,
    Capabilities,
    Media,
    Message,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from fairlead.wire import anthropic_messages, anthropic_upstream, sse

CANDIDATE = Candidate(name="a/c", model="c", capabilities=Capabilities(max_output_tokens=900))
USAGE = {"input_tokens": 3, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 7, "output_tokens": 9}


def encoded(request: Request, candidate: Candidate = CANDIDATE, *, stream: bool = False) -> dict:
    body = json.loads(anthropic_upstream.encode_request(request, candidate, stream=stream))
    TypeAdapter(MessageCreateParams).validate_python(body)
    return body


def conversation(*messages: Message, **fields) -> Request:
    return Request(messages=messages, **fields)


def user(*parts) -> Message:
    return Message(role="user", parts=parts)


def test_a_conversation_with_tools_and_images_becomes_turns_of_blocks():
    body = encoded(
        conversation(
            Message(role="system", parts=(Text(text="Be brief."),)),
            user(Text(text="Look"), Media(kind="image", data="R0lG", media_type="image/gif")),
            Message(
                role="assistant",
                parts=(
                    Text(text=""),
                    ToolCall(id="c1", name="look", arguments='{"a": 1.10}'),
                    ToolCall(id="c2", name="look", arguments=""),
                ),
            ),
            Message(role="tool", parts=(ToolResult(call_id="c1", content="a ship"),)),
            Message(role="tool", parts=(ToolResult(call_id="c2", content="a boat"),)),
            user(Text(text="And?")),
            tools=(Tool(name="look", description="looks", parameters='{"properties": {"a": {}}}'),),
            tool_choice="function:look",
        )
    )
    assert body["system"] == "Be brief."
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    asked, called, told = (turn["content"] for turn in body["messages"])
    assert asked[1] == {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "R0lG"}}
    assert called == [
        {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1.1}},
        {"type": "tool_use", "id": "c2", "name": "look", "input": {}},
    ]
    assert [block.get("tool_use_id") for block in told] == ["c1", "c2", None]
    assert body["tools"][0]["input_schema"] == {"type": "object", "properties": {"a": {}}}
    assert body["tool_choice"] == {"type": "tool", "name": "look"}


def test_parameters_that_are_no_object_are_refused():
    with pytest.raises(WireError, match="parameters of the tool `look`"):
        encoded(conversation(user(Text(text="Hi")), tools=(Tool(name="look", parameters="[]"),)))


def test_options_are_put_in_the_dialects_own_words():
    body = encoded(
        conversation(user(Text(text="Hi")), stop=("END",), temperature=1.7, json_schema='{"type": "object"}', user="u"),
        Candidate(name="a/c", model="c", settings=(("output_config.effort", "low"), ("service_tier", "auto"))),
        stream=True,
    )
    assert body == {
        "model": "c",
        "max_tokens": anthropic_upstream.DEFAULT_MAX_TOKENS,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "stream": True,
        "temperature": 1.0,
        "stop_sequences": ["END"],
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}, "effort": "low"},
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
    }


def test_the_callers_token_limit_goes_before_the_candidates():
    assert encoded(conversation(user(Text(text="Hi")), max_output_tokens=5))["max_tokens"] == 5
    assert encoded(conversation(user(Text(text="Hi"))))["max_tokens"] == 900


@pytest.mark.parametrize(
    "request_",
    [
        conversation(user(Media(kind="audio", data="UklG"))),
        conversation(user(Media(kind="file", url="file-123"))),
        conversation(Message(role="assistant", parts=(ToolCall(id="c", name="t", arguments='{"cut'),))),
    ],
)
def test_what_the_dialect_cannot_say_is_refused_not_dropped(request_):
    with pytest.raises(WireError):
        anthropic_upstream.encode_request(request_, CANDIDATE, stream=False)


def reply(**fields) -> bytes:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "x"},
        {"type": "text", "text": "Hi.", "citations": None},
        {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1}, "caller": None},
    ]
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": "c-2", "content": content}
    body = whole | {"stop_reason": "tool_use", "stop_sequence": None, "usage": USAGE} | fields
    return json.dumps(body).encode()


def test_a_whole_reply_is_read():
    AnthropicMessage.model_validate_json(reply())
    answer = anthropic_upstream.decode_response(reply())
    assert answer.parts == (Text(text="Hi."), ToolCall(id="c1", name="look", arguments='{"a": 1}'))
    assert (answer.id, answer.model, answer.finish_reason) == ("msg_1", "c-2", "tool_calls")
    assert answer.usage == Usage(input_tokens=3, output_tokens=9, cache_read_tokens=7, cache_write_tokens=2)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("refusal", "content_filter")],
)
def test_stop_reasons_are_mapped(reason, expected):
    assert anthropic_upstream.decode_response(reply(stop_reason=reason)).finish_reason == expected


@pytest.mark.parametrize(
    "body",
    [
        reply(stop_reason=None),
        reply(content=None),
        reply()[:-9],
        b"<html>",
        b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}',
    ],
)
def test_what_is_no_whole_reply_is_never_taken_for_one(body):
    with pytest.raises(WireError):
        anthropic_upstream.decode_response(body)


def decoded(*events: dict):
    decoder = anthropic_upstream.ChunkDecoder(keep_body=False)
    chunks = [c for e in events for c in decoder.decode(sse.Event(json.dumps(e).encode(), e["type"]))]
    return decoder, chunks


def block(index, **fields):
    return {"type": "content_block_start", "index": index, "content_block": fields}


def delta(index, **fields):
    return {"type": "content_block_delta", "index": index, "delta": fields}


START = {"type": "message_start", "message": {"id": "msg_1", "model": "c-2", "usage": USAGE | {"output_tokens": 1}}}
END = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}


def test_a_stream_is_read_with_cumulative_usage():
    decoder, chunks = decoded(
        START,
        {"type": "ping"},
        block(0, type="thinking", thinking=""),
        delta(0, type="thinking_delta", thinking="Hm."),
        delta(0, type="signature_delta", signature="x"),
        block(1, type="text", text=""),
        delta(1, type="text_delta", text="Hi"),
        {"type": "content_block_stop", "index": 1},
        block(2, type="tool_use", id="c1", name="look", input={}),
        delta(2, type="input_json_delta", partial_json=""),
        delta(2, type="input_json_delta", partial_json='{"a": 1}'),
        {"type": "content_block_stop", "index": 2},
        block(3, type="tool_use", id="c2", name="rest", input={}),
        {"type": "content_block_stop", "index": 3},
        END,
        {"type": "message_stop"},
    )
    assert decoder.done
    assert decoder.complete
    assert (chunks[0].id, chunks[0].model) == ("msg_1", "c-2")
    assert "".join(c.reasoning for c in chunks) == "Hm."
    assert "".join(c.text for c in chunks) == "Hi"
    arguments = {0: "", 1: ""}
    for called in (c for c in chunks if c.tool_call):
        arguments[called.tool_index] += called.tool_call.arguments
    assert arguments == {0: '{"a": 1}', 1: "{}"}  # a call without arguments still has valid JSON
    assert chunks[-1].finish_reason == "tool_calls"
    assert chunks[-1].usage == Usage(input_tokens=3, output_tokens=9, cache_read_tokens=7, cache_write_tokens=2)


def test_a_stream_without_stop_reason_is_not_complete():
    decoder, _ = decoded(START, delta(0, type="text_delta", text="Hi"))
    assert not decoder.complete
    decoder, _ = decoded(START, {"type": "message_stop"})
    assert not decoder.complete


def test_an_error_event_is_raised_with_its_words():
    with pytest.raises(WireError, match="Overloaded") as caught:
        decoded(START, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    assert caught.value.code == "overloaded_error"
    with pytest.raises(WireError):
        decoded({"type": "error"})


def own(*turns, thinker: str = "", **fields) -> dict:
    body = {"model": "auto", "max_tokens": 9, "messages": list(turns)} | fields
    request = structs.replace(anthropic_messages.decode(json.dumps(body).encode()), thinker=thinker)
    return json.loads(anthropic_upstream.encode_request(request, CANDIDATE, stream=True))


def test_a_callers_own_body_goes_through_with_its_unknown_fields_and_signed_thinking():
    signed = {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"}
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [signed, {"type": "redacted_thinking", "data": "x"}]},
    ]
    sent = own(*turns, odd={"a": 1.10}, top_k=3, thinking={"type": "adaptive"})
    fields = {"odd": {"a": 1.10}, "top_k": 3, "thinking": {"type": "adaptive"}}
    assert sent == {"model": "c", "max_tokens": 9, "messages": turns, "stream": True, **fields}


def test_thinking_that_nobody_signed_is_left_out_and_no_more_is_asked_for():
    unsigned = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    call = {"type": "tool_use", "id": "c1", "name": "look", "input": {"signature": ""}}
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [unsigned, call]}]
    sent = own(*turns, thinking={"type": "adaptive"})
    assert sent["messages"] == [turns[0], {"role": "assistant", "content": [call]}]
    assert "thinking" not in sent


@pytest.mark.parametrize(("thinker", "n_left"), [("claude-haiku-5-5", 3), ("", 3), ("moonshotai/Kimi-K3.1-Pro", 1)])
def test_signed_thinking_is_untouched_for_its_own_family_and_left_out_for_another(thinker, n_left):
    thoughts = [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "x"},
    ]
    words = {"type": "text", "text": "So."}
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [*thoughts, words]}]
    candidate = replace(CANDIDATE, weights="claude-opus-5-5")
    body = {"model": "auto", "max_tokens": 9, "messages": turns}
    request = structs.replace(anthropic_messages.decode(json.dumps(body).encode()), thinker=thinker)
    sent = json.loads(anthropic_upstream.encode_request(request, candidate, stream=False))
    assert sent["messages"][1]["content"] == [*thoughts, words][-n_left:]
