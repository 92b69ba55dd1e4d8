"""Which policies are put to the test, and in which order: from the safest to the greediest, by what was tuned on.

A certificate tests policies one after another until one fails, so the order is half of its power. It may depend on
anything but the outcomes that it is tested on; here it depends on those the router was fitted on, predicted out of
fold. Of two policies the safer one comes first, and one that is dearer than a safer one is left out.

Routing comes into the ladder only where the hull guard lets it: shown to beat each fixed candidate and each mix of two
at its own cost. A single cheaper candidate needs no such leave, as it is no routing.

References:
    Laufer-Goldshtein, Fisch, Barzilay and Jaakkola, Efficiently controlling multiple risks with Pareto testing,
    ICLR 2023, arXiv:2210.07913: order and pruning from data of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.policies import Constant, LatencyLimit, Utility
from fairlead.policies.judging import MIN_APART, N_BOOT, n_apart, spending
from fairlead.policies.thrifty import CAUTIONS, WORTHS
from fairlead.statistics.bootstrap import lower_limit_of_least, resampled_means
from fairlead.statistics.hulls import gain_over_mixes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairlead.policies.base import Policy
    from fairlead.policies.judging import Case
    from fairlead.policies.realised import Realised
    from fairlead.types import FloatArray, IntArray

GUARD_CONFIDENCE = 0.95
"""That no routing comes into a ladder which does not beat fixed choices, for all policies of it together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A policy, and what it came to on some outcomes."""

    policy: Policy
    realised: Realised
    loss: FloatArray
    """(n_questions,) mean score of the reference minus its own."""
    cost_usd: float
    """Mean of a request; NaN where costs are not known."""

    def safety(self, margin: float) -> float:
        """Returns how many standard errors the loss is below the margin; that it hardly varied may be luck."""
        n = len(self.loss)
        return (margin - float(self.loss.mean())) / math.sqrt(max(float(self.loss.var()), 1 / n) / n)


def ladder(case: Case, *, margin: float, seed: int, latency_p95_s: float | None = None) -> tuple[Policy, ...]:
    """Returns the policies to be tested, the safest first, each cheaper than those before it.

    Args:
        case: what the router was fitted on, predicted out of fold.
        margin: mean score that may be lost against the reference.
        seed: of the guard's resamples.
        latency_p95_s: a limit under which all of them choose; see `LatencyLimit`.
    """
    reference_usd = _mean_usd(case.recorded.cost_usd[:, case.circumstances.reference])
    family = [tried(policy, case) for policy in _family(case, reference_usd, latency_p95_s)]
    family = [each for each in _different(family) if not each.cost_usd >= reference_usd]
    allowed = _guarded(family, case, seed)
    by_safety = sorted(allowed, key=lambda each: each.safety(margin), reverse=True)
    return tuple(each.policy for each in _ever_cheaper(by_safety))


def tried(policy: Policy, case: Case) -> Tried:
    """Returns what a policy comes to on a case."""
    realised = policy.realised(case.predictions, case.circumstances, case.recorded)
    lost = case.recorded.score[:, case.circumstances.reference] - realised.score
    return Tried(
        policy=policy, realised=realised, loss=by_question(lost, case.groups), cost_usd=_mean_usd(realised.cost_usd)
    )


def by_question(values: FloatArray, groups: IntArray) -> FloatArray:
    """Returns (n_questions,) the mean of the prompts that ask each question, in the order of their labels."""
    _, question = np.unique(groups, return_inverse=True)
    means: FloatArray = np.bincount(question, weights=values) / np.bincount(question)
    return means


def _mean_usd(cost_usd: FloatArray) -> float:
    return float(cost_usd.mean()) if np.isfinite(cost_usd).all() else math.nan


def _family(case: Case, reference_usd: float, latency_p95_s: float | None) -> Iterator[Policy]:
    """Yields routing at each rate of quality for money, and each single candidate."""
    priced = reference_usd > 0
    policies: list[Policy] = [
        Utility(willingness_to_pay_usd=worth * reference_usd if priced else math.inf, caution=caution)
        for caution in CAUTIONS
        for worth in (WORTHS if priced else WORTHS[:1])
    ]
    others = [c for c in case.columns.tolist() if c != case.circumstances.reference]
    policies += [Constant(candidate=case.predictions.candidates[column]) for column in others]
    for policy in policies:
        yield policy if latency_p95_s is None else LatencyLimit(policy=policy, latency_p95_s=latency_p95_s)


def _different(family: Sequence[Tried]) -> list[Tried]:
    """Returns those that differ in what they came to; of equal ones the first."""
    seen: dict[bytes, Tried] = {}
    for each in family:
        seen.setdefault(each.realised.score.tobytes() + each.realised.cost_usd.tobytes(), each)
    return list(seen.values())


def _ever_cheaper(by_safety: Sequence[Tried]) -> Iterator[Tried]:
    cheapest = math.inf
    for each in by_safety:
        if math.isnan(each.cost_usd) or each.cost_usd < cheapest:
            cheapest = each.cost_usd
            yield each


# The hull guard, asked of all routing at once ------------------------------------------------------------------------


def _guarded(family: Sequence[Tried], case: Case, seed: int) -> list[Tried]:
    """Returns the single candidates, and the routing that is shown to beat every fixed choice at its own cost."""
    routing = [each for each in family if not each.policy.promise.as_told]
    if not routing:
        return list(family)
    n = len(case.groups)
    fixed = [case.recorded.of(np.full(n, column, dtype=np.int64)) for column in case.columns]
    outcomes = [each.realised for each in routing] + fixed
    values = np.column_stack([o.score for o in outcomes] + [spending(o, case.spends) for o in outcomes])
    means = np.vstack([values.mean(axis=0), resampled_means(values, groups=case.groups, n_boot=N_BOOT, seed=seed)])
    score, spent = np.split(means, 2, axis=1)
    k, confidence = len(routing), 1 - (1 - GUARD_CONFIDENCE) / len(routing)
    refused = {i for i in range(k) if not _beats(score[:, i], spent[:, i], spent[:, k:], score[:, k:], confidence)} | {
        i for i in range(k) if _n_apart(values, i, k, case.groups) < MIN_APART
    }
    out = {id(routing[i]) for i in refused}
    return [each for each in family if id(each) not in out]


def _beats(
    score: FloatArray, spent: FloatArray, fixed_spent: FloatArray, fixed_score: FloatArray, confidence: float
) -> bool:
    gains = gain_over_mixes(score, spent, fixed_spent, fixed_score)
    return lower_limit_of_least(gains[1:], confidence=confidence) > 0


def _n_apart(values: FloatArray, i: int, k: int, groups: IntArray) -> int:
    score, spent = np.split(values, 2, axis=1)
    return n_apart(np.column_stack([score[:, i], score[:, k:], spent[:, i], spent[:, k:]]), groups)
