"""The hull guard: routing serves only where it is shown to beat what needs no routing.

Two questions are asked of the outcomes a router was fitted on, with predictions made out of fold. Does the policy beat
the best fixed candidate or mix of two at the policy's own cost, with confidence? If not, which fixed choice serves?
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.policies.base import Choices, Circumstances
from fairlead.policies.columns import can_serve, chosen, column_of
from fairlead.policies.floor import Floor
from fairlead.statistics.bootstrap import joint_lower_limits, lower_limit, resampled_means
from fairlead.statistics.grids import complete_grid
from fairlead.statistics.hulls import Mix, cheapest_mix, gain_over_hull, mix_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.policies.base import Policy
    from fairlead.statistics.grids import Grid
    from fairlead.types import FloatArray, IntArray, Predictions

MIN_PROMPTS = 30  # below this a bootstrap does not keep its confidence, so nothing counts as shown
N_BOOT = 2000


class HullGuard(Estimator):
    """Serves a policy where it was shown to beat every fixed choice, else the fixed choice.

    Made by `judge`. The mix is drawn with the session's own draw, so a session stays with one candidate.

    Args:
        policy: what was judged.
        allowed: whether it serves.
        fixed: name of the candidate that serves otherwise.
        other: name of the second one of a mix; `None` where `fixed` serves alone.
        share: chance of `other`, in [0, 1).
        gain: mean score of the policy minus the hull of fixed choices at its cost; `None` where nothing was measured.
        lower: one-sided lower limit of `gain`.
        n: prompts on which all judged candidates were measured.
        confidence: of `lower`.
        unjudged: candidates not measured together with the others: what was shown does not cover them, so the policy
            does not choose them.
    """

    def __init__(  # noqa: PLR0913 - what was shown is kept whole, so that a saved router tells it
        self,
        *,
        policy: Policy,
        allowed: bool,
        fixed: str,
        other: str | None = None,
        share: float = 0.0,
        gain: float | None = None,
        lower: float | None = None,
        n: int = 0,
        confidence: float = 0.95,
        unjudged: Sequence[str] = (),
    ) -> None:
        self.policy = policy
        self.allowed = allowed
        self.fixed = fixed
        self.other = other
        self.share = share
        self.gain = gain
        self.lower = lower
        self.n = n
        self.confidence = confidence
        self.unjudged = tuple(unjudged)

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns what the policy chooses, or the fixed choice."""
        if self.allowed:
            return self.policy.choose(predictions, self._judged_only(predictions, circumstances))
        return self._choose_fixed(predictions, circumstances)

    def who_serves(self) -> str:
        """Returns in words who serves: routing, or what stands in its place."""
        if self.allowed:
            return "routing serves"
        if self.other is None:
            return f"`{self.fixed}` serves every request"
        return f"`{self.fixed}` serves {1 - self.share:.0%} of the sessions and `{self.other}` {self.share:.0%}"

    def _judged_only(self, predictions: Predictions, circumstances: Circumstances) -> Circumstances:
        judged = np.array([name not in self.unjudged for name in predictions.candidates])
        if judged.all():
            return circumstances
        narrowed = circumstances.eligible & judged
        nobody = ~narrowed.any(axis=1, keepdims=True)
        return replace(circumstances, eligible=np.where(nobody, circumstances.eligible, narrowed))

    def _choose_fixed(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        n = len(circumstances.eligible)
        fixed = np.full(n, column_of(self.fixed, predictions), dtype=np.int64)
        if self.other is None:
            return chosen([fixed], np.full(n, "guard_fixed"), circumstances)
        other = np.full(n, column_of(self.other, predictions), dtype=np.int64)
        draw_other = circumstances.mix_draw < self.share
        preferred = [np.where(draw_other, other, fixed), np.where(draw_other, fixed, other)]
        choices = chosen(preferred, np.full(n, "guard_mix"), circumstances)
        both = can_serve(fixed, circumstances.eligible) & can_serve(other, circumstances.eligible)
        chance = np.where(draw_other, self.share, 1 - self.share)
        return replace(choices, propensity=np.where(both, chance, 1.0))

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Returns the same guard over candidates that carry other names: old name -> new name."""
        return type(self)(
            **self.params()
            | {
                "policy": self.policy.renamed(names),
                "fixed": names.get(self.fixed, self.fixed),
                "other": None if self.other is None else names.get(self.other, self.other),
                "unjudged": tuple(names.get(name, name) for name in self.unjudged),
            }
        )


def judge(
    policy: Policy,
    predictions: Predictions,
    score: FloatArray,
    cost_usd: FloatArray,
    reference: str,
    seed: int,
    confidence: float = 0.95,
    *,
    groups: IntArray | None = None,
) -> HullGuard:
    """Returns the policy under a guard that knows what was shown.

    The policy is allowed where the one-sided lower limit of its gain over the hull of fixed candidates, at its own mean
    cost, is above zero. The hull is the best of many on these very outcomes, which favours it: the guard errs towards
    refusing. A `Floor` must also have kept its floor on average.

    Args:
        policy: what to judge.
        predictions: of the training prompts, each made without its own outcome.
        score: (n, m) measured quality, in the order of `predictions.candidates`; NaN where not measured.
        cost_usd: (n, m) measured cost; NaN where unknown.
        reference: the candidate that the user trusts.
        seed: of resamples and draws.
        confidence: of the lower limit.
        groups: (n,) label of the question behind each prompt; repeated questions count as one.
    """
    evidence = _gather(policy, predictions, score, cost_usd, reference, seed, groups)
    if evidence is None:
        return HullGuard(policy=policy, allowed=False, fixed=reference, confidence=confidence)
    gain = float(evidence.gain(evidence.mean))
    lower = lower_limit(evidence.gain(evidence.resampled), confidence=confidence)
    mix = evidence.fallback(policy, confidence)
    return HullGuard(
        policy=policy,
        allowed=lower > 0 and evidence.keeps_floor(policy),
        fixed=evidence.candidates[mix.first],
        other=evidence.candidates[mix.other] if mix.share > 0 else None,
        share=mix.share,
        gain=gain,
        lower=lower,
        n=evidence.n,
        confidence=confidence,
        unjudged=tuple(name for name in predictions.candidates if name not in evidence.candidates),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """Mean outcomes on the prompts where all judged candidates were measured.

    The last axis of `mean` and `resampled` holds: the policy's score, its cost, k fixed scores, k fixed costs.
    """

    candidates: tuple[str, ...]
    reference: int
    """Among `candidates`."""
    n: int
    mean: FloatArray
    resampled: FloatArray

    def gain(self, means: FloatArray) -> FloatArray:
        return gain_over_hull(means[..., 0], means[..., 1], self.fixed_cost_usd(means), self.fixed_score(means))

    def fixed_score(self, means: FloatArray) -> FloatArray:
        return means[..., 2 : 2 + len(self.candidates)]

    def fixed_cost_usd(self, means: FloatArray) -> FloatArray:
        return means[..., 2 + len(self.candidates) :]

    def keeps_floor(self, policy: Policy) -> bool:
        """Says whether a `Floor` stayed within its margin on average; other policies promise none."""
        return not isinstance(policy, Floor) or self._behind_reference(self.mean[0]) >= -policy.margin

    def _behind_reference(self, score: FloatArray) -> float:
        return float(score - self.fixed_score(self.mean)[self.reference])

    def fallback(self, policy: Policy, confidence: float) -> Mix:
        """Returns the fixed choice that serves instead of the policy."""
        if isinstance(policy, Floor):
            return self._cheapest_within(policy.margin, confidence)
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


def _gather(
    policy: Policy,
    predictions: Predictions,
    score: FloatArray,
    cost_usd: FloatArray,
    reference: str,
    seed: int,
    groups: IntArray | None,
) -> _Evidence | None:
    """Returns what the outcomes say, `None` where they are too few or the reference has no known cost."""
    known = np.isfinite(score) & np.isfinite(cost_usd)
    j = column_of(reference, predictions)
    if j < 0 or not known[:, j].any():
        return None
    grid = complete_grid(known, keep=[j])
    groups = np.arange(len(score)) if groups is None else groups
    if np.unique(groups[grid.rows]).size < MIN_PROMPTS:
        return None
    first = _first_choices(policy, predictions, grid, reference=j, seed=seed)
    values = np.column_stack(
        [
            score[grid.rows, first],
            cost_usd[grid.rows, first],
            score[np.ix_(grid.rows, grid.columns)],
            cost_usd[np.ix_(grid.rows, grid.columns)],
        ]
    )
    return _Evidence(
        candidates=tuple(predictions.candidates[column] for column in grid.columns),
        reference=int(np.searchsorted(grid.columns, j)),
        n=len(grid.rows),
        mean=values.mean(axis=0),
        resampled=resampled_means(values, groups=groups[grid.rows], n_boot=N_BOOT, seed=seed),
    )


def _first_choices(policy: Policy, predictions: Predictions, grid: Grid, *, reference: int, seed: int) -> IntArray:
    """Returns what the policy would have called first on the grid's rows, had only its columns been there."""
    n = len(grid.rows)
    eligible = np.zeros((n, len(predictions.candidates)), dtype=np.bool_)
    eligible[:, grid.columns] = True
    circumstances = Circumstances(
        eligible=eligible, reference=reference, mix_draw=np.random.default_rng(seed).random(n)
    )
    return policy.choose(predictions.rows(grid.rows), circumstances).first
