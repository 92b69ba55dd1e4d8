"""What to do next, given all attempts so far: pure, so that recorded outcomes replay the very rule that serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairlead.providers.base import Limits
    from fairlead.types import Acceptance, Attempt, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Call this candidate, after a pause."""

    stage: int
    candidate: str
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Deliver the answer of this attempt."""

    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Nothing is left to try, or no time or attempt to try it with."""


Move = Call | Deliver | GiveUp


def advance(plan: Sequence[Stage], attempts: Sequence[Attempt], limits: Limits, seed: int = 0) -> Move:
    """Returns the next move of `plan` after `attempts`.

    A failure worth retrying is retried at the same step, after a pause; any other takes the next step at once.

    Args:
        plan: stages in order; the steps of a stage are called in order.
        attempts: all of them, in order.
        limits: how often and how long.
        seed: draws the pauses.
    """
    steps = [(i, step.candidate) for i, stage in enumerate(plan) for step in stage.steps]
    if not attempts:
        return _call(steps)
    last = attempts[-1]
    chosen = RULES[plan[last.stage].acceptance.rule](plan[last.stage].acceptance, attempts)
    if chosen is not None:
        return Deliver(attempt=chosen)
    left_s = limits.total_s - _elapsed_s(attempts)
    if last.status == "cancelled" or len(attempts) >= limits.max_attempts or left_s <= 0:
        return GiveUp()
    wait_s = _retry_wait_s(attempts, limits, seed)
    if wait_s is not None and wait_s < left_s:
        return Call(stage=last.stage, candidate=last.candidate, wait_s=wait_s)
    return _call(steps[steps.index((last.stage, last.candidate)) + 1 :])


def _call(steps: Sequence[tuple[int, str]]) -> Move:
    return Call(stage=steps[0][0], candidate=steps[0][1]) if steps else GiveUp()


def _elapsed_s(attempts: Sequence[Attempt]) -> float:
    """Returns the seconds from the start of the first attempt to the end of the last."""
    return (attempts[-1].started_at - attempts[0].started_at).total_seconds() + attempts[-1].latency_s


def _retry_wait_s(attempts: Sequence[Attempt], limits: Limits, seed: int) -> float | None:
    """Returns the pause before the last step is called again; `None` where it should not be."""
    last = attempts[-1]
    n_calls = sum((attempt.stage, attempt.candidate) == (last.stage, last.candidate) for attempt in attempts)
    if not last.retryable or n_calls > limits.retries:
        return None
    if last.retry_after_s is not None:
        return last.retry_after_s if last.retry_after_s <= limits.max_retry_after_s else None
    # A draw of its own for each retry keeps the requests that one outage stopped from coming back in step.
    draw = float(np.random.default_rng((seed, len(attempts))).random())
    return limits.backoff_s * 2.0 ** (n_calls - 1) * (0.5 + draw)


def _not_failed(_acceptance: Acceptance, attempts: Sequence[Attempt]) -> Attempt | None:
    return attempts[-1] if attempts[-1].status == "ok" else None


RULES: dict[str, Callable[[Acceptance, Sequence[Attempt]], Attempt | None]] = {"not_failed": _not_failed}
"""Name of an acceptance rule -> the attempt that it would deliver, `None` to go on."""
