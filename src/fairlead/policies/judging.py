"""May routing serve? Two questions, asked of the outcomes a router was fitted on, with predictions made out of fold.

Does the policy beat every fixed candidate and every mix of two at the policy's own cost, with confidence, and keep what
else it promises? If not, which fixed choice serves? A policy that buys quality with time is compared at its own
latency; where nothing is spent, as in a table of scores alone, the mark is the best fixed candidate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.policies.base import Circumstances
from fairlead.policies.columns import chosen, column_of
from fairlead.policies.guard import HullGuard
from fairlead.policies.realised import Realised, Recorded
from fairlead.statistics.bootstrap import joint_lower_limits, lower_limit, lower_limit_of_least, resampled_means
from fairlead.statistics.grids import complete_grid
from fairlead.statistics.hulls import Mix, gain_over_mixes, mix_at

if TYPE_CHECKING:
    from fairlead.policies.base import Policy, Promise
    from fairlead.statistics.grids import Grid
    from fairlead.types import FloatArray, IntArray, Predictions

MIN_PROMPTS = 30  # below this a bootstrap does not keep its confidence, so nothing counts as shown
MIN_APART = 10  # three lucky departures from a fixed choice resample to nothing but gains
N_BOOT = 2000
N_FOLDS = 5


def judge(
    policy: Policy,
    predictions: Predictions,
    recorded: Recorded,
    reference: str,
    seed: int,
    confidence: float = 0.95,
    *,
    groups: IntArray | None = None,
) -> HullGuard:
    """Returns the policy, with what it learned, under a guard that knows what was shown.

    The policy is allowed where the one-sided lower limit of its gain over the hull of fixed candidates, at its own mean
    cost, is above zero, its promise is kept, and it departs from every fixed candidate often enough to tell. What a
    policy learns, it learns on other requests than those it is judged on; what serves has learned from all.

    Args:
        policy: what to judge.
        predictions: of the training prompts, each made without its own outcome.
        recorded: what every candidate did on them, in the order of `predictions.candidates`.
        reference: the candidate that the user trusts.
        seed: of resamples, draws and folds.
        confidence: of the lower limit.
        groups: (n,) label of the question behind each prompt; repeated questions count as one.
    """
    case = case_of(policy.promise, predictions, recorded, reference, groups, seed)
    if case is None:
        return HullGuard(policy=policy, allowed=policy.promise.as_told, fixed=reference, confidence=confidence)
    learned = policy.learned(case.predictions, case.circumstances, case.recorded)
    evidence = _gathered(policy, learned, case, seed)
    gain, lower = evidence.gain(confidence)
    mix = evidence.fallback(confidence)
    return HullGuard(
        policy=learned,
        allowed=policy.promise.as_told or (evidence.n_apart >= MIN_APART and lower > 0 and evidence.keeps_promise()),
        fixed=evidence.candidates[mix.first],
        other=evidence.candidates[mix.other] if mix.share > 0 else None,
        share=mix.share,
        gain=gain,
        lower=lower,
        n=len(case.groups),
        confidence=confidence,
        unjudged=tuple(name for name in predictions.candidates if name not in evidence.candidates),
    )


# What was measured ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The prompts on which all judged candidates were measured; columns are still those of all candidates."""

    predictions: Predictions
    circumstances: Circumstances
    """Only the judged candidates are eligible."""
    recorded: Recorded
    spends: str
    """What fixed choices are compared at: `cost_usd`, `latency_s`, or `nothing`."""
    columns: IntArray
    """Of the judged candidates."""
    groups: IntArray

    def rows(self, rows: IntArray) -> tuple[Predictions, Circumstances, Recorded]:
        """Returns what a policy is given of these prompts."""
        return self.predictions.rows(rows), self.circumstances.rows(rows), self.recorded.rows(rows)


def case_of(
    promise: Promise,
    predictions: Predictions,
    recorded: Recorded,
    reference: str,
    groups: IntArray | None,
    seed: int,
) -> Case | None:
    """Returns what the outcomes can say, `None` where they are too few."""
    j = column_of(reference, predictions)
    spends = promise.spends
    if spends == "cost_usd" and not np.isfinite(recorded.cost_usd).any():
        spends = "nothing"
    spent = spending(recorded, spends)
    known = np.isfinite(recorded.score) & np.isfinite(spent)
    if j < 0 or not known[:, j].any():
        return None
    grid = complete_grid(known, keep=[j])
    groups = (np.arange(len(known)) if groups is None else groups)[grid.rows]
    if np.unique(groups).size < MIN_PROMPTS:
        return None
    return Case(
        predictions=predictions.rows(grid.rows),
        circumstances=_circumstances(grid, recorded, reference=j, seed=seed),
        recorded=recorded.rows(grid.rows),
        spends=spends,
        columns=grid.columns,
        groups=groups,
    )


def spending(outcome: Recorded | Realised, spends: str) -> FloatArray:
    """Returns what was spent, in the shape of the scores; NaN where it is unknown."""
    if spends == "nothing":
        return np.zeros_like(outcome.score)
    spent = outcome.cost_usd if spends == "cost_usd" else outcome.latency_s
    return np.full_like(outcome.score, np.nan) if spent is None else spent


