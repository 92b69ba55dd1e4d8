"""Server-sent events as the standard's own examples have them."""

from __future__ import annotations

import pytest

from fairlead.wire import sse


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [b"YHOO\n+2\n10"]),
        (b"data\n\ndata\ndata\n\ndata:", [b"", b"\n"]),
        (b"data:test\n\ndata: test\n\ndata:  test\n\n", [b"test", b"test", b" test"]),
        (b": comment\n\ndata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: a\r\n\r\n", [b"a"]),
        (b"data: a\r\rdata: b\n\n", [b"a", b"b"]),
        (b"event: ping\n\ndata: a\n\n", [b"a"]),
        (b"data: cut in the mid", []),
        (b"data: no blank line\n", []),
    ],
)
def test_examples(content, expected):
    assert [event.data for event in sse.Parser().feed(content)] == expected


def test_an_event_that_cr_cr_ends_is_not_held_back():
    assert [event.data for event in sse.Parser().feed(b"data: a\r\r")] == [b"a"]


def test_the_event_type_lasts_one_event():
    events = list(sse.Parser().feed(b"event: error\ndata: a\n\ndata: b\n\n"))
    assert [event.event for event in events] == ["error", ""]


def test_line_ends_in_data_cannot_make_an_event_of_their_own():
    assert [e.data for e in sse.Parser().feed(sse.encode(b"a\r\n\r\ndata: b"))] == [b"a\n\ndata: b"]


def test_a_name_with_a_line_end_makes_no_further_event():
    (event,) = sse.Parser().feed(sse.encode(b"{}", event="ping\ndata: injected\n\n"))
    assert (event.event, event.data) == ("ping", b"{}")
