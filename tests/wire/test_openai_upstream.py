"""The OpenAI dialect towards hosts: bodies that keep what we do not know, usage by each host's habit."""

from __future__ import annotations

import json

import pytest

from fairlead.errors import WireError
from fairlead.types import Candidate, Request, ToolCall, Usage
from fairlead.wire import openai_chat, openai_upstream, sse

CANDIDATE = Candidate(name="p/m", model="m", settings=(("reasoning_effort", "low"), ("provider.sort", "price")))


def encoded(sent: dict, *, stream: bool) -> dict:
    request = openai_chat.decode(json.dumps(sent).encode())
    return json.loads(openai_upstream.encode_request(request, CANDIDATE, stream=stream))


def completion(**fields):
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
    return json.dumps({"id": "x", "model": "m", "created": 5, "choices": [choice], **fields}).encode()


def decoded(*events: dict | str, n: int = 1) -> tuple[openai_upstream.ChunkDecoder, list]:
    decoder = openai_upstream.ChunkDecoder(keep_body=True, n=n)
    contents = [event.encode() if isinstance(event, str) else json.dumps(event).encode() for event in events]
    return decoder, [chunk for data in contents for chunk in decoder.decode(sse.Event(data))]


def chunk(delta=None, finish=None, index=0, **fields):
    return {"choices": [{"index": index, "delta": delta or {}, "finish_reason": finish}], **fields}


def test_the_callers_body_goes_through_with_model_usage_and_settings_put_in():
    sent = {
        "model": "auto",
        "messages": [{"role": "user", "content": "Hi", "cache_control": {"type": "ephemeral"}}],
        "reasoning_effort": "high",
        "provider": {"only": ["a"]},
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "logit_bias": {"5": -1},
    }
    assert encoded(sent, stream=True) == sent | {
        "model": "m",
        "stream_options": {"include_obfuscation": False, "include_usage": True},
        "reasoning_effort": "low",
        "provider": {"only": ["a"], "sort": "price"},
    }


def test_a_whole_answer_is_asked_without_stream_options():
    body = encoded(
        {"model": "a", "messages": [{"role": "user", "content": "Hi"}], "stream_options": None}, stream=False
    )
    assert "stream" not in body
    assert "stream_options" not in body


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 4}, Usage(input_tokens=10, output_tokens=4)),
        (  # OpenAI: cached tokens inside the input, reasoning inside the output
            {
                "prompt_tokens": 10,
                "completion_tokens": 9,
                "total_tokens": 19,
                "prompt_tokens_details": {"cached_tokens": 7},
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            Usage(input_tokens=3, output_tokens=9, cache_read_tokens=7, reasoning_tokens=5),
        ),
        (  # xAI: reasoning beside the output
            {
                "prompt_tokens": 10,
                "completion_tokens": 4,
                "total_tokens": 19,
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            Usage(input_tokens=10, output_tokens=9, reasoning_tokens=5),
        ),
        (  # DeepSeek: its own name for cached tokens
            {"prompt_tokens": 10, "completion_tokens": 4, "prompt_cache_hit_tokens": 6, "prompt_cache_miss_tokens": 4},
            Usage(input_tokens=4, output_tokens=4, cache_read_tokens=6),
        ),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, Usage(input_tokens=0, output_tokens=0)),
        (None, None),
        ({}, None),
        ({"prompt_tokens": 10}, None),
        ({"prompt_tokens": 10, "completion_tokens": None}, None),
        ({"prompt_tokens": -1, "completion_tokens": -1}, None),
    ],
)
def test_usage_falls_into_buckets_that_do_not_overlap(usage, expected):
    assert openai_upstream.decode_response(completion(usage=usage)).usage == expected


@pytest.mark.parametrize(
    "body",
    [
        b"<html>502 Bad Gateway</html>",
        completion()[:-20],
        b'{"choices": []}',
        b'{"id": "x"}',
        b'{"error": {"message": "overloaded"}}',
        completion(choices=[{"index": 0, "message": {"content": "Hi"}, "finish_reason": None}]),
        completion(choices=[{"index": 0, "message": {"content": "Hi"}, "finish_reason": ""}]),
        completion(choices=[{"index": 0, "message": {"content": "Hi"}, "finish_reason": "error"}]),
        completion(
            choices=[{"index": 0, "message": {"content": "Hi"}, "finish_reason": "insufficient_system_resource"}]
        ),
        completion(
            choices=[
                {"index": i, "message": {"content": "Hi"}, "finish_reason": r} for i, r in enumerate(("stop", "error"))
            ]
        ),
        b'{"error": "\xff"}',
        completion(choices=[{"index": 0, "message": {"content": "H\xe9"}, "finish_reason": "stop"}]).replace(
            b"\\u00e9", b"\xc3"
        ),
    ],
)
def test_what_is_no_whole_answer_is_never_taken_for_one(body):
    with pytest.raises(WireError):
        openai_upstream.decode_response(body)


def test_an_error_under_status_200_keeps_the_hosts_words():
    with pytest.raises(WireError, match="too many cooks") as caught:
        openai_upstream.decode_response(b'{"error": {"message": "too many cooks", "code": "overloaded", "type": "x"}}')
    assert caught.value.code == "overloaded"


