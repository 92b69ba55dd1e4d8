"""The Gemini dialect towards hosts: what a request becomes, what replies and streams mean."""

from __future__ import annotations

import json

import pytest

from fairlead.errors import WireError
from fairlead.types import Candidate, Media, Message, Request, Text, Tool, ToolCall, ToolResult, Usage
from fairlead.wire import gemini_upstream, sse

CANDIDATE = Candidate(name="g/f", model="f")
USAGE = {
    "promptTokenCount": 10,
    "cachedContentTokenCount": 7,
    "candidatesTokenCount": 4,
    "thoughtsTokenCount": 5,
    "totalTokenCount": 19,
}
BUCKETS = Usage(input_tokens=3, output_tokens=9, cache_read_tokens=7, reasoning_tokens=5)


def encoded(*messages: Message, candidate: Candidate = CANDIDATE, **fields) -> dict:
    return json.loads(gemini_upstream.encode_request(Request(messages=messages, **fields), candidate))


def user(*parts) -> Message:
    return Message(role="user", parts=parts)


def test_a_conversation_with_tools_and_images_becomes_contents():
    body = encoded(
        Message(role="system", parts=(Text(text="Be brief."),)),
        user(Text(text="Look"), Media(kind="image", data="R0lG", media_type="image/gif")),
        Message(role="assistant", parts=(ToolCall(id="c1", name="look", arguments='{"a": 1}'),)),
        Message(role="tool", parts=(ToolResult(call_id="c1", content="a ship"),)),
        user(Text(text="And?")),
        tools=(Tool(name="look", description="looks", parameters='{"type": "object"}'),),
        tool_choice="required",
    )
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert [turn["role"] for turn in body["contents"]] == ["user", "model", "user"]
    asked, called, told = (turn["parts"] for turn in body["contents"])
    assert asked[1] == {"inlineData": {"mimeType": "image/gif", "data": "R0lG"}}
    assert called[0]["functionCall"] == {"id": "c1", "name": "look", "args": {"a": 1}}
    assert told[0] == {"functionResponse": {"id": "c1", "name": "look", "response": {"result": "a ship"}}}
    declared = {"name": "look", "description": "looks", "parametersJsonSchema": {"type": "object"}}
    assert body["tools"] == [{"functionDeclarations": [declared]}]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}


def test_options_are_put_in_the_dialects_own_words():
    body = encoded(
        user(Text(text="Hi")),
        max_output_tokens=5,
        temperature=0.5,
        top_p=0.9,
        stop=("END",),
        seed=3,
        json_schema='{"type": "object"}',
        candidate=Candidate(name="g/f", model="f", settings=(("generationConfig.thinkingConfig.thinkingBudget", 0),)),
    )
    assert body["generationConfig"] == {
        "maxOutputTokens": 5,
        "temperature": 0.5,
        "topP": 0.9,
        "stopSequences": ["END"],
        "seed": 3,
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
        "thinkingConfig": {"thinkingBudget": 0},
    }


def reply(parts=({"text": "Hi."},), finish="STOP", **fields) -> dict:
    found = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0}
    return {"candidates": [found], "usageMetadata": USAGE, "modelVersion": "f-2", "responseId": "r1"} | fields


def test_a_whole_reply_is_read():
    parts = [{"text": "Hm.", "thought": True}, {"text": "Hi."}, {"functionCall": {"name": "look", "args": {"a": 1}}}]
    answer = gemini_upstream.decode_response(json.dumps(reply(parts)).encode())
    assert answer.parts == (Text(text="Hi."), ToolCall(id="call_r1_0", name="look", arguments='{"a": 1}'))
    assert (answer.id, answer.model, answer.finish_reason) == ("r1", "f-2", "tool_calls")
    assert answer.usage == BUCKETS


@pytest.mark.parametrize(
    ("reason", "expected"), [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter")]
)
def test_finish_reasons_are_mapped(reason, expected):
    assert gemini_upstream.decode_response(json.dumps(reply(finish=reason)).encode()).finish_reason == expected


@pytest.mark.parametrize(
    "body",
    [
        reply(finish=None),
        reply(finish="MALFORMED_FUNCTION_CALL"),
        {"candidates": []},
        {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}},
        {"candidates": [{"content": {"parts": [{"inlineData": {"data": "AA"}}]}, "finishReason": "STOP"}]},
        {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}},
    ],
)
def test_what_is_no_whole_reply_is_never_taken_for_one(body):
    with pytest.raises(WireError):
        gemini_upstream.decode_response(json.dumps(body).encode())


def decoded(*events: dict):
    decoder = gemini_upstream.ChunkDecoder()
    return decoder, [chunk for event in events for chunk in decoder.decode(sse.Event(json.dumps(event).encode()))]


def test_a_stream_is_read_to_its_finish_reason():
    calls = [{"functionCall": {"id": "k", "name": "look", "args": {}}}, {"functionCall": {"name": "rest"}}]
    decoder, chunks = decoded(
        reply([{"text": "Hm.", "thought": True}], None), reply([{"text": "Hi"}], None), reply(calls, None), reply([])
    )
    assert decoder.complete
    assert "".join(c.text for c in chunks) == "Hi"
    assert "".join(c.reasoning for c in chunks) == "Hm."
    called = [(c.tool_call.id, c.tool_index, c.tool_call.arguments) for c in chunks if c.tool_call]
    assert called == [("k", 0, "{}"), ("call_r1_1", 1, "{}")]
    assert (chunks[-1].finish_reason, chunks[-1].usage, chunks[-1].model) == ("tool_calls", BUCKETS, "f-2")


def test_a_stream_without_a_finish_reason_is_not_complete():
    decoder, _ = decoded(reply(finish=None))
    assert not decoder.complete
