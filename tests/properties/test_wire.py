"""What one side of a dialect writes the other reads back."""

from __future__ import annotations

import itertools
import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fairlead.types import Candidate, Chunk, Media, Message, Request, Response, Text, Tool, ToolCall, ToolResult, Usage
from fairlead.wire import (
    anthropic_messages,
    anthropic_upstream,
    openai_chat,
    openai_responses,
    openai_upstream,
    responses_upstream,
    splice,
    sse,
)
from fairlead.wire.codec import Heading

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
NAMES = st.text("abcdefgh_", min_size=1, max_size=8)
TOKENS = st.integers(0, 10_000)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
TEXTS = st.builds(Text, text=WORDS)
CALLS = st.builds(ToolCall, id=NAMES, name=NAMES, arguments=st.dictionaries(NAMES, JSON, max_size=2).map(json.dumps))
IMAGES = st.one_of(
    st.builds(Media, kind=st.just("image"), url=NAMES.map("https://example.org/{}".format)),
    st.builds(Media, kind=st.just("image"), data=NAMES, media_type=st.sampled_from(["image/png", "image/gif"])),
)


def message(role, *parts):
    return st.builds(Message, role=st.just(role), parts=st.tuples(*parts))


MESSAGES = st.lists(
    st.one_of(
        message("system", TEXTS),
        message("user", TEXTS),
        message("user", TEXTS, IMAGES),
        message("assistant", TEXTS, CALLS, CALLS),
        message("assistant", CALLS),
        message("tool", st.builds(ToolResult, call_id=NAMES, content=WORDS)),
    ),
    min_size=1,
    max_size=4,
).map(tuple)
SCHEMAS = st.dictionaries(NAMES, JSON, max_size=2).map(json.dumps)
REQUESTS = st.builds(
    Request,
    messages=MESSAGES,
    model=st.just("m"),
    max_output_tokens=st.none() | st.integers(1, 9999),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    stop=st.lists(WORDS, max_size=3).map(tuple),
    seed=st.none() | st.integers(0, 2**31),
    n=st.integers(1, 4),
    logprobs=st.booleans(),
    tools=st.lists(st.builds(Tool, name=NAMES, description=WORDS, parameters=SCHEMAS), max_size=2).map(tuple),
    tool_choice=st.sampled_from([None, "auto", "none", "required", "function:look"]),
    parallel_tool_calls=st.none() | st.booleans(),
    json_schema=st.none() | SCHEMAS,
    metadata=st.dictionaries(NAMES, WORDS, max_size=2),
    user=st.none() | NAMES,
)
HEADING = Heading(id="r", model="served", created=3)
ASKED = Request.from_prompt("Hi")
CANDIDATE = Candidate(name="p/m", model="m")
BUCKETS = st.builds(
    Usage,
    input_tokens=TOKENS,
    output_tokens=st.integers(50, 10_000),
    cache_read_tokens=TOKENS,
    reasoning_tokens=st.integers(0, 50),
)


@given(REQUESTS)
def test_a_request_written_for_a_host_is_the_one_it_reads(request):
    written = openai_upstream.encode_request(request, CANDIDATE, stream=False)
    assert structs.replace(openai_chat.decode(written), body=b"") == request


@given(st.lists(TEXTS, max_size=1), st.lists(CALLS, max_size=3), BUCKETS)
def test_an_answer_written_for_a_caller_is_the_one_it_reads(texts, calls, usage):
    finish = "tool_calls" if calls else "stop"
    answer = Response(
        id="r", model="host", parts=(*texts, *calls), finish_reason=finish, usage=usage, created=3, dialect="gemini"
    )
    written = openai_chat.encode(answer, ASKED, HEADING, {})
    expected = structs.replace(answer, model="served", dialect="openai")
    assert structs.replace(openai_upstream.decode_response(written), body=b"") == expected