def test_a_stream_is_complete_with_its_finish_reason_and_done_with_its_terminator():
    decoder, chunks = decoded(chunk({"role": "assistant", "content": ""}), chunk({"content": "Hi"}))
    assert not decoder.complete
    assert [c.text for c in chunks] == ["", "Hi"]
    decoder, chunks = decoded(chunk({"content": "Hi"}), chunk(finish="length"))
    assert decoder.complete
    assert not decoder.done
    assert chunks[-1].finish_reason == "length"
    decoder, _ = decoded(chunk({"content": "Hi"}), "[DONE]")
    assert decoder.done
    assert not decoder.complete  # a terminator alone does not say that the answer has its end


def test_with_several_choices_the_last_to_finish_completes_the_stream():
    both = {"choices": [{"index": i, "delta": {"content": "a"}} for i in range(2)]}
    decoder, chunks = decoded(both, chunk(finish="stop"))
    assert not decoder.complete
    assert chunks[-1].finish_reason is None
    decoder, chunks = decoded(both, chunk(finish="stop"), chunk(finish="length", index=1))
    assert decoder.complete
    assert chunks[-1].finish_reason == "length"


def test_a_choice_that_was_asked_for_and_has_not_spoken_yet_is_awaited():
    first = [chunk({"content": "a"}), chunk(finish="stop")]
    decoder, chunks = decoded(*first, n=2)
    assert not decoder.complete
    assert chunks[-1].finish_reason is None
    decoder, _ = decoded(*first, chunk({"content": "b"}, index=1), chunk(finish="stop", index=1), n=2)
    assert decoder.complete
    decoder, _ = decoded(*first, "[DONE]", n=2)
    assert decoder.complete  # a host that gives one choice, whatever is asked


def test_a_choice_that_breaks_off_is_raised_though_others_are_unfinished():
    both = {"choices": [{"index": i, "delta": {"content": "a"}} for i in range(2)]}
    with pytest.raises(WireError):
        decoded(both, chunk(finish="error"), n=2)


def test_tool_calls_reasoning_and_usage_are_read_from_chunks():
    call = {"index": 1, "id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a"'}}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    _, (thought, called, used) = decoded(
        chunk({"reasoning_content": "Hm."}, id="x", model="m"),
        chunk({"tool_calls": [call]}),
        {"choices": [], "usage": usage},
    )
    assert (thought.reasoning, thought.id, thought.model) == ("Hm.", "x", "m")
    assert (called.tool_call, called.tool_index) == (ToolCall(id="c1", name="look", arguments='{"a"'), 1)
    assert used.usage == Usage(input_tokens=3, output_tokens=2)


@pytest.mark.parametrize(
    "event",
    ['{"choices": [{"delta": ', '{"error": {"message": "overloaded"}}', '{"error": "overloaded"}', "<html>", "[]"],
)
def test_a_malformed_chunk_or_an_error_is_raised(event):
    with pytest.raises(WireError):
        decoded(chunk({"content": "Hi"}), event)


def test_an_event_of_type_error_is_raised_whatever_it_holds():
    with pytest.raises(WireError, match="out of luck"):
        list(openai_upstream.ChunkDecoder(keep_body=True).decode(sse.Event(b'{"message": "out of luck"}', "error")))


def test_a_request_without_a_body_of_its_own_is_written_anew():
    body = json.loads(
        openai_upstream.encode_request(Request.from_prompt("Hi"), Candidate(name="p/m", model="m"), stream=False)
    )
    assert body == {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize("index", [{}, {"index": None}])
def test_calls_that_come_at_once_and_without_an_index_are_told_apart(index):
    calls = [{"id": name, "function": {"name": name, "arguments": "{}"}} | index for name in ("a", "b")]
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    event = sse.Event(json.dumps(chunk({"content": "So.", "tool_calls": calls}, "tool_calls", usage=usage)).encode())
    words, head, last = openai_upstream.ChunkDecoder(keep_body=False).decode(event)
    assert (words.text, words.tool_call) == ("So.", None)
    assert (head.tool_call.name, head.tool_index, head.finish_reason) == ("a", 0, None)
    assert (last.text, last.tool_call.name, last.tool_index, last.finish_reason) == ("", "b", 1, "tool_calls")
    assert (head.usage, last.usage) == (None, Usage(input_tokens=3, output_tokens=2))
    (kept,) = openai_upstream.ChunkDecoder(keep_body=True).decode(event)
    assert (kept.body, kept.finish_reason) == (event.data, "tool_calls")


def test_a_stop_after_a_call_is_a_call_to_callers_of_other_dialects():
    call = {"index": 0, "id": "a", "function": {"name": "a", "arguments": "{}"}}
    _, chunks = decoded(chunk({"tool_calls": [call]}), chunk({}, "stop"))
    assert chunks[-1].finish_reason == "tool_calls"
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = {"id": "x", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    assert openai_upstream.decode_response(json.dumps(body).encode()).finish_reason == "tool_calls"
