"""The sixteen ways in which a provider fails, as data: what its hosts do, and what must come of it.

Facts of the scenarios: Failover Bench 0.1, `scenarios/catalogue.yaml`, whose checks these are. Times are of real time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from fairlead.drills import checks
from fairlead.drills.script import End, Pause, Send
from fairlead.drills.speech import chunked, http_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.drills.checks import Check
    from fairlead.drills.host import Call
    from fairlead.drills.script import Script
    from fairlead.drills.speech import Speech

Role = Literal["primary", "small", "fallback"]
"""Who is called: `small` is a second model with as small a context as the primary's."""
ROLES: tuple[Role, ...] = ("primary", "small", "fallback")

Conduct = "Callable[[Speech, Call], Script]"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One fault, and the right conduct."""

    id: str
    fault: str
    """What happens at the primary, in words."""
    conduct: str
    """What a gateway should do, in words."""
    primary: Callable[[Speech, Call], Script]
    fallback: Callable[[Speech, Call], Script] | None = None
    """Without one it answers."""
    checks: tuple[Check, ...]
    n_requests: int = 1
    every_s: float = 0.0
    """From the start of one request to the start of the next."""
    roles: tuple[Role, ...] = ("primary", "fallback")
    prefill: bool = False
    """The models are known to go on from the beginning of an answer."""
    base_url: str | None = None
    """Where the primary is looked for, in place of the host that plays; `{host}` stands for it."""

    def script(self, role: str, speech: Speech, call: Call) -> Script:
        """Returns what the host does to a call of its model in that role."""
        plays = {"primary": self.primary, "fallback": self.fallback}.get(role)
        return speech.answer() if plays is None else plays(speech, call)


# What hosts do --------------------------------------------------------------------------------------------------------


def _error(status: int, code: str | None, message: str) -> Callable[[Speech, Call], Script]:
    return lambda speech, _call: speech.error(status, code, message)


_busy = _error(503, None, "The server is overloaded.")


def _limited_once(speech: Speech, call: Call) -> Script:
    if call.attempt > 1:
        return speech.answer()
    return speech.error(429, None, "Rate limit reached.", retry_after_s=2.0)


def _broken_once(speech: Speech, call: Call) -> Script:
    return speech.error(500, None, "Internal error.") if call.attempt == 1 else speech.answer()


def _reset_once(speech: Speech, call: Call) -> Script:
    return (End("reset"),) if call.attempt == 1 else speech.answer()


def _silent(_speech: Speech, _call: Call) -> Script:
    return (End("hang"),)


def _late(speech: Speech, _call: Call) -> Script:
    return (Send(speech.head()), Pause(20), Send(speech.rest(0)))


def _dies(speech: Speech, _call: Call) -> Script:
    return (Send(speech.head() + speech.first(40)), Pause(1), End("close"))


def _stalls_once(speech: Speech, call: Call) -> Script:
    if call.attempt > 1:
        return speech.answer()
    return (Send(speech.head() + speech.first(20)), Pause(30), End("close"))


def _garbles_once(speech: Speech, call: Call) -> Script:
    if call.attempt > 1:
        return speech.answer()
    if not speech.stream:
        broken = speech.body[:-1]
        return (Send(http_head(200, len(broken)) + broken),)
    broken_event = b'data: {"choices": [{"delta": \n\n'
    before, after = speech.events[:9], speech.events[10:]
    return (Send(speech.head() + chunked([*before, broken_event, *after]) + b"0\r\n\r\n"),)


def _ends_without_a_word(speech: Speech, _call: Call) -> Script:
    if speech.stream:
        return (Send(speech.head() + speech.without_last_event()), Pause(30), End("close"))
    return (Send(http_head(200, None) + speech.body), End("close"))


def _too_long(speech: Speech, call: Call) -> Script:
    said = {"messages": "prompt is too long: 8200 tokens > 8000 maximum"}
    code = None if speech.dialect == "messages" else "context_length_exceeded"
    words = said.get(speech.dialect, "This model's maximum context length is 8000 tokens.")
    return _error(400, code, words)(speech, call)


def _against_policy(speech: Speech, call: Call) -> Script:
    code = None if speech.dialect == "messages" else "content_policy_violation"
    return _error(400, code, f"{POLICY_WORDS} policy.")(speech, call)


POLICY_WORDS = "Output blocked by content filtering"


def _takes_no_prefill(speech: Speech, call: Call) -> Script:
    asked = msgspec.json.decode(call.body)
    turns = asked.get("messages") or asked.get("input")
    if isinstance(turns, list) and turns[-1].get("role") == "assistant":
        return speech.error(400, None, PREFILL_WORDS)
    return speech.answer()


PREFILL_WORDS = "This model does not support assistant message prefill."


def _down_for_a_minute(speech: Speech, call: Call) -> Script:
    return _busy(speech, call) if call.at_s < 60 else speech.answer()


# The sixteen ----------------------------------------------------------------------------------------------------------

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        id="S01",
        fault="429 with `Retry-After: 2` once, then fine",
        conduct="honours the header, or fails over",
        primary=_limited_once,
        checks=(checks.answered, checks.at_most(2, within_s=1.5), checks.retried_after(1.8)),
    ),
    Scenario(
        id="S02",
        fault="429 without the header, always",
        conduct="backs off, then fails over",
        primary=_error(429, None, "Rate limit reached."),
        checks=(checks.answered, checks.at_most(4, within_s=3), checks.at_most(6)),
    ),
    Scenario(
        id="S03",
        fault="500 once, then fine",
        conduct="retries once at the same host",
        primary=_broken_once,
        checks=(checks.answered, checks.retried),
    ),
    Scenario(
        id="S04",
        fault="503 always",
        conduct="fails over within the retry budget",
        primary=_busy,
        checks=(checks.answered, checks.at_most(6)),
    ),
    Scenario(
        id="S05",
        fault="TCP reset before the first byte, once",
        conduct="retries or fails over",
        primary=_reset_once,
        checks=(checks.answered,),
    ),
    Scenario(
        id="S06",
        fault="takes the request, never answers",
        conduct="times out, fails over, never asks the silent host again",
        primary=_silent,
        checks=(checks.answered, checks.within(100), checks.at_most(1)),
    ),
    Scenario(
        id="S07",
        fault="headers at once, the first token after 20 s",
        conduct="fails over at a limit on the time to first token",
        primary=_late,
        checks=(checks.answered, checks.within(15)),
    ),
    Scenario(
        id="S08",
        fault="dies after 40 of 60 tokens",
        conduct="delivers the whole answer all the same, or a clear error",
        primary=_dies,
        checks=(checks.answered_or_error,),
    ),
    Scenario(
        id="S09",
        fault="silent for 30 s after 20 tokens",
        conduct="sees the stall, fails over or fails; stays healthy",
        primary=_stalls_once,
        n_requests=2,
        checks=(checks.answered_or_error, checks.within(45), checks.next_works),
    ),
    Scenario(
        id="S10",
        fault="the tenth event, or the body, is no JSON",
        conduct="skips it, recovers, or fails cleanly",
        primary=_garbles_once,
        n_requests=2,
        checks=(checks.answered_or_error, checks.next_works),
    ),
    Scenario(
        id="S11",
        fault="complete, but without the dialect's last event",
        conduct="finishes at once and reports the usage",
        primary=_ends_without_a_word,
        checks=(checks.answered, checks.within(8), checks.reports_usage),
    ),
    Scenario(
        id="S12",
        fault="400 `context_length_exceeded`, always",
        conduct="goes to a model with a larger context, and to no other",
        primary=_too_long,
        roles=ROLES,
        checks=(checks.answered, checks.at_most(1), checks.never_called("small")),
    ),
    Scenario(
        id="S13",
        fault="400 `content_policy_violation`, always",
        conduct="does not ask the model again, and passes the reason on",
        primary=_against_policy,
        checks=(checks.refused_saying(POLICY_WORDS), checks.at_most(1)),
    ),
    Scenario(
        id="S14",
        fault="dies after 40 tokens; the fallback takes no prefill",
        conduct="continues only where that is possible; the caller never sees the fallback's refusal",
        primary=_dies,
        fallback=_takes_no_prefill,
        checks=(checks.answered_or_error, checks.never_says(PREFILL_WORDS)),
    ),
    Scenario(
        id="S15",
        fault="503 for 60 s, then healthy; 20 requests, one every 4 s",
        conduct="opens the circuit, serves from the fallback, probes, closes again",
        primary=_down_for_a_minute,
        n_requests=20,
        every_s=4,
        checks=(checks.answered, checks.circuit_opened(60), checks.recovered_by(90)),
    ),
    Scenario(
        id="S16",
        fault="503 always; the fallback answers",
        conduct="reports the fallback's name and usage, and bills nothing else",
        primary=_busy,
        checks=(checks.answered, checks.served_by("fallback"), checks.billed_as("fallback")),
    ),
)