CHUNKS = st.one_of(
    st.builds(Chunk, text=WORDS),
    st.builds(Chunk, reasoning=WORDS),
    st.builds(Chunk, tool_call=CALLS, tool_index=st.integers(0, 3)),
)
ANTHROPIC_TURNS = st.lists(
    st.one_of(
        message("user", TEXTS),
        message("user", TEXTS, IMAGES),
        message("assistant", TEXTS, CALLS, CALLS),
        message("tool", st.builds(ToolResult, call_id=NAMES, content=WORDS, is_error=st.booleans())),
    ),
    min_size=1,
    max_size=4,
).map(
    lambda turns: tuple(turn for turn, before in zip(turns, [None, *turns], strict=False) if not _joined(before, turn))
)
OBJECTS = SCHEMAS.map(lambda schema: msgspec.json.encode({"type": "object", **json.loads(schema)}).decode())
ANTHROPIC_REQUESTS = st.builds(
    Request,
    messages=ANTHROPIC_TURNS,
    model=st.just("m"),
    include_usage=st.just(True),
    max_output_tokens=st.integers(1, 9999),
    temperature=st.none() | st.floats(0, 1),
    top_p=st.none() | st.floats(0, 1),
    stop=st.lists(WORDS, max_size=3).map(tuple),
    tools=st.lists(st.builds(Tool, name=NAMES, description=WORDS, parameters=OBJECTS), min_size=1, max_size=2).map(
        tuple
    ),
    tool_choice=st.sampled_from([None, "auto", "none", "required", "function:look"]),
    json_schema=st.none() | SCHEMAS,
    user=st.none() | NAMES,
    dialect=st.just("anthropic"),
)


def _joined(before, turn):
    """Anthropic joins turns of one role: such neighbours are not told apart afterwards."""
    return before is not None and (before.role == "assistant") == (turn.role == "assistant")


@given(ANTHROPIC_REQUESTS)
def test_a_request_written_for_an_anthropic_host_is_the_one_it_reads(request):
    written = anthropic_upstream.encode_request(request, CANDIDATE, stream=False)
    assert structs.replace(anthropic_messages.decode(written), body=b"") == request


def _one_turn(messages):
    """Tells whether no assistant's turn follows another: responses join them."""
    return all(b.role != "assistant" or a.role != "assistant" for a, b in itertools.pairwise(messages))


RESPONSES_REQUESTS = st.builds(
    Request,
    messages=MESSAGES.filter(_one_turn),
    model=st.just("m"),
    include_usage=st.just(True),
    max_output_tokens=st.none() | st.integers(1, 9999),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    tools=st.lists(st.builds(Tool, name=NAMES, description=WORDS, parameters=SCHEMAS), max_size=2).map(tuple),
    tool_choice=st.sampled_from([None, "auto", "none", "required", "function:look"]),
    parallel_tool_calls=st.none() | st.booleans(),
    json_schema=st.none() | SCHEMAS,
    metadata=st.dictionaries(NAMES, WORDS, max_size=2),
    user=st.none() | NAMES,
    prompt_cache_key=st.none() | NAMES,
    dialect=st.just("responses"),
)


@given(RESPONSES_REQUESTS)
def test_a_request_written_for_a_host_of_responses_is_the_one_it_reads(request):
    written = responses_upstream.encode_request(request, CANDIDATE, stream=False)
    assert structs.replace(openai_responses.decode(written), body=b"") == request


@given(st.lists(TEXTS, max_size=1), st.lists(CALLS, max_size=3), BUCKETS, st.sampled_from(["", "Hm."]))
def test_an_answer_written_for_a_caller_of_responses_is_the_one_it_reads(texts, calls, usage, reasoning):
    finish = "tool_calls" if calls else "stop"
    parts = (*texts, *calls)
    answer = Response(
        id="r", model="host", parts=parts, finish_reason=finish, usage=usage, reasoning=reasoning, dialect="gemini"
    )
    written = openai_responses.encode(answer, ASKED, HEADING, {})
    read = responses_upstream.decode_response(written)
    assert (read.parts, read.finish_reason, read.usage, read.reasoning) == (parts, finish, usage, reasoning)


@given(st.lists(CHUNKS, min_size=1, max_size=6), BUCKETS)
def test_a_stream_written_for_a_caller_of_responses_says_the_same(chunks, usage):
    to, decoder = openai_responses.encoder(ASKED, HEADING), responses_upstream.ChunkDecoder(keep_body=False)
    written = b"".join(to.chunk(chunk) for chunk in [*chunks, Chunk(finish_reason="stop")]) + to.end(usage, {})
    read = [c for event in sse.Parser().feed(written) for c in decoder.decode(event)]
    assert "".join(c.text for c in read) == "".join(c.text for c in chunks)
    assert "".join(c.reasoning for c in read) == "".join(c.reasoning for c in chunks)
    said = {}
    for chunk in (c for c in chunks if c.tool_call):
        said[chunk.tool_index] = said.get(chunk.tool_index, "") + chunk.tool_call.arguments
    heard = {}
    for chunk in (c for c in read if c.tool_call):
        heard[chunk.tool_index] = heard.get(chunk.tool_index, "") + chunk.tool_call.arguments
    assert list(heard.values()) == list(said.values())
    assert (read[-1].usage, decoder.done) == (usage, True)


