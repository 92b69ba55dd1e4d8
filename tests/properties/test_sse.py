"""However the bytes of a stream are cut, the events are the same."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import WireError
from fairlead.wire import sse

LINE_ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
LINES = st.one_of(
    st.sampled_from(
        [b"", b"data", b"data:", b"data: ", b": keep-alive", b"event: x", b"id: 1", b"retry: 5", b"\xef\xbb\xbf"]
    ),
    st.binary(max_size=12).map(lambda value: b"data: " + value.translate(None, b"\r\n")),
)
STREAMS = st.lists(st.tuples(LINES, LINE_ENDS), max_size=20).map(lambda lines: b"".join(a + b for a, b in lines))


def read(pieces: list[bytes]) -> list[sse.Event]:
    parser = sse.Parser()
    return [event for piece in pieces for event in parser.feed(piece)]


def cut(content: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[a:b] for a, b in pairwise(bounds)]


@given(STREAMS, st.lists(st.integers(min_value=0), max_size=8), st.booleans())
def test_any_split_gives_the_same_events(content, places, with_bom):
    content = b"\xef\xbb\xbf" + content if with_bom else content
    whole = read([content])
    assert read(cut(content, places)) == whole
    assert read([content[i : i + 1] for i in range(len(content))]) == whole


@given(st.lists(st.tuples(st.text(), st.sampled_from(["", "error", "message_stop"])), max_size=5))
def test_what_is_encoded_is_read_back(events):
    written = b"".join(sse.encode(data.encode(), event=event) for data, event in events)
    read_back = [(event.data, event.event) for event in read([written])]
    assert read_back == [("\n".join(lines(data)).encode(), event) for data, event in events]


def lines(data: str) -> list[str]:
    return data.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@given(st.integers(min_value=1, max_value=40), st.lists(st.integers(min_value=0), max_size=4))
def test_the_size_limit_does_not_depend_on_the_split(n_bytes, places):
    content = b"data: first\n\ndata:" + b"x" * n_bytes + b"\n\n"

    def outcome(pieces):
        parser, events = sse.Parser(max_event_bytes=25), []
        try:
            for piece in pieces:
                events.extend(parser.feed(piece))
        except WireError:
            return "too long"
        return events

    expected = "too long" if n_bytes > 20 else [sse.Event(b"first"), sse.Event(b"x" * n_bytes)]
    assert outcome([content]) == outcome(cut(content, places)) == expected


def test_events_before_one_that_is_too_long_are_not_lost():
    events = sse.Parser(max_event_bytes=20).feed(b"data: a\n\ndata: " + b"x" * 30)
    assert next(events).data == b"a"
    with pytest.raises(WireError, match="longer than 20 bytes"):
        next(events)


@pytest.mark.parametrize("n_bytes", [1, 4096])
def test_a_picture_of_10_mb_is_one_event_however_it_comes(n_bytes):
    size = 10_000_000 if n_bytes > 1 else 1_000_000
    content = b"data: " + b"x" * size + b"\r\n\r\n"
    pieces = [content[i : i + n_bytes] for i in range(0, len(content), n_bytes)]
    assert [len(event.data) for event in read(pieces)] == [size]


@given(st.binary(max_size=200), st.lists(st.integers(min_value=0), max_size=8))
def test_no_bytes_at_all_break_it(content, places):
    assert read(cut(content, places)) == read([content])
