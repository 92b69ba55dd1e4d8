"""Whatever bytes come, from a caller or from a host: an error of ours, in words, and never another one."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import RequestError, WireError
from fairlead.gateway.app import CODECS
from fairlead.types import Candidate, Request
from fairlead.wire import (
    anthropic_messages,
    anthropic_upstream,
    embeddings_upstream,
    error_body,
    gemini_upstream,
    openai_chat,
    openai_embeddings,
    openai_responses,
    openai_upstream,
    responses_upstream,
    sse,
    translation,
)
from fairlead.wire.codec import Heading

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
IMAGE = "data:image/png;base64,AAAA"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALL = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}
BLOCK = {"type": "tool_use", "id": "c", "name": "look", "input": {}}

CALLERS = {
    "chat": (
        openai_chat.decode,
        {
            "model": "auto",
            "messages": [
                {"role": "system", "content": "s"},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": IMAGE}}],
                },
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c", "content": "r"},
            ],
            "tools": [TOOL],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
            "stream_options": {"include_usage": True},
            "stop": ["a"],
            "metadata": {"a": "b"},
            "n": 1,
            "temperature": 0.5,
            "max_tokens": 5,
        },
    ),
    "messages": (
        anthropic_messages.decode,
        {
            "model": "auto",
            "max_tokens": 9,
            "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "t"},
                        {"type": "image", "source": {"type": "url", "url": "x"}},
                    ],
                },
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "h", "signature": "s"}, BLOCK]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "r"}]},
            ],
            "tools": [{"name": "look", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "tool", "name": "look"},
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "metadata": {"user_id": "u"},
            "stop_sequences": ["a"],
        },
    ),
    "responses": (
        openai_responses.decode,
        {
            "model": "auto",
            "instructions": "i",
            "input": [
                {
                    "role": "user",
                    "content": [{"type": "input_text", "text": "t"}, {"type": "input_image", "image_url": IMAGE}],
                },
                {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "r"},
                {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"},
            ],
            "tools": [{"type": "function", "name": "look", "parameters": {}}, {"type": "custom", "name": "free"}],
            "tool_choice": {"type": "function", "name": "look"},
            "text": {"format": {"type": "json_schema", "name": "x", "schema": {}}},
            "metadata": {"a": "b"},
            "reasoning": {"effort": "low"},
            "previous_response_id": "r",
        },
    ),
    "embeddings": (
        openai_embeddings.decode,
        {"model": "m", "input": ["a", "b"], "dimensions": 3, "encoding_format": "float"},
    ),
}
HOSTS = {
    "chat": (
        openai_upstream.decode_response,
        {
            "id": "x",
            "model": "m",
            "created": 3,
            "choices": [
                {
                    "index": 0,
                    "message": {"content": "t", "tool_calls": [CALL], "reasoning": "h"},
                    "finish_reason": "stop",
                }
            ],
            "usage": USAGE,
        },
    ),
    "messages": (
        anthropic_upstream.decode_response,
        {
            "type": "message",
            "id": "x",
            "model": "m",
            "content": [{"type": "text", "text": "t"}, BLOCK, {"type": "thinking", "thinking": "h"}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 1, "output_tokens": 2, "server_tool_use": {"web_search_requests": 1}},
        },
    ),
    "responses": (
        responses_upstream.decode_response,
        {
            "id": "x",
            "model": "m",
            "status": "completed",
            "output": [
                {"type": "message", "content": [{"type": "output_text", "text": "t"}]},
                {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "h"}]},
            ],
            "usage": {"input_tokens": 1, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}},
        },
    ),
    "gemini": (
        gemini_upstream.decode_response,
        {
            "responseId": "x",
            "modelVersion": "m",
            "candidates": [
                {
                    "content": {"parts": [{"text": "t"}, {"functionCall": {"name": "look", "args": {}}}]},
                    "finishReason": "STOP",
                }
            ],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "thoughtsTokenCount": 1},
        },
    ),
    "embeddings": (
        embeddings_upstream.decode_response,
        {"object": "list", "model": "m", "data": [{"index": 0, "embedding": [0.1]}], "usage": {"prompt_tokens": 1}},
    ),
}
CHUNK = {
    "id": "x",
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": "t", "tool_calls": [{"index": 0, **CALL}]}}],
    "usage": USAGE,
}
EVENTS = {
    "chat": (lambda: openai_upstream.ChunkDecoder(keep_body=True), [("", CHUNK)]),
    "messages": (
        lambda: anthropic_upstream.ChunkDecoder(keep_body=True),
        [
            (
                "message_start",
                {"type": "message_start", "message": {"id": "x", "model": "m", "usage": {"input_tokens": 1}}},
            ),
            ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": BLOCK}),
            (
                "content_block_delta",
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "input_json_delta", "partial_json": "{}"},
                },
            ),
            ("content_block_stop", {"type": "content_block_stop", "index": 0}),
            (
                "message_delta",
                {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
            ),
        ],
    ),
    "responses": (
        lambda: responses_upstream.ChunkDecoder(keep_body=True),
        [
            ("response.created", {"type": "response.created", "response": {"id": "x", "model": "m"}}),
            (
                "response.output_item.added",
                {
                    "type": "response.output_item.added",
                    "output_index": 0,
                    "item": {"type": "function_call", "call_id": "c", "name": "look"},
                },
            ),
            ("response.output_text.delta", {"type": "response.output_text.delta", "delta": "t", "output_index": 0}),
            ("response.completed", {"type": "response.completed", "response": HOSTS["responses"][1]}),
        ],
    ),
    "gemini": (gemini_upstream.ChunkDecoder, [("", HOSTS["gemini"][1])]),
}


def places(value, path=()):
    """Yields the path of every value within a JSON document, its own first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from places(below, (*path, key))


