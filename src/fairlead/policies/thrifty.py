"""As little spent as the mean score allows: what a right answer is worth is found on outcomes, not asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import takewhile
from statistics import NormalDist
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.errors import ConfigError
from fairlead.policies.base import Promise
from fairlead.policies.columns import chosen, either, known_at
from fairlead.policies.floor import check_margin
from fairlead.policies.single import SingleStep
from fairlead.policies.utility import best_value, highest_utility
from fairlead.statistics.hulls import gain_over_hull

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.policies.base import Choices, Circumstances
    from fairlead.policies.realised import Realised, Recorded
    from fairlead.types import FloatArray, Predictions

CAUTIONS = (0.0, 1.0)
WORTHS = (math.inf, *(2.0 ** (k / 2) for k in reversed(range(20))))
"""What a right answer may be worth, in mean costs of a reference call: beyond all price, 724, 512, ... 1.4, 1."""


class Thrifty(SingleStep):
    """Serves by `Utility`, at the exchange rate that spends least while the mean score is shown to keep its floor.

    `Floor` gives up at most its margin on each request; this gives it up on average, where that saves most. Rates are
    tried from the dearest to the cheapest, as long as the mean score is shown to be within `margin` of the reference's;
    so the confidence holds for all of them at once, and the cheapest one may be taken, of those above what fixed
    choices reach at their cost. Where no rate is shown to keep the floor, and until `learned` has looked, the reference
    serves. On a table without costs the score alone counts.

    Args:
        margin: how far the mean score may fall behind the reference's, in [0, 1].
        confidence: with which it is shown not to fall further, one-sided, in [0.5, 1).
        willingness_to_pay_usd: what a right answer instead of a wrong one is worth, USD, learned.
        caution: standard deviations taken off each predicted quality, learned.

    Raises:
        ConfigError: `margin` is outside [0, 1], or `confidence` outside [0.5, 1).

    References:
        Angelopoulos et al., Learn then Test, 2021, arXiv:2110.01052, section 3.2: testing in a fixed sequence.

    Example:
        >>> Thrifty(margin=0.02)
        Thrifty(margin=0.02, confidence=0.95, willingness_to_pay_usd=None, caution=0.0)
    """

    def __init__(
        self,
        *,
        margin: float = 0.01,
        confidence: float = 0.95,
        willingness_to_pay_usd: float | None = None,
        caution: float = 0.0,
    ) -> None:
        check_margin(margin)
        if not 0.5 <= confidence < 1:
            message = f"`confidence` is {confidence}; expected a number in [0.5, 1), such as 0.95."
            raise ConfigError(message)
        self.margin = margin
        self.confidence = confidence
        self.willingness_to_pay_usd = willingness_to_pay_usd
        self.caution = caution

    @property
    def promise(self) -> Promise:
        """What it is held to: rates found on other requests must keep the margin on average."""
        return Promise(margin=self.margin)

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns the best value at the learned rate, or the reference."""
        worth = self.willingness_to_pay_usd
        if worth is not None:
            return highest_utility(predictions, circumstances, 1 / worth, self.caution)
        unknown = np.isnan(known_at(circumstances.reference, predictions.p_success))
        reference = np.full(len(unknown), circumstances.reference, dtype=np.int64)
        return chosen([reference], either(unknown, "no_evidence", "reference_within_floor"), circumstances)

    def learned(self, predictions: Predictions, circumstances: Circumstances, recorded: Recorded) -> Self:
        """Returns the policy at the cheapest rate that is shown to keep the floor on these requests, if one is."""
        mark = _Mark.of(circumstances, recorded, margin=self.margin, confidence=self.confidence)
        kept = [
            rate
            for caution in CAUTIONS
            for rate in takewhile(mark.keeps_floor, _rates(predictions, circumstances, recorded, caution))
        ]
        best = max(kept, key=mark.rank, default=None)
        return type(self)(
            margin=self.margin,
            confidence=self.confidence,
            willingness_to_pay_usd=None if best is None else best.worth_usd,
            caution=0.0 if best is None else best.caution,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rate:
    """An exchange rate, and what came of it."""

    worth_usd: float
    caution: float
    realised: Realised


def _rates(
    predictions: Predictions, circumstances: Circumstances, recorded: Recorded, caution: float
) -> Iterator[_Rate]:
    """Yields the rates, dearest first; where no cost is known only that one, at which none counts."""
    reference_usd = float(recorded.cost_usd[:, circumstances.reference].mean())
    for worth in WORTHS if reference_usd > 0 else WORTHS[:1]:
        worth_usd = worth if math.isinf(worth) else worth * reference_usd
        best = best_value(predictions, circumstances, 1 / worth_usd, caution)
        column = np.where(best >= 0, best, circumstances.reference)
        yield _Rate(worth_usd=worth_usd, caution=caution, realised=recorded.of(column))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What the rates are compared with: the reference, and the hull of fixed candidates."""

    reference_score: FloatArray
    fixed_score: FloatArray
    fixed_usd: FloatArray
    margin: float
    z: float
    """Standard errors of a limit, such that all cautions together err no more often than was asked."""

    @classmethod
    def of(cls, circumstances: Circumstances, recorded: Recorded, *, margin: float, confidence: float) -> Self:
        everywhere = circumstances.eligible.any(axis=0)
        return cls(
            reference_score=recorded.score[:, circumstances.reference],
            fixed_score=recorded.score[:, everywhere].mean(axis=0),
            fixed_usd=recorded.cost_usd[:, everywhere].mean(axis=0),
            margin=margin,
            z=NormalDist().inv_cdf(1 - (1 - confidence) / len(CAUTIONS)),
        )

    def keeps_floor(self, rate: _Rate) -> bool:
        behind = rate.realised.score - self.reference_score
        return float(behind.mean() - self.z * behind.std() / math.sqrt(len(behind))) >= -self.margin

    def rank(self, rate: _Rate) -> tuple[bool, float, float]:
        """Returns a key that is larger for a better rate: above the hull, cheaper, of higher score."""
        score, usd = float(rate.realised.score.mean()), float(rate.realised.cost_usd.mean())
        if math.isnan(usd):
            return True, 0.0, score
        gain = gain_over_hull(np.array(score), np.array(usd), self.fixed_usd, self.fixed_score)
        return bool(gain > 0), -usd, score
