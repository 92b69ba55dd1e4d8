"""What to do next, given all attempts so far: pure, so that recorded outcomes replay the very rule that serves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fairlead.errors import ContentPolicyError, ContextLengthError
from fairlead.predictors.posterior import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from fairlead.providers.base import Limits
    from fairlead.types import Attempt, Candidate, Stage


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Call this candidate, after a pause, and others of its stage beside it."""

    stage: int
    candidate: str
    wait_s: float = 0.0
    beside: tuple[str, ...] = ()

    @property
    def candidates(self) -> tuple[str, ...]:
        """All that are called at once."""
        return (self.candidate, *self.beside)


class Deliver(msgspec.Struct, frozen=True, kw_only=True):
    """Deliver the answer of this attempt."""

    attempt: Attempt


class GiveUp(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is left to try, or no time or attempt to try it with."""


Move = Call | Deliver | GiveUp


def advance(
    plan: Sequence[Stage],
    attempts: Sequence[Attempt],
    limits: Limits,
    seed: int = 0,
    *,
    barred: Container[str] = frozenset(),
) -> Move:
    """Returns the next move of `plan` after `attempts`.

    The steps of a stage are called at once, and judged when all have come to an end. A failure worth retrying is
    retried at the same step, after a pause, unless another step of the stage has answered; else the next stage is taken
    at once. Where nothing is left to try, an answer that did not convince is better than none.

    Args:
        plan: stages in order.
        attempts: all of them, in order; of a stage's steps in their order.
        limits: how often and how long.
        seed: draws the pauses.
        barred: candidates that it would be in vain to call, after what others said.
    """
    if not attempts:
        return _open(plan, 0, attempts, barred)
    last = attempts[-1]
    chosen = RULES[plan[last.stage].acceptance.rule](plan[: last.stage + 1], attempts)
    if chosen is not None:
        return Deliver(attempt=chosen)
    left_s = limits.total_s - _elapsed_s(attempts)
    if last.status == "cancelled":
        return GiveUp()
    if len(attempts) >= limits.max_attempts or left_s <= 0:
        return _best_so_far(plan, attempts)
    wait_s = _retry_wait_s(attempts, limits, seed)
    if wait_s is not None and wait_s < left_s:
        return Call(stage=last.stage, candidate=last.candidate, wait_s=wait_s)
    return _open(plan, last.stage + 1, attempts, barred)


def hedge(
    plan: Sequence[Stage], attempts: Sequence[Attempt], stage: int, limits: Limits, barred: Container[str]
) -> Call | None:
    """Returns the call to make beside a lone one of `stage` that takes long; `None` where there is none."""
    if len(attempts) + 2 > limits.max_attempts:
        return None
    move = _open(plan, stage + 1, attempts, barred)
    plain = isinstance(move, Call) and not move.beside and not compares(plan[move.stage])
    return move if isinstance(move, Call) and plain else None


def ruled_out(attempts: Sequence[Attempt], candidates: Mapping[str, Candidate]) -> frozenset[str]:
    """Returns the candidates that it would be in vain to call, after what others said.

    All, where the request is against a provider's rules; where it was too long, those whose context is no larger.
    """
    said = {attempt.candidate: attempt.error for attempt in attempts if attempt.error in _SPEAKING}
    if not said:
        return frozenset()
    if ContentPolicyError.__name__ in said.values():
        return frozenset(candidates)
    full = [candidates[name] for name in said]
    window = max(candidate.capabilities.context_tokens or 0 for candidate in full)
    weights = {candidate.weights for candidate in full} - {""}
    small = (c.name for c in candidates.values() if (c.capabilities.context_tokens or math.inf) <= window)
    return frozenset([*said, *small, *(c.name for c in candidates.values() if c.weights in weights)])


_SPEAKING = {ContextLengthError.__name__, ContentPolicyError.__name__}
"""Errors that say something of what other candidates would answer."""


def compares(stage: Stage) -> bool:
    """Says whether a stage weighs answers: then they are held back until it has."""
    return stage.acceptance.rule == "posterior"


def _open(plan: Sequence[Stage], stage: int, attempts: Sequence[Attempt], barred: Container[str]) -> Move:
    for i in range(stage, len(plan)):
        if named := [step.candidate for step in plan[i].steps if step.candidate not in barred]:
            return Call(stage=i, candidate=named[0], beside=tuple(named[1:]))
    return _best_so_far(plan, attempts)


def _best_so_far(plan: Sequence[Stage], attempts: Sequence[Attempt]) -> Move:
    weighed = [stage for stage in range(len(plan)) if compares(plan[stage])]
    reached = [stage for stage in weighed if any(attempt.stage == stage for attempt in attempts)]
    if not reached or all(attempt.status != "ok" for attempt in attempts):
        return GiveUp()
    best, _ = _weighed(plan[: reached[-1] + 1], attempts)
    answered = [attempt for attempt in attempts if attempt.status == "ok"]
    return Deliver(attempt=best or answered[-1])


def _elapsed_s(attempts: Sequence[Attempt]) -> float:
    """Returns the seconds from the start of the first attempt to the end of the last."""
    began = attempts[0].started_at
    return max((attempt.started_at - began).total_seconds() + attempt.latency_s for attempt in attempts)


def _retry_wait_s(attempts: Sequence[Attempt], limits: Limits, seed: int) -> float | None:
    """Returns the pause before the last step is called again; `None` where it should not be."""
    last = attempts[-1]
    n_calls = sum((attempt.stage, attempt.candidate) == (last.stage, last.candidate) for attempt in attempts)
    answered = any(attempt.stage == last.stage and attempt.status == "ok" for attempt in attempts)
    if answered or not last.retryable or n_calls > limits.retries:
        return None
    if last.retry_after_s is not None:
        return last.retry_after_s if last.retry_after_s <= limits.max_retry_after_s else None
    # A draw of its own for each retry keeps the requests that one outage stopped from coming back in step.
    draw = float(np.random.default_rng((seed, len(attempts))).random())
    return limits.backoff_s * 2.0 ** (n_calls - 1) * (0.5 + draw)


# When an answer is good enough ----------------------------------------------------------------------------------------


def _not_failed(_plan: Sequence[Stage], attempts: Sequence[Attempt]) -> Attempt | None:
    return attempts[-1] if attempts[-1].status == "ok" else None


def _posterior(plan: Sequence[Stage], attempts: Sequence[Attempt]) -> Attempt | None:
    """Returns the attempt whose answer is the best of all so far, if that convinces; see `Verdict`.

    Where the stage itself has not answered, another one must: the answers before it did not convince.
    """
    of_stage = [attempt for attempt in attempts if attempt.stage == len(plan) - 1 and attempt.status == "ok"]
    if not of_stage:
        return None
    best, good = _weighed(plan, attempts)
    is_last = len(plan) > 1 and compares(plan[-2])
    if best is None and is_last:
        return of_stage[-1]  # nothing can be compared: the candidate that was asked to settle it has the last word
    return best if good else None


def _weighed(plan: Sequence[Stage], attempts: Sequence[Attempt]) -> tuple[Attempt | None, bool]:
    """Returns the attempt with the best answer, and whether it is good enough."""
    acceptance = plan[-1].acceptance
    voters = [(i, step.candidate) for i, stage in enumerate(plan) for step in stage.steps]
    answered = {(a.stage, a.candidate): a for a in attempts if a.status == "ok"}
    votes = [answered.get(voter) for voter in voters]
    number: dict[str | None, int] = {None: -1}
    answers = [number.setdefault(None if vote is None else vote.answer, len(number) - 1) for vote in votes]
    voter, good = Verdict.from_weights(acceptance.weights).of(answers, list(map(_tokens, votes)), acceptance.cut)
    return (votes[voter], good) if voter >= 0 else (None, False)


def _tokens(attempt: Attempt | None) -> float:
    return math.nan if attempt is None or attempt.usage is None else float(attempt.usage.output_tokens)


RULES: dict[str, Callable[[Sequence[Stage], Sequence[Attempt]], Attempt | None]] = {
    "not_failed": _not_failed,
    "posterior": _posterior,
}
"""Name of an acceptance rule -> the attempt that the last of these stages would deliver, `None` to go on."""
