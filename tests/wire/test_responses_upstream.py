"""OpenAI responses towards hosts: what a request becomes, what replies and streams mean; see also test_matrix.py."""

from __future__ import annotations

import json

import pytest
from msgspec import structs

from fairlead.errors import WireError
from fairlead.types import Candidate, Media, Message, Request, Text, ToolCall, Usage
from fairlead.wire import free_form, openai_chat, openai_responses, responses_upstream, sse
from fairlead.wire.translation import Lost, lost

CANDIDATE = Candidate(name="o/g", model="g", settings=(("reasoning.effort", "low"),))
REPLY = {
    "id": "resp_1",
    "model": "g-2",
    "status": "completed",
    "created_at": 7.0,
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi."}]}],
    "usage": {"input_tokens": 9, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 3}},
}


def own(**fields):
    return openai_responses.decode(json.dumps({"model": "auto", "input": "Hi"} | fields).encode())


def encoded(request, *, stream=False):
    return json.loads(responses_upstream.encode_request(request, CANDIDATE, stream=stream))


def reply(**fields):
    return json.dumps(REPLY | fields).encode()


def test_a_callers_own_body_goes_through_with_its_unknown_fields():
    sent = encoded(own(odd=1, store=True, include=["reasoning.encrypted_content"]), stream=True)
    assert sent == {
        "model": "g",
        "input": "Hi",
        "odd": 1,
        "store": True,
        "include": ["reasoning.encrypted_content"],
        "stream": True,
        "reasoning": {"effort": "low"},
    }


def test_what_chat_completions_have_as_well_goes_on_as_it_is():
    said = {"reasoning_effort": "high", "verbosity": "low", "service_tier": "flex", "prompt_cache_key": "k"}
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}
    body = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}], "response_format": form, **said}
    request = openai_chat.decode(json.dumps(body | {"safety_identifier": None}).encode())
    plain = Candidate(name="o/g", model="g")
    sent = json.loads(responses_upstream.encode_request(request, plain, stream=False))
    assert (sent["reasoning"], sent["service_tier"], sent["prompt_cache_key"]) == ({"effort": "high"}, "flex", "k")
    assert (sent["text"]["verbosity"], sent["text"]["format"]["type"]) == ("low", "json_schema")
    assert "safety_identifier" not in sent
    assert encoded(request)["reasoning"] == {"effort": "low"}  # what the candidate is set to
    assert lost(request, ("responses",)) == Lost()
    assert lost(request, ("anthropic",)).hints == tuple(said)


def test_reasoning_that_we_wrote_for_another_host_is_left_out():
    ours = {"type": "reasoning", "id": f"{openai_responses.OUR_REASONING}1_0", "summary": []}
    theirs = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    assert encoded(own(input=[ours, theirs, {"role": "user", "content": "Hi"}]))["input"][0] == theirs


@pytest.mark.parametrize(("thinker", "kept"), [("gpt-6.1-sol", True), ("", True), ("grok-4.7", False)])
def test_reasoning_goes_to_its_own_family_alone(thinker, kept):
    theirs = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    words = {"role": "user", "content": "Hi"}
    request = structs.replace(own(input=[theirs, words]), thinker=thinker)
    candidate = Candidate(name="o/g", model="gpt-6-luna")
    sent = json.loads(responses_upstream.encode_request(request, candidate, stream=False))
    assert sent["input"] == ([theirs, words] if kept else [words])


def test_what_the_dialect_cannot_say_is_refused():
    sound = Message(role="user", parts=(Media(kind="audio", url="https://example.org/a.wav"),))
    with pytest.raises(WireError):
        encoded(Request(messages=(sound,)))


def test_a_whole_reply_is_read():
    answer = responses_upstream.decode_response(reply())
    assert (answer.text, answer.finish_reason, answer.model, answer.created) == ("Hi.", "stop", "g-2", 7)
    assert answer.usage == Usage(input_tokens=6, output_tokens=5, cache_read_tokens=3)


def test_a_refusal_is_words_and_a_free_form_call_is_a_function():
    refusal = {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}
    call = {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "x"}
    answer = responses_upstream.decode_response(reply(output=[refusal, call]))
    assert answer.parts == (Text(text="No."), ToolCall(id="c", name="patch", arguments=free_form.wrapped("x")))
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("details", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), ("odd", "length")]
)
def test_an_incomplete_reply_says_why(details, finish):
    body = reply(status="incomplete", incomplete_details={"reason": details})
    assert responses_upstream.decode_response(body).finish_reason == finish


@pytest.mark.parametrize(
    "body",
    [
        reply(status="in_progress"),
        reply(status="failed", error={"code": "server_error", "message": "It broke."}),
        reply(output=None),
        reply()[:-9],
        b"<html>",
    ],
)
def test_what_is_no_whole_reply_is_never_taken_for_one(body):
    with pytest.raises(WireError):
        responses_upstream.decode_response(body)


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": 1}, {"input_tokens": -1, "output_tokens": 2}])
def test_a_usage_that_lacks_a_count_is_not_known(usage):
    assert responses_upstream.decode_response(reply(usage=usage)).usage is None


def decoded(*events):
    decoder = responses_upstream.ChunkDecoder(keep_body=False)
    return decoder, [c for e in events for c in decoder.decode(sse.Event(json.dumps(e).encode(), e["type"]))]


def test_a_streamed_free_form_call_is_wrapped_on_its_way():
    item = {"type": "custom_tool_call", "call_id": "c", "name": "patch"}
    decoder, chunks = decoded(
        {"type": "response.output_item.added", "output_index": 1, "item": item},
        {"type": "response.custom_tool_call_input.delta", "output_index": 1, "delta": 'a "b"'},
        {"type": "response.custom_tool_call_input.delta", "output_index": 1, "delta": "\n"},
        {"type": "response.custom_tool_call_input.done", "output_index": 1, "input": 'a "b"\n'},
        {"type": "response.completed", "response": REPLY},
    )
    assert free_form.unwrapped("".join(c.tool_call.arguments for c in chunks if c.tool_call)) == 'a "b"\n'
    assert (chunks[-1].finish_reason, decoder.done) == ("tool_calls", True)


def test_arguments_that_come_at_once_are_read():
    item = {"type": "function_call", "call_id": "c", "name": "look"}
    _, chunks = decoded(
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": "{}"},
    )
    assert "".join(c.tool_call.arguments for c in chunks) == "{}"


def test_a_stream_without_its_last_event_is_not_complete():
    decoder, _ = decoded({"type": "response.output_text.delta", "delta": "Hi"}, {"type": "response.output_text.done"})
    assert not decoder.complete


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "server_error", "message": "It broke.", "param": None},
        {"type": "error", "error": {"code": "server_error", "message": "It broke."}},
        {
            "type": "response.failed",
            "response": {"status": "failed", "error": {"code": "server_error", "message": "It broke."}},
        },
    ],
)
def test_an_error_event_is_raised_with_its_words(event):
    with pytest.raises(WireError, match="It broke") as caught:
        decoded(event)
    assert caught.value.code == "server_error"


@pytest.mark.parametrize("keep_body", [False, True])
def test_a_last_event_without_its_response_is_an_error(keep_body):
    decoder = responses_upstream.ChunkDecoder(keep_body=keep_body)
    with pytest.raises(WireError, match="holds no response"):
        list(decoder.decode(sse.Event(b'{"type":"response.completed"}', "")))
