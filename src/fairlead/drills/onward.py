"""Streams that break off in the middle, before hosts that are known to go on from the beginning of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.drills import checks
from fairlead.drills.scenarios import PREFILL_WORDS, Scenario
from fairlead.drills.script import End, Pause, Send

if TYPE_CHECKING:
    from fairlead.drills.host import Call
    from fairlead.drills.script import Script
    from fairlead.drills.speech import Speech


def _begun(call: Call) -> str:
    """Returns the beginning of the answer that a call ends with; nothing where it asks for a whole one."""
    turns = msgspec.json.decode(call.body).get("messages") or [{}]
    return turns[-1]["content"] if turns[-1].get("role") == "assistant" else ""


def _dies(speech: Speech) -> Script:
    return (Send(speech.head() + speech.first(40)), Pause(1), End("close"))


def _dies_once(speech: Speech, call: Call) -> Script:
    return _dies(speech) if call.attempt == 1 else speech.onward(_begun(call))


def _falls_silent(speech: Speech, call: Call) -> Script:
    if call.attempt > 1:
        return speech.error(503, None, "The server is overloaded.")
    return (Send(speech.head() + speech.first(20)), Pause(100), End("close"))


def _goes_on(speech: Speech, call: Call) -> Script:
    return speech.onward(_begun(call))


def _says_it_again(speech: Speech, call: Call) -> Script:
    return speech.onward(_begun(call), again=True)


def _refuses_to_go_on(speech: Speech, call: Call) -> Script:
    if _begun(call):
        return speech.error(400, None, PREFILL_WORDS)
    return _dies(speech) if call.attempt == 1 else speech.answer()


ONWARD: tuple[Scenario, ...] = (
    Scenario(
        id="B16",
        fault="dies after 40 tokens, once; goes on when it is asked to",
        conduct="delivers one whole answer",
        primary=_dies_once,
        prefill=True,
        checks=(checks.answered_or_error, checks.at_most(2)),
    ),
    Scenario(
        id="B17",
        fault="falls silent after 20 tokens; the fallback goes on",
        conduct="delivers one whole answer",
        primary=_falls_silent,
        fallback=_goes_on,
        prefill=True,
        checks=(checks.answered_or_error,),
    ),
    Scenario(
        id="B18",
        fault="dies after 40 tokens; the fallback says them again and goes on",
        conduct="says nothing twice",
        primary=_refuses_to_go_on,
        fallback=_says_it_again,
        prefill=True,
        checks=(checks.answered_or_error,),
    ),
    Scenario(
        id="B19",
        fault="dies after 40 tokens; nobody goes on, whatever was known of them",
        conduct="a clear error that does not speak of it",
        primary=_refuses_to_go_on,
        fallback=_refuses_to_go_on,
        prefill=True,
        checks=(checks.answered_or_error, checks.never_says(PREFILL_WORDS)),
    ),
)
"""In the dialect of responses no host can be asked to go on: there a clear error is right."""
