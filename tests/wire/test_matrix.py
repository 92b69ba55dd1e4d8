"""Every dialect of a caller by every dialect of a host, against golden files in `golden/`, one a dialect.

A golden request is what a host is sent and, since the dialects are the same on both sides, what a caller sends. Answers
are read with the types of the official clients, so that what we write and what we read are judged by somebody else.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from fairlead.types import Candidate
from fairlead.wire import (
    anthropic_messages,
    anthropic_upstream,
    gemini_upstream,
    openai_chat,
    openai_responses,
    openai_upstream,
    responses_upstream,
    sse,
)
from fairlead.wire.codec import Heading

GOLDEN = Path(__file__).with_name("golden")
CALLERS = {"openai": openai_chat, "responses": openai_responses, "anthropic": anthropic_messages}
HOSTS = {
    "openai": openai_upstream,
    "responses": responses_upstream,
    "anthropic": anthropic_upstream,
    "gemini": gemini_upstream,
}
CANDIDATE = Candidate(name="p/m", model="m")
HEADING = Heading(id="req_1", model="served", created=7)
NOTES = {"cost_usd": "0.1"}
CALLS = [("c1", "look", {"ship": "a"}), ("c2", "look", {"ship": "b"})]

pairs = pytest.mark.parametrize(("caller", "host"), [(caller, host) for caller in CALLERS for host in HOSTS])


def golden(name):
    return (GOLDEN / name).read_bytes()


def asked(caller, **more):
    body = json.loads(golden(f"{caller}.request.json")) | {"model": "auto"} | more
    return CALLERS[caller].decode(msgspec.json.encode(body))


def written_for(host, request):
    options = {} if host == "gemini" else {"stream": False}
    return json.loads(HOSTS[host].encode_request(request, CANDIDATE, **options))


def decoder(host, *, keep_body):
    kinds = {"openai": {"keep_body": keep_body}, "gemini": {}}
    return HOSTS[host].ChunkDecoder(**kinds.get(host, {"keep_body": keep_body}))


@pairs
def test_a_request_reaches_the_host_in_its_own_words(caller, host):
    assert written_for(host, asked(caller)) == json.loads(golden(f"{host}.request.json"))


# What the official clients make of an answer: reasoning, words, calls, finish, (input, cached, output, model)


def read_openai(body):
    completion = ChatCompletion.model_validate_json(body)
    (choice,), usage = completion.choices, completion.usage
    message = choice.message
    calls = [(call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]
    counts = (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens)
    reasoning = message.model_extra["reasoning_content"]
    return reasoning, message.content, calls, choice.finish_reason == "tool_calls", counts, completion.model


def read_responses(body):
    response = Response.model_validate_json(body)
    calls = [(i.call_id, i.name, json.loads(i.arguments)) for i in response.output if i.type == "function_call"]
    (thought,) = (item for item in response.output if item.type == "reasoning")
    reasoning = "".join(part.text for part in [*thought.summary, *(thought.content or ())])
    usage = response.usage
    counts = (usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens)
    return reasoning, response.output_text, calls, response.status == "completed", counts, response.model


def read_anthropic(body):
    message = Message.model_validate_json(body)
    thought, words, *uses = message.content
    usage = message.usage
    n_input = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    counts = (n_input, usage.cache_read_input_tokens, usage.output_tokens)
    calls = [(use.id, use.name, use.input) for use in uses]
    return thought.thinking, words.text, calls, message.stop_reason == "tool_use", counts, message.model


READ = {"openai": read_openai, "responses": read_responses, "anthropic": read_anthropic}
EXPECTED = ("Hm.", "Both.", CALLS, True, (90, 20, 50), "served")


@pairs
def test_an_answer_reaches_the_caller_whole(caller, host):
    answer = HOSTS[host].decode_response(golden(f"{host}.answer.json"))
    body = CALLERS[caller].encode(answer, asked(caller), HEADING, NOTES)
    assert READ[caller](body) == EXPECTED
    assert json.loads(body)["usage"]["fairlead"] == NOTES


SAID = {
    "openai": ("finish_reason", {"stop": "stop", "length": "length", "content_filter": "content_filter"}),
    "responses": ("status", {"stop": "completed", "length": "max_output_tokens", "content_filter": "content_filter"}),
    "anthropic": ("stop_reason", {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}),
    "gemini": ("finishReason", {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}),
}
"""How each dialect says why an answer ended, where no tool is called."""


def ended(host, reason):
    """The golden answer without its calls, ended for this reason."""
    body, (field, words) = json.loads(golden(f"{host}.answer.json")), SAID[host]
    match host:
        case "openai":
            body["choices"][0]["message"].pop("tool_calls")
            body["choices"][0][field] = words[reason]
        case "responses":
            body["output"] = body["output"][:2]
            if reason != "stop":
                body |= {"status": "incomplete", "incomplete_details": {"reason": words[reason]}}
        case "anthropic":
            body |= {"content": body["content"][:2], field: words[reason]}
        case "gemini":
            body["candidates"][0]["content"]["parts"] = body["candidates"][0]["content"]["parts"][:2]
            body["candidates"][0][field] = words[reason]
    return json.dumps(body).encode()


def why(caller, body):
    read = json.loads(body)
    match caller:
        case "openai":
            return read["choices"][0]["finish_reason"]
        case "responses":
            return (read["incomplete_details"] or {}).get("reason", read["status"])
        case "anthropic":
            return read["stop_reason"]


@pairs
@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
def test_why_an_answer_ended_is_told_in_the_callers_words(caller, host, reason):
    answer = HOSTS[host].decode_response(ended(host, reason))
    assert answer.finish_reason == reason
    body = CALLERS[caller].encode(answer, asked(caller), HEADING, NOTES)
    assert why(caller, body) == SAID[caller][1][reason]


# The same of a stream, put together as the clients do


def gathered_openai(events):
    message = {"role": "assistant", "content": "", "reasoning_content": "", "tool_calls": []}
    usage = finish = None
    assert events[-1].data == b"[DONE]"
    for event in events[:-1]:
        chunk = ChatCompletionChunk.model_validate_json(event.data)
        usage = chunk.usage or usage
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            message["content"] += choice.delta.content or ""
            message["reasoning_content"] += (choice.delta.model_extra or {}).get("reasoning_content") or ""
            for part in choice.delta.tool_calls or ():
                if part.id:
                    call = {
                        "id": part.id,
                        "type": "function",
                        "function": {"name": part.function.name, "arguments": ""},
                    }
                    message["tool_calls"].append(call)
                message["tool_calls"][part.index]["function"]["arguments"] += part.function.arguments or ""
    choices = [{"index": 0, "message": message, "finish_reason": finish}]
    shell = {"id": "x", "object": "chat.completion", "created": 7, "model": chunk.model}
    return json.dumps(shell | {"choices": choices, "usage": usage.model_dump()})


def gathered_responses(events):
    kind = TypeAdapter(ResponseStreamEvent)
    read = [kind.validate_json(event.data) for event in events]
    assert [event.sequence_number for event in read] == list(range(len(read)))
    assert (read[0].type, read[-1].type) == ("response.created", "response.completed")
    said = "".join(event.delta for event in read if event.type == "response.output_text.delta")
    assert said == read[-1].response.output_text
    done = [event.item.id for event in read if event.type == "response.output_item.done"]
    assert done == [item.id for item in read[-1].response.output]
    return json.dumps(json.loads(events[-1].data)["response"])


def gathered_anthropic(events):
    kind, message, unfinished = TypeAdapter(RawMessageStreamEvent), None, {}
    for event in events:
        if event.event != "ping":
            read = kind.validate_json(event.data)
            message = accumulate_event(event=read, current_snapshot=message, json_bufs=unfinished)
    return message.model_dump_json()


GATHERED = {"openai": gathered_openai, "responses": gathered_responses, "anthropic": gathered_anthropic}


def streamed(caller, host):
    request = asked(caller, stream=True, **({"stream_options": {"include_usage": True}} if caller == "openai" else {}))
    to, of = CALLERS[caller].encoder(request, HEADING), decoder(host, keep_body=caller == host)
    chunks = [chunk for event in sse.Parser().feed(golden(f"{host}.stream.txt")) for chunk in of.decode(event)]
    usage = [chunk.usage for chunk in chunks if chunk.usage][-1]
    return b"".join(map(to.chunk, chunks)), to.end(usage, NOTES)


@pairs
def test_a_stream_reaches_the_caller_whole(caller, host):
    before, end = streamed(caller, host)
    events = list(sse.Parser().feed(before + end))
    assert READ[caller](GATHERED[caller](events)) == EXPECTED


@pairs
def test_nothing_before_the_end_of_a_stream_looks_like_its_end(caller, host):
    before, end = streamed(caller, host)
    marks = {"openai": b"[DONE]", "responses": b'"type":"response.completed"', "anthropic": b"message_stop"}
    assert marks[caller] not in before
    assert marks[caller] in end


@pytest.mark.parametrize("dialect", CALLERS)
def test_a_stream_of_the_same_dialect_keeps_its_bytes(dialect):
    before, end = streamed(dialect, dialect)
    events = [event.data for event in sse.Parser().feed(golden(f"{dialect}.stream.txt"))]
    sent = [event.data for event in sse.Parser().feed(before + end)]
    for theirs, ours in zip(events, sent, strict=True):
        expected = theirs.replace(b'"model":"host-name"', b'"model":"served"')
        without_notes = ours.replace(b',"fairlead":{"cost_usd":"0.1"}', b"").replace(b',"usage":null}', b"}")
        assert without_notes == expected.replace(b',"usage":null}', b"}")