def altered(value, path, new):
    """Returns the document with one of its values replaced."""
    if not path:
        return new
    kept = dict(value) if isinstance(value, dict) else list(value)
    kept[path[0]] = altered(value[path[0]], path[1:], new)
    return kept


def almost(document):
    """A document in which one or two values are anything at all: closer to breaking something than noise is."""
    change = st.tuples(st.sampled_from(list(places(document))), JSON)
    return change.map(lambda made: json.dumps(altered(document, *made)).encode())


EXAMPLES = pytest.mark.parametrize("n", [40, pytest.param(400, marks=pytest.mark.slow)])


def fuzz(check, dialect, n):
    """Runs a check on so many documents."""

    @settings(max_examples=n)
    @given(st.data())
    def run(data):
        check(dialect, data)

    run()


HEADING = Heading(id="r", model="served", created=3)
CANDIDATE = Candidate(name="p/m", model="m")
WRITERS = {
    "openai": partial(openai_upstream.encode_request, stream=True),
    "anthropic": partial(anthropic_upstream.encode_request, stream=True),
    "responses": partial(responses_upstream.encode_request, stream=False),
    "gemini": gemini_upstream.encode_request,
}


@EXAMPLES
@pytest.mark.parametrize("dialect", CALLERS)
def test_a_caller_is_told_what_is_wrong(dialect, n):
    fuzz(a_caller, dialect, n)


def a_caller(dialect, data):
    decode, document = CALLERS[dialect]
    decode(json.dumps(document).encode())  # as it is it is right
    try:
        request = decode(data.draw(st.binary(max_size=50) | almost(document)))
    except RequestError:
        return
    assert request.needs is not None
    assert request.n_chars >= 0
    for spoken, write in WRITERS.items():
        with suppress(WireError):
            translation.check(request, spoken)
            assert isinstance(json.loads(write(request, CANDIDATE)), dict)


@EXAMPLES
@pytest.mark.parametrize("dialect", HOSTS)
def test_a_host_that_answers_anything_fails_its_attempt_or_reaches_the_caller(dialect, n):
    fuzz(a_host, dialect, n)


def a_host(dialect, data):
    decode, document = HOSTS[dialect]
    decode(json.dumps(document).encode())
    try:
        response = decode(data.draw(st.binary(max_size=50) | almost(document)))
    except WireError:
        return
    for codec in CODECS.values():
        if (codec is openai_embeddings) == (dialect == "embeddings"):
            written = codec.encode(response, Request.from_prompt("Hi"), HEADING, {"cost_usd": "1"})
            assert isinstance(json.loads(written), dict)


@EXAMPLES
@pytest.mark.parametrize("dialect", EVENTS)
def test_a_stream_of_anything_fails_its_attempt_or_reaches_the_caller(dialect, n):
    fuzz(a_stream, dialect, n)


def a_stream(dialect, data):
    decoder, events = EVENTS[dialect]
    at = data.draw(st.integers(0, len(events) - 1))
    bad = data.draw(st.binary(max_size=50) | almost(events[at][1]))
    contents = [bad if i == at else json.dumps(event).encode() for i, (_, event) in enumerate(events)]
    reading, chunks = decoder(), []
    with suppress(WireError):
        for (name, _), content in zip(events, contents, strict=True):
            chunks.extend(reading.decode(sse.Event(content, name)))
    for path, codec in CODECS.items():
        if codec is not openai_embeddings:
            own = path.endswith(OWN.get(dialect, "-"))
            to = codec.encoder(Request.from_prompt("Hi"), HEADING)
            for chunk in chunks:
                to.chunk(chunk if own else msgspec.structs.replace(chunk, body=b"", event=""))
            to.end(next((chunk.usage for chunk in chunks if chunk.usage), None), {"cost_usd": "1"})


OWN = {"chat": "completions", "messages": "messages", "responses": "responses"}


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_an_error_body_is_read_or_it_is_not(body):
    said = error_body.read(body)
    assert said is None or isinstance(said.message, str)
