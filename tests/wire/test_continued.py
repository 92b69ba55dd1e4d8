"""An answer that two hosts wrote reads as one: same id, same block, one end, the usage of both."""

from __future__ import annotations

import json

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from msgspec import structs
from openai.types.chat import ChatCompletionChunk
from pydantic import TypeAdapter

from fairlead.config.flavours import FLAVOURS
from fairlead.types import Candidate, Chunk, Request, Usage
from fairlead.wire import anthropic_messages, anthropic_upstream, openai_chat, openai_responses, openai_upstream, sse
from fairlead.wire.codec import Heading

HEADING = Heading(id="req_1", model="p/served", created=7)
NOTES = {"cost_usd": "0.1", "continued": 1}
USAGE = Usage(input_tokens=20, output_tokens=9, requests=2)
CANDIDATE = Candidate(name="p/m", model="m")
REST = [
    Chunk(id="other", model="another", text=" night", pieces=(" ni", "ght")),
    Chunk(finish_reason="stop", id="other"),
]

CHAT = b"".join(
    sse.encode(json.dumps({"id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "m", **rest}).encode())
    for rest in (
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
        {
            "choices": [{"index": 0, "delta": {"content": "A dark"}, "finish_reason": None}],
            "usage": {"prompt_tokens": 9},
        },
    )
)
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
MESSAGES = b"".join(
    sse.encode(json.dumps(event).encode(), event=event["type"])
    for event in (
        {"type": "message_start", "message": {**MESSAGE, "usage": {"input_tokens": 9, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "A dark"}},
    )
)


def sent(encoder, decoder, content):
    """Returns what the caller gets of half an answer of its own dialect, and of the rest from elsewhere."""
    own = [chunk for event in sse.Parser().feed(content) for chunk in decoder.decode(event)]
    return [*sse.Parser().feed(b"".join(map(encoder.chunk, [*own, *REST])) + encoder.end(USAGE, NOTES))]


def test_chat_chunks_go_on_under_the_first_id():
    request = Request.from_prompt("Hi")
    encoder = openai_chat.ChunkEncoder(HEADING, include_usage=True)
    *events, done = sent(encoder, openai_upstream.ChunkDecoder(keep_body=True), CHAT)
    chunks = [ChatCompletionChunk.model_validate_json(event.data) for event in events]
    assert done.data == b"[DONE]"
    assert {(chunk.id, chunk.model, chunk.created) for chunk in chunks} == {("c1", "p/served", 5)}
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "A dark night"
    assert [c.choices[0].delta.role for c in chunks if c.choices] == ["assistant", None, None, None, None]
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (20, 9)
    assert json.loads(events[-1].data)["usage"]["fairlead"]["continued"] == 1
    assert request.begun == ""


@pytest.mark.parametrize("between_blocks", [False, True])
def test_a_message_goes_on_in_the_block_that_is_open(between_blocks):
    stop = sse.encode(b'{"type":"content_block_stop","index":0}', event="content_block_stop")
    content = MESSAGES + stop if between_blocks else MESSAGES
    events = sent(anthropic_messages.ChunkEncoder(HEADING), anthropic_upstream.ChunkDecoder(keep_body=True), content)
    kinds, message, unfinished = [event.event for event in events], None, {}
    for event in events:
        read = TypeAdapter(RawMessageStreamEvent).validate_json(event.data)
        message = accumulate_event(event=read, current_snapshot=message, json_bufs=unfinished)
    assert (message.id, message.model, message.stop_reason) == ("msg_1", "p/served", "end_turn")
    assert "".join(block.text for block in message.content) == "A dark night"
    assert len(message.content) == 1 + between_blocks
    assert (kinds.count("message_start"), kinds.count("content_block_stop")) == (1, 1 + between_blocks)
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert json.loads(events[-2].data)["usage"]["fairlead"] == NOTES


def test_a_response_of_words_from_elsewhere_goes_on():
    encoder = openai_responses.encoder(Request.from_prompt("Hi"), HEADING)
    content = b"".join(map(encoder.chunk, [Chunk(text="A dark"), *REST])) + encoder.end(USAGE, NOTES)
    *_, last = [json.loads(event.data) for event in sse.Parser().feed(content)]
    assert [item["content"][0]["text"] for item in last["response"]["output"]] == ["A dark night"]


# How hosts are asked --------------------------------------------------------------------------------------------------

BEGUN = "It was a dark"
LAST = {"role": "assistant", "content": BEGUN}


def asked(codec, upstream, body, **ways):
    request = codec.decode(json.dumps(body).encode())
    return json.loads(upstream.encode_request(structs.replace(request, begun=BEGUN), CANDIDATE, stream=True, **ways))


TURN = {"role": "user", "content": "Begin.", "odd": 1}


@pytest.mark.parametrize(
    ("flavour", "last", "more"),
    [
        ("openai", LAST, {}),
        ("mistral", LAST | {"prefix": True}, {}),
        ("deepseek", LAST | {"prefix": True}, {}),
        ("vllm", LAST, {"continue_final_message": True, "add_generation_prompt": False}),
    ],
)
def test_a_host_of_chat_completions_is_asked_in_its_own_way(flavour, last, more):
    body = asked(openai_chat, openai_upstream, {"model": "auto", "messages": [TURN]}, flavour=FLAVOURS[flavour])
    assert body["messages"] == [TURN, last]
    assert {
        name: body.get(name) for name in ("continue_final_message", "add_generation_prompt") if name in body
    } == more


def test_a_host_of_messages_is_asked_by_the_last_turn():
    own = {"model": "auto", "max_tokens": 9, "messages": [TURN]}
    assert asked(anthropic_messages, anthropic_upstream, own)["messages"] == [TURN, LAST]
    foreign = asked(openai_chat, anthropic_upstream, {"model": "auto", "messages": [TURN]})
    assert foreign["messages"][-1] == LAST


def test_a_host_of_chat_completions_is_asked_for_a_caller_of_another_dialect():
    body = asked(anthropic_messages, openai_upstream, {"model": "auto", "max_tokens": 9, "messages": [TURN]})
    assert [message["role"] for message in body["messages"]] == ["user", "assistant"]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_lower_limit_takes_the_place_of_the_callers(name):
    request = openai_chat.decode(json.dumps({"model": "auto", "messages": [TURN], name: 90}).encode())
    request = structs.replace(request, begun=BEGUN).with_output_limit(5)
    body = json.loads(openai_upstream.encode_request(request, CANDIDATE, stream=True))
    assert {field: body[field] for field in body if field.startswith("max")} == {name: 5}
