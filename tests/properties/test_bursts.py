"""However a stream's bytes are cut, and however much of it arrives at once, its caller is sent the same."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import WireError
from fairlead.types import Request
from fairlead.wire import (
    anthropic_messages,
    anthropic_upstream,
    frames,
    gemini_upstream,
    openai_chat,
    openai_responses,
    openai_upstream,
    responses_upstream,
    sse,
)
from fairlead.wire.bursts import Bursts
from fairlead.wire.codec import Heading

GOLDEN = Path(__file__).parent.parent / "wire" / "golden"
HEADING = Heading(id="req_1", model="p/served", created=1)
ASKED = Request.from_prompt("Hi")
HOSTS = {
    "openai": lambda own: openai_upstream.ChunkDecoder(keep_body=own),
    "anthropic": lambda own: anthropic_upstream.ChunkDecoder(keep_body=own),
    "responses": lambda own: responses_upstream.ChunkDecoder(keep_body=own),
    "gemini": lambda _own: gemini_upstream.ChunkDecoder(),
}
CALLERS = {"openai": openai_chat, "anthropic": anthropic_messages, "responses": openai_responses}
PAIRS = pytest.mark.parametrize(("host", "caller"), [(host, caller) for host in HOSTS for caller in CALLERS])


def event_by_event(host, caller, content):
    """Returns what the caller is sent where each event is read and written on its own, and what it says."""
    decoder, encoder = HOSTS[host](host == caller), CALLERS[caller].encoder(ASKED, HEADING)
    chunks = []
    for event in sse.Parser().feed(content):
        if not decoder.done:
            chunks += decoder.decode(event)
    return b"".join(map(encoder.chunk, chunks)), said(chunks)


def at_once(host, caller, pieces):
    decoder, encoder = HOSTS[host](host == caller), CALLERS[caller].encoder(ASKED, HEADING)
    bursts, chunks, sent = Bursts(decoder), [], []
    for piece in pieces:
        if not decoder.done:
            now = [*bursts.read(piece)]
            chunks += now
            sent += map(encoder.chunk, now)
    return b"".join(sent), said(chunks)


def said(chunks):
    text, thoughts = "".join(chunk.text for chunk in chunks), "".join(chunk.reasoning for chunk in chunks)
    return text, thoughts, [chunk.finish_reason for chunk in chunks if chunk.finish_reason]


def cut(content, places):
    bounds = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[a:b] for a, b in pairwise(bounds)]


@PAIRS
def test_recorded_streams_cut_at_every_byte(host, caller):
    content = (GOLDEN / f"{host}.stream.txt").read_bytes()
    whole = event_by_event(host, caller, content)
    assert at_once(host, caller, [content]) == whole
    assert at_once(host, caller, [content[i : i + 1] for i in range(len(content))]) == whole
    for i in range(0, len(content), 7):
        assert at_once(host, caller, [content[:i], content[i:]]) == whole


def openai_event(word, *, field="content", **more):
    delta = {"index": 0, "delta": {field: word}, "logprobs": None, "finish_reason": None}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [delta], **more}


def anthropic_event(word):
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}


WORDS = st.lists(
    st.text(max_size=8) | st.sampled_from(["content", "m", '"', "\\", '\\"', '","x":"', "~fairlead~", "stop"])
)
SPELLINGS = st.sampled_from(
    [
        json.dumps,
        lambda body: json.dumps(body, separators=(",", ":")),
        lambda body: json.dumps(body, separators=(",", ":"), ensure_ascii=False),
    ]
)
LINE_ENDS = st.sampled_from([b"\n", b"\r\n"])
PLACES = st.lists(st.integers(min_value=0), max_size=6)


@given(WORDS, SPELLINGS, LINE_ENDS, PLACES, st.sampled_from([None, "obfuscation", "p"]), st.data())
def test_chat_streams_of_any_words(words, spelling, line_end, places, noise, data):
    field = data.draw(st.sampled_from(["content", "reasoning_content"]))
    drawn = [{noise: data.draw(st.from_regex(r"[A-Za-z0-9]{0,6}", fullmatch=True))} if noise else {} for _ in words]
    events = [openai_event(word, field=field, **more) for word, more in zip(words, drawn, strict=True)]
    end = openai_event("")
    end["choices"][0] |= {"delta": {}, "finish_reason": "stop"}
    written = [f"data: {spelling(event)}\n\n".replace("\n", line_end.decode()) for event in [*events, end]]
    try:
        content = "".join(written).encode() + b"data: [DONE]\n\n"
    except UnicodeEncodeError:
        return
    for caller in CALLERS:
        try:
            whole = event_by_event("openai", caller, content)
        except WireError:  # half a surrogate pair
            return
        assert at_once("openai", caller, [content]) == whole
        assert at_once("openai", caller, cut(content, places)) == whole


@given(WORDS, PLACES)
def test_streams_of_messages_of_any_words(words, places):
    written = [f"event: content_block_delta\ndata: {json.dumps(anthropic_event(word))}\n\n" for word in words]
    content = "".join(written).encode()
    for caller in CALLERS:
        try:
            whole = event_by_event("anthropic", caller, content)
        except WireError:
            return
        assert at_once("anthropic", caller, cut(content, places)) == whole


OTHERS = st.sampled_from(
    [
        b": keep-alive\n\n",
        b"\n",
        b"event: ping\ndata: {}\n\n",
        sse.encode(json.dumps(openai_event("b") | {"id": "c2"}).encode()),
        sse.encode(json.dumps(openai_event("c", usage={"prompt_tokens": 1, "completion_tokens": 2})).encode()),
        sse.encode(json.dumps({**openai_event("d"), "choices": [{"index": 1, "delta": {"content": "d"}}]}).encode()),
    ]
)


@given(st.lists(WORDS | OTHERS, max_size=8), PLACES, st.sampled_from([1, 300, frames.MOST_BYTES]))
def test_words_and_other_events_in_turn(parts, places, most_bytes):
    written = [[part] if isinstance(part, bytes) else map(word_event, part) for part in parts]
    content = b"".join(event for events in written for event in events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "MOST_BYTES", most_bytes)
        for caller in CALLERS:
            try:
                whole = event_by_event("openai", caller, content)
            except WireError:
                return
            assert at_once("openai", caller, cut(content, places)) == whole


def word_event(word):
    return sse.encode(json.dumps(openai_event(word)).encode())


BAD = [
    b'{"id":"c1","choices":[{"index":0,"delta":{"content":"a"b"}}]}',
    b'{"id":"c1","choices":[{"index":0,"delta":{"content":"a\\"}}]}',
    b'{"id":"c1","choices":[{"index":0,"delta":{"content":"\xff"}}]}',
    b'{"id":"c1","choices":[{"index":0,"delta":{"content":"}}]}',
    b'{"error":{"message":"overloaded"}}',
]


@pytest.mark.parametrize("bad", BAD)
def test_what_came_before_an_event_that_breaks_the_stream_is_not_lost(bad):
    good = b'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"word"}}]}\n\n'
    bursts, chunks = Bursts(HOSTS["openai"](True)), []
    with pytest.raises(WireError):
        chunks.extend(bursts.read(good * 5 + b"data: " + bad + b"\n\n" + good))
    assert said(chunks) == ("word" * 5, "", [])


def test_words_that_come_together_are_one_chunk_and_each_keeps_its_event():
    spelled = [json.dumps(openai_event(word), separators=(",", ":")) for word in ("one ", "two ", "three ", "four")]
    written = [sse.encode(event.encode()) for event in spelled]
    decoder, encoder = HOSTS["openai"](True), openai_chat.encoder(ASKED, HEADING)
    first, second, rest = Bursts(decoder).read(b"".join(written))
    assert (rest.text, rest.pieces, rest.body) == ("three four", ("three ", "four"), b"")
    sent = encoder.chunk(first) + encoder.chunk(second) + encoder.chunk(rest)
    assert sent == b"".join(written).replace(b'"m"', b'"p/served"')


@pytest.mark.parametrize("field", ["usage", "x"])
def test_an_event_with_more_in_it_is_read(field):
    events = [
        openai_event("a"),
        openai_event("a"),
        openai_event("b"),
        openai_event("c", **{field: {"prompt_tokens": 1, "completion_tokens": 2}}),
    ]
    content = b"".join(sse.encode(json.dumps(event).encode()) for event in events)
    *_, last = Bursts(HOSTS["openai"](True)).read(content)
    assert (last.text, last.body) == ("c", json.dumps(events[-1]).encode())
    assert (last.usage is not None) == (field == "usage")
