"""May routing serve? Two questions, asked of the outcomes a router was fitted on, with predictions made out of fold.

Does the policy beat the best fixed candidate or mix of two at the policy's own cost, with confidence? If not, which
fixed choice serves? Where no cost is known, as in a table of scores alone, the mark is the best fixed candidate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fairlead.policies.base import Circumstances
from fairlead.policies.columns import column_of
from fairlead.policies.guard import HullGuard
from fairlead.policies.realised import Realised, Recorded
from fairlead.statistics.bootstrap import joint_lower_limits, lower_limit, resampled_means
from fairlead.statistics.grids import complete_grid
from fairlead.statistics.hulls import Mix, cheapest_mix, gain_over_hull, mix_at

if TYPE_CHECKING:
    from fairlead.policies.base import Policy
    from fairlead.statistics.grids import Grid
    from fairlead.types import FloatArray, IntArray, Predictions

MIN_PROMPTS = 30  # below this a bootstrap does not keep its confidence, so nothing counts as shown
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
    cost, is above zero. The hull is the best of many on these very outcomes, which favours it: the guard errs towards
    refusing. A policy that promises a floor must also have kept it on average. What a policy learns, it learns on other
    requests than those it is judged on; what serves has learned from all.

    Args:
        policy: what to judge.
        predictions: of the training prompts, each made without its own outcome.
        recorded: what every candidate did on them, in the order of `predictions.candidates`.
        reference: the candidate that the user trusts.
        seed: of resamples, draws and folds.
        confidence: of the lower limit.
        groups: (n,) label of the question behind each prompt; repeated questions count as one.
    """
    case = _case(predictions, recorded, reference, groups, seed)
    if case is None:
        return HullGuard(policy=policy, allowed=False, fixed=reference, confidence=confidence)
    evidence = _gathered(policy, case, seed)
    gain = float(evidence.gain(evidence.mean))
    lower = lower_limit(evidence.gain(evidence.resampled), confidence=confidence)
    mix = evidence.fallback(policy.promised_margin, confidence)
    return HullGuard(
        policy=policy.learned(case.predictions, case.circumstances, case.recorded),
        allowed=lower > 0 and evidence.keeps_floor(policy.promised_margin),
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
class _Case:
    """The prompts on which all judged candidates were measured; columns are still those of all candidates."""

    predictions: Predictions
    circumstances: Circumstances
    """Only the judged candidates are eligible."""
    recorded: Recorded
    """Costs are zero where none is known of any candidate: then only the score counts."""
    columns: IntArray
    """Of the judged candidates."""
    groups: IntArray

    def rows(self, rows: IntArray) -> tuple[Predictions, Circumstances, Recorded]:
        """Returns what a policy is given of these prompts."""
        circumstances = replace(
            self.circumstances,
            eligible=self.circumstances.eligible[rows],
            mix_draw=self.circumstances.mix_draw[rows],
        )
        return self.predictions.rows(rows), circumstances, self.recorded.rows(rows)


def _case(
    predictions: Predictions, recorded: Recorded, reference: str, groups: IntArray | None, seed: int
) -> _Case | None:
    """Returns what the outcomes can say, `None` where they are too few."""
    j = column_of(reference, predictions)
    if j < 0:
        return None
    if not np.isfinite(recorded.cost_usd[:, j]).any():  # no saving can be shown against it: quality alone is judged
        recorded = replace(recorded, cost_usd=np.zeros_like(recorded.score))
    known = np.isfinite(recorded.score) & np.isfinite(recorded.cost_usd)
    grid = complete_grid(known, keep=[j])
    groups = (np.arange(len(known)) if groups is None else groups)[grid.rows]
    if not known[:, j].any() or np.unique(groups).size < MIN_PROMPTS:
        return None
    return _Case(
        predictions=predictions.rows(grid.rows),
        circumstances=_circumstances(grid, len(predictions.candidates), reference=j, seed=seed),
        recorded=recorded.rows(grid.rows),
        columns=grid.columns,
        groups=groups,
    )


def _circumstances(grid: Grid, n_candidates: int, *, reference: int, seed: int) -> Circumstances:
    """Returns those of the grid's rows, had only its columns been there."""
    n = len(grid.rows)
    eligible = np.zeros((n, n_candidates), dtype=np.bool_)
    eligible[:, grid.columns] = True
    return Circumstances(eligible=eligible, reference=reference, mix_draw=np.random.default_rng(seed).random(n))


def _realised(policy: Policy, case: _Case, seed: int) -> Realised:
    """Returns what the policy came to, whatever it learns learned from other questions."""
    learned = policy.learned(case.predictions, case.circumstances, case.recorded)
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


# What it shows -------------------------------------------------------------------------------------------------------


def _gathered(policy: Policy, case: _Case, seed: int) -> _Evidence:
    realised = _realised(policy, case, seed)
    fixed = [grid[:, case.columns] for grid in (case.recorded.score, case.recorded.cost_usd)]
    values = np.column_stack([realised.score, realised.cost_usd, *fixed])
    return _Evidence(
        candidates=tuple(case.predictions.candidates[column] for column in case.columns),
        reference=int(np.searchsorted(case.columns, case.circumstances.reference)),
        mean=values.mean(axis=0),
        resampled=resampled_means(values, groups=case.groups, n_boot=N_BOOT, seed=seed),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """Mean outcomes; the last axis holds the policy's score, its cost, k fixed scores, k fixed costs."""

    candidates: tuple[str, ...]
    reference: int
    """Among `candidates`."""
    mean: FloatArray
    resampled: FloatArray

    def gain(self, means: FloatArray) -> FloatArray:
        return gain_over_hull(means[..., 0], means[..., 1], self.fixed_cost_usd(means), self.fixed_score(means))

    def fixed_score(self, means: FloatArray) -> FloatArray:
        return means[..., 2 : 2 + len(self.candidates)]

    def fixed_cost_usd(self, means: FloatArray) -> FloatArray:
        return means[..., 2 + len(self.candidates) :]

    def keeps_floor(self, margin: float | None) -> bool:
        """Says whether the policy stayed within the margin that it promises, on average."""
        return margin is None or self._behind_reference(self.mean[0]) >= -margin

    def _behind_reference(self, score: FloatArray) -> float:
        return float(score - self.fixed_score(self.mean)[self.reference])

    def fallback(self, margin: float | None, confidence: float) -> Mix:
        """Returns the fixed choice that serves instead of a policy that promises this margin, or none."""
        if margin is not None:
            return self._cheapest_within(margin, confidence)
        return mix_at(self.fixed_cost_usd(self.mean), self.fixed_score(self.mean), float(self.mean[1]))

    def _cheapest_within(self, margin: float, confidence: float) -> Mix:
        """Returns the cheapest single candidate or mix that is shown to keep the floor, else the reference.

        The limits hold for all candidates at once, since the cheapest one is picked after looking; and they add up
        over a mix, so the hull of the limits is what mixes are shown to reach.
        """
        cost_usd = self.fixed_cost_usd(self.mean)
        cheaper = np.flatnonzero(cost_usd < cost_usd[self.reference])
        behind = self._difference(self.resampled)[:, cheaper]
        lower = np.full(len(self.candidates), np.nan)
        lower[cheaper] = joint_lower_limits(self._difference(self.mean)[cheaper], behind, confidence=confidence)
        lower[self.reference] = 0.0
        alone = Mix(first=self.reference, other=self.reference, share=0.0)
        return cheapest_mix(cost_usd, lower, -margin) or alone

    def _difference(self, means: FloatArray) -> FloatArray:
        score = self.fixed_score(means)
        difference: FloatArray = score - score[..., [self.reference]]
        return difference