def _circumstances(grid: Grid, recorded: Recorded, *, reference: int, seed: int) -> Circumstances:
    """Returns those of the grid's rows, had only its columns been there."""
    n = len(grid.rows)
    eligible = np.zeros((n, recorded.score.shape[1]), dtype=np.bool_)
    eligible[:, grid.columns] = True
    return Circumstances(
        eligible=eligible,
        reference=reference,
        mix_draw=np.random.default_rng(seed).random(n),
        answer_form=None if recorded.answer_form is None else recorded.answer_form[grid.rows],
    )


def _realised(policy: Policy, learned: Policy, case: Case, seed: int) -> Realised:
    """Returns what the policy came to, whatever it learns learned from other questions."""
    if learned is policy:
        return policy.realised(case.predictions, case.circumstances, case.recorded)
    labels, question = np.unique(case.groups, return_inverse=True)
    fold = (np.random.default_rng(seed).permutation(len(labels)) % N_FOLDS)[question]
    score, cost_usd, latency_s = (np.empty(len(fold)) for _ in range(3))
    for held_out in range(N_FOLDS):
        inside = np.flatnonzero(fold == held_out)
        part = policy.learned(*case.rows(np.flatnonzero(fold != held_out))).realised(*case.rows(inside))
        score[inside], cost_usd[inside], latency_s[inside] = part.score, part.cost_usd, part.latency_s
    return Realised(score=score, cost_usd=cost_usd, latency_s=latency_s)


def _fixed(policy: Policy, case: Case) -> list[Realised]:
    """Returns what each judged candidate comes to as a fixed choice, under the limits that bind the policy as well."""
    narrowed = policy.narrowed(case.predictions, case.circumstances)
    n = len(case.groups)
    wanted = (np.full(n, column, dtype=np.int64) for column in case.columns)
    return [case.recorded.of(chosen([column], "", narrowed).first) for column in wanted]


# What it shows -------------------------------------------------------------------------------------------------------


def _gathered(policy: Policy, learned: Policy, case: Case, seed: int) -> _Evidence:
    outcomes = [_realised(policy, learned, case, seed), *_fixed(policy, case)]
    values = np.column_stack([o.score for o in outcomes] + [spending(o, case.spends) for o in outcomes])
    resampled = resampled_means(values, groups=case.groups, n_boot=N_BOOT, seed=seed)
    return _Evidence(
        promise=policy.promise,
        candidates=tuple(case.predictions.candidates[column] for column in case.columns),
        reference=int(np.searchsorted(case.columns, case.circumstances.reference)),
        n_apart=n_apart(values, case.groups),
        means=np.vstack([values.mean(axis=0), resampled]),
    )


def n_apart(values: FloatArray, groups: IntArray) -> int:
    """Returns on how many questions the policy came to something else than the fixed candidate it is closest to."""
    score, spent = np.split(values, 2, axis=1)
    apart = (score[:, 1:] != score[:, :1]) | (spent[:, 1:] != spent[:, :1])
    return min(np.unique(groups[column]).size for column in apart.T)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """Means on the data in the first row, on resamples in the others.

    The columns hold the scores of policy and fixed candidates, then what they spent.
    """

    promise: Promise
    candidates: tuple[str, ...]
    reference: int
    """Among `candidates`."""
    n_apart: int
    means: FloatArray

    @property
    def score(self) -> FloatArray:
        return self.means[:, 0]

    @property
    def spent(self) -> FloatArray:
        return self.means[:, 1 + len(self.candidates)]

    @property
    def fixed_score(self) -> FloatArray:
        return self.means[:, 1 : 1 + len(self.candidates)]

    @property
    def fixed_spent(self) -> FloatArray:
        return self.means[:, 2 + len(self.candidates) :]

    def gain(self, confidence: float) -> tuple[float, float]:
        """Returns the gain over the hull of fixed candidates, and its lower limit."""
        gains = gain_over_mixes(self.score, self.spent, self.fixed_spent, self.fixed_score)
        return float(gains[0].min()), lower_limit_of_least(gains[1:], confidence=confidence)

    def keeps_promise(self) -> bool:
        """Says whether the policy kept its margin, and its budget, as surely as it promises."""
        promise = self.promise
        overspent = promise.usd_per_request is not None and lower_limit(self.spent[1:]) > promise.usd_per_request
        if promise.margin is None:
            return not overspent
        behind = self.score - self.fixed_score[:, self.reference]
        kept = behind[0] if promise.confidence is None else lower_limit(behind[1:], confidence=promise.confidence)
        return bool(kept >= -promise.margin) and not overspent

    def fallback(self, confidence: float) -> Mix:
        """Returns the fixed choice that serves instead of the policy."""
        if self.promise.margin is not None:
            return self._cheapest_within(self.promise.margin, self.promise.confidence or confidence)
        at = self.promise.usd_per_request
        return mix_at(self.fixed_spent[0], self.fixed_score[0], float(self.spent[0]) if at is None else at)

    def _cheapest_within(self, margin: float, confidence: float) -> Mix:
        """Returns the cheapest single candidate that is shown to keep the floor, else the reference.

        No mix: it would give up the margin on requests drawn at random, for no reason that lies in the request. The
        limits hold for all candidates at once, since the cheapest one is picked after looking.
        """
        spent = self.fixed_spent[0]
        cheaper = np.flatnonzero(spent < spent[self.reference])
        behind = (self.fixed_score - self.fixed_score[:, [self.reference]])[:, cheaper]
        kept = cheaper[joint_lower_limits(behind[0], behind[1:], confidence=confidence) >= -margin]
        serves = int(kept[spent[kept].argmin()]) if kept.size else self.reference
        return Mix(first=serves, other=serves, share=0.0)