@given(st.lists(TEXTS, max_size=1), st.lists(CALLS, max_size=3), BUCKETS)
def test_an_answer_written_for_an_anthropic_caller_is_the_one_it_reads(texts, calls, usage):
    finish = "tool_calls" if calls else "stop"
    parts = (*texts, *calls)
    answer = Response(id="r", model="host", parts=parts, finish_reason=finish, usage=usage, dialect="gemini")
    written = anthropic_messages.encode(answer, ASKED, HEADING, {})
    read = anthropic_upstream.decode_response(written)
    assert (read.parts, read.finish_reason, read.model) == (parts, finish, "served")
    assert read.usage == structs.replace(usage, reasoning_tokens=0)


@given(st.lists(st.sampled_from("rtab"), min_size=1, max_size=9), BUCKETS)
def test_a_stream_written_for_an_anthropic_caller_says_the_same(kinds, usage):
    made = {
        "r": Chunk(reasoning="hm "),
        "t": Chunk(text="so "),
        "a": Chunk(tool_call=ToolCall(id="a", name="a", arguments="1"), tool_index=0),
        "b": Chunk(tool_call=ToolCall(id="b", name="b", arguments="2"), tool_index=1),
    }
    kinds = sorted(kinds, key="rt".find)  # calls come after words, in any order among themselves
    to, decoder = anthropic_messages.ChunkEncoder(HEADING), anthropic_upstream.ChunkDecoder(keep_body=False)
    written = b"".join(
        to.chunk(made[kind]) for kind in [k for k in kinds if k in "rt"] + [k for k in kinds if k in "ab"]
    )
    read = [c for event in sse.Parser().feed(written + to.end(usage, {})) for c in decoder.decode(event)]
    assert "".join(c.text for c in read) == "so " * kinds.count("t")
    assert "".join(c.reasoning for c in read) == "hm " * kinds.count("r")
    said = {}
    for chunk in (c for c in read if c.tool_call):
        name, words = said.get(chunk.tool_index, ("", ""))
        said[chunk.tool_index] = (name + chunk.tool_call.name, words + chunk.tool_call.arguments)
    digits = {"a": "1", "b": "2"}
    assert dict(said.values()) == {kind: digits[kind] * kinds.count(kind) for kind in {*kinds} & {*"ab"}}
    assert read[-1].usage == structs.replace(usage, reasoning_tokens=0)
    assert decoder.done


@given(st.lists(CHUNKS, min_size=1, max_size=6), BUCKETS)
def test_a_stream_written_for_a_caller_is_the_one_it_reads(chunks, usage):
    to = openai_chat.ChunkEncoder(HEADING, include_usage=True)
    called = any(chunk.tool_call for chunk in chunks)
    ended = [*chunks, Chunk(finish_reason="tool_calls" if called else "stop")]
    written = b"".join(to.chunk(chunk) for chunk in ended) + to.end(usage, {})
    decoder = openai_upstream.ChunkDecoder(keep_body=False)
    role, *said, last = [chunk for event in sse.Parser().feed(written) for chunk in decoder.decode(event)]
    assert (role.text, last.usage) == ("", usage)
    assert [msgspec.structs.replace(chunk, id=None, model=None) for chunk in said] == ended
    assert decoder.done
    assert decoder.complete


@given(st.dictionaries(NAMES, JSON, max_size=4), NAMES, NAMES, st.integers())
def test_a_field_that_is_put_in_leaves_all_others_as_they_were(body, outer, inner, value):
    spliced = splice.read(json.dumps(body).encode())
    splice.put(spliced, [(f"{outer}.{inner}", value)])
    kept = body.get(outer) if isinstance(body.get(outer), dict) else {}
    assert json.loads(msgspec.json.encode(spliced)) == body | {outer: kept | {inner: value}}
