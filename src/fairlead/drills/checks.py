"""What must hold of a drill, check by check; each says in words what is wrong, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from fairlead.drills.speech import TEXT

if TYPE_CHECKING:
    from decimal import Decimal

    from fairlead.drills.asking import Told
    from fairlead.drills.host import Call

Grade = Literal["pass", "safe", "fail"]
"""`pass`: the whole answer, or the error that the scenario asks for; `safe`: a clear error in its place."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of one scenario, in one dialect, streamed or not."""

    told: Sequence[Told]
    """One reply a request, in order."""
    calls: Mapping[str, Sequence[Call]]
    """Role -> the calls that reached its host."""
    names: Mapping[str, str]
    """Role -> name of the candidate."""
    costs_usd: Sequence[Decimal | None] = field(default=())
    """What each request was billed, by the ledger."""
    prices_usd: Mapping[str, Decimal] = field(default_factory=dict)
    """Role -> what one whole answer of its model costs."""


Check = Callable[[Seen], "str | None"]


def whole(told: Told) -> bool:
    """Says whether the reply is the whole answer, and says so."""
    return told.status == 200 and told.ended and not told.cut and told.error is None and told.text == TEXT


def clear_error(told: Told) -> bool:
    """Says whether the reply is plainly an error."""
    return bool(told.error and told.error.get("message")) and not told.ended


def grade(seen: Seen, faults: Sequence[str]) -> Grade:
    """Returns how a scenario went; `faults` is what its checks found."""
    if faults:
        return "fail"
    return "pass" if all(whole(told) or told.status in {400, 403} for told in seen.told) else "safe"


# Of the reply ---------------------------------------------------------------------------------------------------------


def answered(seen: Seen) -> str | None:
    """Every request got the whole answer."""
    wrong = next((told for told in seen.told if not whole(told)), None)
    return None if wrong is None else f"no whole answer: {_described(wrong)}"


def answered_or_error(seen: Seen) -> str | None:
    """Every request got the whole answer, or a clear error; no part of an answer passed for one."""
    wrong = next((told for told in seen.told if not (whole(told) or clear_error(told))), None)
    return None if wrong is None else f"neither a whole answer nor a clear error: {_described(wrong)}"


def next_works(seen: Seen) -> str | None:
    """The request after the first is answered."""
    return None if whole(seen.told[1]) else f"the next request failed: {_described(seen.told[1])}"


def within(limit_s: float) -> Check:
    """Returns the check that no request took longer."""

    def check(seen: Seen) -> str | None:
        took_s = max(told.took_s for told in seen.told)
        return None if took_s <= limit_s else f"took {took_s:.1f} s, expected at most {limit_s:g} s"

    return check


def reports_usage(seen: Seen) -> str | None:
    """The answer's usage came along."""
    return None if all(told.usage for told in seen.told) else "no usage was reported"


def refused_saying(words: str) -> Check:
    """Returns the check that the caller got a 4xx with these words."""

    def check(seen: Seen) -> str | None:
        (told,) = seen.told
        said = str((told.error or {}).get("message"))
        return None if told.status in {400, 403} and words in said else f"no refusal with `{words}`: {_described(told)}"

    return check


def never_says(words: str) -> Check:
    """Returns the check that these words reached no caller."""

    def check(seen: Seen) -> str | None:
        return f"the caller was told `{words}`" if any(words in str(told.error) for told in seen.told) else None

    return check


def served_by(role: str) -> Check:
    """Returns the check that the answer names the model in that role, and its usage."""

    def check(seen: Seen) -> str | None:
        model = seen.told[0].model
        return None if model == seen.names[role] else f"the answer names `{model}`, expected `{seen.names[role]}`"

    return check


def billed_as(role: str) -> Check:
    """Returns the check that one answer of the model in that role was billed, and nothing beside it."""
    return lambda seen: billed(seen.prices_usd[role])(seen)


def billed(cost_usd: Decimal | None) -> Check:
    """Returns the check that the request was billed so; `None` is unknown."""

    def check(seen: Seen) -> str | None:
        return None if list(seen.costs_usd) == [cost_usd] else f"billed {seen.costs_usd}, expected {cost_usd}"

    return check


def flags_served_as(model: str) -> Check:
    """Returns the check that the caller is told which model the host says it was."""

    def check(seen: Seen) -> str | None:
        (told,) = seen.told
        said = (told.usage or {}).get("fairlead", {}).get("served_as")
        return None if said == model else f"the caller was told `{said}`, expected `{model}`"

    return check


# Of the calls ---------------------------------------------------------------------------------------------------------


def at_most(n: int, *, within_s: float = float("inf")) -> Check:
    """Returns the check that the primary was called no more often, within a time from the first call."""

    def check(seen: Seen) -> str | None:
        n_calls = sum(call.at_s <= within_s for call in seen.calls["primary"])
        return None if n_calls <= n else f"{n_calls} calls of the primary, expected at most {n}"

    return check


def never_called(role: str) -> Check:
    """Returns the check that the model in that role was left alone."""
    return lambda seen: f"`{role}` was called" if seen.calls[role] else None


def retried(seen: Seen) -> str | None:
    """The primary was called a second time."""
    return None if len(seen.calls["primary"]) == 2 else f"{len(seen.calls['primary'])} calls of the primary, expected 2"


def retried_after(wait_s: float) -> Check:
    """Returns the check that a second call of the primary, where there was one, came no sooner."""

    def check(seen: Seen) -> str | None:
        early = [call.at_s for call in seen.calls["primary"][1:] if call.at_s < wait_s]
        return f"called again after {early[0]:.2f} s, expected {wait_s:g} s or more" if early else None

    return check


def circuit_opened(until_s: float) -> Check:
    """Returns the check that the primary was mostly left alone while it was down."""

    def check(seen: Seen) -> str | None:
        n_calls = sum(call.at_s < until_s for call in seen.calls["primary"])
        n_requests = sum(told.began_s < until_s for told in seen.told)
        fine = n_calls < n_requests
        return None if fine else f"{n_calls} calls of a primary that was down, for {n_requests} requests"

    return check


def recovered_by(limit_s: float) -> Check:
    """Returns the check that the primary serves again by then."""

    def check(seen: Seen) -> str | None:
        times = [told.began_s for told in seen.told if told.model == seen.names["primary"]]
        return None if times and min(times) <= limit_s else f"the primary did not serve again within {limit_s:g} s"

    return check


def _described(told: Told) -> str:
    ending = "cut off" if told.cut else "ended" if told.ended else "open"
    n_tokens = len(told.text.split())
    return f"status {told.status}, {n_tokens} tokens, {ending}, error {dict(told.error) if told.error else None}"
