"""A logged decision in words: who could serve, what was expected, who was chosen and why, and what came of it.

entry -> lines, one a topic       for people, in the order in which it happened
      -> candidates, attempts     the figures behind them
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fairlead.eligibility import EXCLUSIONS
from fairlead.policies.base import REASONS
from fairlead.wording import brief

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.ledger.base import Entry
    from fairlead.types import Attempt, Prediction, Stage

Topic = Literal["asked", "excluded", "expected", "chosen", "chance", "plan", "calls", "outcome", "score"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sentence or a few on one topic."""

    topic: Topic
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A candidate of the route, as the decision saw it."""

    candidate: str
    excluded: str | None
    """A word of `EXCLUSIONS`; `None` where it could serve."""
    prediction: Prediction | None
    """`None` where nothing was logged of it."""
    places: tuple[int, ...]
    """Stages of the plan that call it, from 1."""
    chance: float | None
    """To have been called first; `None` where that is not known."""
    price_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is known of a decision that was made."""

    entry: Entry
    lines: tuple[Line, ...]
    candidates: tuple[Considered, ...]
    """In the route's order."""


def explanation(entry: Entry) -> Explanation:
    """Returns the decision of a ledger entry, explained from the entry alone."""
    lines = (Line(topic=topic, text=text) for topic, text in _lines(entry))
    return Explanation(entry=entry, lines=tuple(line for line in lines if line.text), candidates=_considered(entry))


def _considered(entry: Entry) -> tuple[Considered, ...]:
    names = dict.fromkeys([*entry.candidates, *(p.candidate for p in entry.predictions), entry.chosen])
    predictions = {prediction.candidate: prediction for prediction in entry.predictions}
    return tuple(
        Considered(
            candidate=name,
            excluded=entry.excluded.get(name),
            prediction=predictions.get(name),
            places=tuple(i for i, stage in enumerate(entry.plan, start=1) if name in _names(stage)),
            chance=entry.chances.get(name, 0.0) if entry.chances else None,
            price_id=entry.candidates.get(name),
        )
        for name in names
    )


def _lines(entry: Entry) -> Iterator[tuple[Topic, str]]:
    yield "asked", _asked(entry)
    yield "excluded", _excluded(entry)
    yield "expected", _expected(entry)
    yield "chosen", _chosen(entry)
    yield "chance", _chance(entry)
    yield "plan", _plan(entry.plan)
    yield "calls", " ".join(_call(attempt) for attempt in entry.attempts)
    yield "outcome", _outcome(entry)
    yield "score", _score(entry)


def _asked(entry: Entry) -> str:
    session = "of no session"
    if entry.session_id is not None:
        session = f"of session `{entry.session_id}`, known by {entry.session_rule}"
    kind = _PURPOSES[entry.purpose].format(parent=entry.parent_id)
    return f"{entry.at:%Y-%m-%d %H:%M:%S} UTC: {kind} for `{entry.model_asked}`, route `{entry.route}`, {session}."


_PURPOSES = {
    "serve": "a request",
    "shadow": "a shadow of `{parent}`",
    "judge": "a judgement of `{parent}`, asked",
    "probe": "a call that measures the host, made",
    "cache": "the answer of `{parent}`, given again",
}


def _excluded(entry: Entry) -> str:
    if not entry.excluded:
        return f"All {len(entry.candidates)} candidates could serve." if len(entry.candidates) > 1 else ""
    reasons = "; ".join(f"`{name}`: {EXCLUSIONS.get(word, word)}" for name, word in entry.excluded.items())
    return f"{len(entry.excluded)} of {len(entry.candidates)} candidates could not serve. {reasons}."


def _expected(entry: Entry) -> str:
    known = [prediction for prediction in entry.predictions if prediction.p_success is not None]
    if not entry.predictions:
        return ""
    if not known:
        return "Nothing was known of what any candidate would do."
    by_success = sorted(known, key=lambda prediction: -(prediction.p_success or 0))
    return f"Expected: {'; '.join(_of(prediction) for prediction in by_success)}."


def _of(prediction: Prediction) -> str:
    spread = "" if prediction.p_success_sd is None else f" ± {prediction.p_success_sd:.1%}"
    cost = "at an unknown cost" if prediction.cost_usd is None else f"for {prediction.cost_usd:.6f} USD"
    return f"`{prediction.candidate}` succeeds at {prediction.p_success:.1%}{spread}, {cost}"


def _chosen(entry: Entry) -> str:
    why = REASONS.get(entry.reason, entry.reason)
    by = f" Decided by `{brief(entry.policy)}`" if entry.policy and entry.reason != "asked_for" else ""
    version = f", router {entry.router_version}" if by and entry.router_version else ""
    fault = "" if entry.fault is None else f" What broke inside the router: `{entry.fault}`."
    return f"`{entry.chosen}` was chosen ({entry.reason}): {why}.{by}{version}{'.' if by else ''}{fault}"


def _chance(entry: Entry) -> str:
    if entry.reason == "asked_for":
        return ""
    arm = "the control arm" if entry.arm == "control" else "the policy's arm"
    if entry.propensity == 1:
        return f"In {arm}. Nothing was left to chance."
    others = {name: chance for name, chance in (entry.chances or {}).items() if name != entry.chosen}
    rest = "".join(f", `{name}` {chance:.4g}" for name, chance in others.items())
    return f"In {arm}. The chance of `{entry.chosen}` was {entry.propensity:.4g}{rest}."


def _plan(plan: tuple[Stage, ...]) -> str:
    if not plan:
        return ""
    stages = (" beside ".join(f"`{name}`" for name in _names(stage)) for stage in plan)
    weighs = any(stage.acceptance.rule != "not_failed" for stage in plan)
    rule = "the next where an answer does not convince or fails" if weighs else "the next where a call fails"
    return f"Plan: {', then '.join(stages)}{f'; {rule}' if len(plan) > 1 else ''}."


def _names(stage: Stage) -> tuple[str, ...]:
    return tuple(step.candidate for step in stage.steps)


def _call(attempt: Attempt) -> str:
    said = f"Call {attempt.number}: `{attempt.candidate}` {_STATUS[attempt.status]} {attempt.latency_s:.2f} s"
    code = "" if attempt.status_code is None else f", status {attempt.status_code}"
    error = "" if attempt.error is None else f" ({attempt.error}{code})"
    cost = "its cost is unknown" if attempt.cost_usd is None else f"{attempt.cost_usd:f} USD"
    return f"{said}{error}, {cost}."


_STATUS = {"ok": "answered in", "failed": "failed after", "cancelled": "was cancelled after"}


def _outcome(entry: Entry) -> str:
    if entry.status == "unsettled":
        most = "an unknown sum" if entry.reserved_usd is None else f"{entry.reserved_usd:f} USD"
        return f"It was never settled: it cost at most {most}."
    by = "" if entry.served is None else f" by `{entry.served}`"
    cost = "at an unknown cost" if entry.cost_usd is None else f"for {entry.cost_usd:f} USD"
    reference = ""
    if entry.reference_cost_usd is not None and entry.served != entry.reference:
        reference = f" The reference, `{entry.reference}`, was predicted to cost {entry.reference_cost_usd:.6f} USD."
    return f"{entry.status.capitalize()}{by} {cost}.{reference}"


def _score(entry: Entry) -> str:
    if entry.score is None:
        return ""
    said = ", ".join(f"{given.score:.3g} by `{given.source}`" for given in entry.feedback)
    return f"The answer was scored {said}; {entry.score:.3g} counts." if said else f"It was scored {entry.score:.3g}."
