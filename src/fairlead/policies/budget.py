"""The best quality for a mean spend: one price on quality, found once, then a rule for each request by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from msgspec.structs import replace

from fairlead.errors import ConfigError
from fairlead.policies.base import Promise
from fairlead.policies.columns import chosen, either
from fairlead.policies.floor import check_caution
from fairlead.policies.single import SingleStep
from fairlead.policies.utility import best_value

if TYPE_CHECKING:
    from fairlead.policies.base import Choices, Circumstances
    from fairlead.policies.realised import Recorded
    from fairlead.types import FloatArray, IntArray, Predictions

N_HALVINGS = 30
"""Of the range of multipliers: afterwards its ends choose alike, but for requests that are just between."""
N_ROUNDS = 3
"""Of learning how much more is billed than predicted."""


class Budget(SingleStep):
    """Serves the highest expected quality that a mean cost per request can buy.

    The best plan for all requests together is a linear program with one constraint. Its solution is a multiplier, the
    quality that a USD must buy: each request gets the candidate with the highest `quality - multiplier * cost`. Where
    requests are exactly between two candidates it draws, so that the spend is met on average: `other` is the multiplier
    just below, `share` how often it is used. Until `learned` has found them no request may cost more than the mean.

    Where even the cheapest candidates cost more than the budget they serve, and the guard finds it exceeded.

    Args:
        usd_per_request: mean cost of a request, USD, above 0.
        caution: standard deviations taken off each predicted quality, at least 0.
        multiplier: quality per USD, learned.
        other: the multiplier just below, which spends more, learned.
        share: chance of `other`, in [0, 1), learned.

    Raises:
        ConfigError: the budget is not a number above 0, or `caution` is below 0.

    References:
        Dantzig, Discrete-variable extremum problems, Operations Research 1957: the relaxed multiple-choice knapsack.

    Example:
        >>> Budget(usd_per_request=0.002)
        Budget(usd_per_request=0.002, caution=0.0, multiplier=None, other=None, share=0.0)
    """

    def __init__(
        self,
        *,
        usd_per_request: float,
        caution: float = 0.0,
        multiplier: float | None = None,
        other: float | None = None,
        share: float = 0.0,
    ) -> None:
        if not 0 < usd_per_request < math.inf:
            message = f"`usd_per_request` is {usd_per_request}; expected a mean cost of a request in USD, above 0."
            raise ConfigError(message)
        check_caution(caution)
        self.usd_per_request = usd_per_request
        self.caution = caution
        self.multiplier = multiplier
        self.other = other
        self.share = share

    @property
    def promise(self) -> Promise:
        """What it is held to: not to be shown to spend more."""
        return Promise(usd_per_request=self.usd_per_request)

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns the best buy; the reference where nothing is known."""
        if self.multiplier is None:
            return self._choose_unlearned(predictions, circumstances)
        usual = best_value(predictions, circumstances, self.multiplier, self.caution)
        seldom = usual if self.other is None else best_value(predictions, circumstances, self.other, self.caution)
        drawn = circumstances.mix_draw < self.share
        choices = _chosen(np.where(drawn, seldom, usual), circumstances)
        chance = np.where(drawn, self.share, 1 - self.share)
        return replace(choices, propensity=np.where(seldom == usual, 1.0, chance))

    def _choose_unlearned(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        affordable = circumstances.eligible & (predictions.cost_usd <= self.usd_per_request)
        best = best_value(predictions, replace(circumstances, eligible=affordable), 0.0, self.caution)
        cheapest = best_value(predictions, circumstances, math.inf, self.caution)
        return _chosen(np.where(best >= 0, best, cheapest), circumstances)

    def learned(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Self:
        """Returns the policy with the multiplier whose mean spend on these requests is the budget.

        The spend is what is predicted, or what was billed for the same choices where that was more.
        """
        plan = _Plan(predictions=predictions, circumstances=circumstances, recorded=recorded, caution=self.caution)
        if np.isnan(plan.spend(0.0)):
            return self
        overrun, found = 1.0, plan.solved(self.usd_per_request)
        for _ in range(N_ROUNDS):
            if plan.overrun(*found) <= overrun:
                break
            overrun = plan.overrun(*found)
            found = plan.solved(self.usd_per_request / overrun)
        multiplier, other, share = found
        return type(self)(**self.params() | {"multiplier": multiplier, "other": other, "share": share})


def _chosen(column: IntArray, circumstances: Circumstances) -> Choices:
    known = column >= 0
    wanted = np.where(known, column, circumstances.reference)
    return chosen([wanted], either(known, "best_buy", "no_evidence"), circumstances)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The linear program over these requests."""

    predictions: Predictions
    circumstances: Circumstances
    recorded: Recorded
    caution: float

    def column(self, multiplier: float) -> IntArray:
        best = best_value(self.predictions, self.circumstances, multiplier, self.caution)
        return np.where(best >= 0, best, self.circumstances.reference)

    def spend(self, multiplier: float) -> float:
        """Returns the predicted mean cost; it falls as the multiplier rises. NaN where no cost is known."""
        return _mean(_at(self.predictions.cost_usd, self.column(multiplier)))

    def solved(self, budget_usd: float) -> tuple[float, float | None, float]:
        """Returns the multiplier that keeps the budget, the one just below, and the chance of that one."""
        if self.spend(0.0) <= budget_usd:
            return 0.0, None, 0.0
        low, high = self._bracket(budget_usd)
        if math.isinf(high):
            return high, None, 0.0
        for _ in range(N_HALVINGS if low > 0 else 0):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if self.spend(middle) > budget_usd else (low, middle)
        less, more = self.spend(high), self.spend(low)
        return high, low, (budget_usd - less) / (more - less)

    def _bracket(self, budget_usd: float) -> tuple[float, float]:
        """Returns a multiplier that spends too much and one that does not; 0 and infinity where no other does."""
        high = 1.0 / budget_usd
        for _ in range(N_HALVINGS):
            if self.spend(high) <= budget_usd:
                break
            high *= 4.0
        else:
            return high, math.inf
        low = high
        for _ in range(N_HALVINGS):
            if self.spend(low) > budget_usd:
                return low, high
            low, high = low / 4.0, low
        return 0.0, high

    def overrun(self, multiplier: float, other: float | None, share: float) -> float:
        """Returns what was billed for these choices over what was predicted; 1 where nothing was billed."""
        billed, predicted = 0.0, 0.0
        for weight, column in ((1 - share, self.column(multiplier)), (share, self.column(other or 0.0))):
            pair = np.stack([_at(grid, column) for grid in (self.recorded.cost_usd, self.predictions.cost_usd)])
            both = weight * pair[:, np.isfinite(pair).all(axis=0)].sum(axis=1)
            billed, predicted = billed + float(both[0]), predicted + float(both[1])
        return billed / predicted if predicted > 0 else 1.0


def _at(grid: FloatArray, column: IntArray) -> FloatArray:
    return grid[np.arange(len(column)), column]


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan
