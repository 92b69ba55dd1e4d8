"""The judge itself: what it must not let pass."""

from __future__ import annotations

import msgspec
import pytest

from fairlead.drills import checks
from fairlead.drills.asking import Told, read
from fairlead.drills.checks import Seen
from fairlead.drills.host import Call
from fairlead.drills.speech import SERVED, TEXT, Speech

STREAM = {"content-type": "text/event-stream"}


def told(**fields):
    return Told(**{"status": 200, "text": TEXT, "ended": True, "model": "p/primary"} | fields)


def seen(*replies, calls=()):
    calls = [Call(path="/", body=b"", attempt=i + 1, at_s=at_s) for i, at_s in enumerate(calls)]
    return Seen(told=replies or [told()], calls={"primary": calls, "small": []}, names={"primary": "p/primary"})


@pytest.mark.parametrize(
    "reply",
    [
        told(text=TEXT[:-10]),
        told(ended=False),
        told(cut=True),
        told(error={"message": "broken"}),
        told(status=502),
        told(text=TEXT + "token00 "),
    ],
    ids=["truncated", "no end", "cut", "error and end", "status", "too much"],
)
def test_only_the_whole_answer_is_one(reply):
    assert checks.answered(seen(reply)) is not None


def test_a_truncated_success_is_neither_answer_nor_error():
    assert checks.answered_or_error(seen(told(text=TEXT[:100]))) is not None
    assert checks.answered_or_error(seen(told(text=TEXT[:100], ended=False, error={"message": "cut"}))) is None
    assert checks.answered_or_error(seen(told(text=TEXT[:100], error={"message": "cut"}))) is not None


def test_calls_are_counted_in_their_time():
    assert checks.at_most(2, within_s=1.5)(seen(calls=[0, 0.5, 2.0])) is None
    assert checks.at_most(2)(seen(calls=[0, 0.5, 2.0])) is not None
    assert checks.retried_after(1.8)(seen(calls=[0, 1.7])) is not None
    assert checks.retried_after(1.8)(seen(calls=[0, 1.9])) is None


def test_grades():
    assert checks.grade(seen(), ["wrong"]) == "fail"
    assert checks.grade(seen(), []) == "pass"
    assert checks.grade(seen(told(ended=False, error={"message": "cut"})), []) == "safe"


@pytest.mark.parametrize("dialect", SERVED)
def test_a_whole_stream_is_read_as_one(dialect):
    speech = Speech(dialect=dialect, stream=True, model="m")
    reply = Told(status=200, headers=STREAM)
    read(reply, dialect, b"".join(speech.events))
    assert checks.whole(reply)
    assert (reply.model, bool(reply.usage)) == ("m", True)


@pytest.mark.parametrize("dialect", SERVED)
def test_a_stream_without_its_end_is_not(dialect):
    speech = Speech(dialect=dialect, stream=True, model="m")
    reply = Told(status=200, headers=STREAM)
    read(reply, dialect, b"".join(speech.events[:-1]))
    assert not checks.whole(reply)


@pytest.mark.parametrize("dialect", SERVED)
def test_the_parts_of_a_reply_make_the_whole(dialect):
    for stream in (False, True):
        speech = Speech(dialect=dialect, stream=stream, model="m")
        assert speech.first(40) + speech.rest(40) == speech.rest(0)
    assert msgspec.json.decode(speech.body)["model"] == "m"
