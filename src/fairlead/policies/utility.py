"""Quality against money: the candidate with the highest predicted quality minus its price in quality."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fairlead.errors import ConfigError
from fairlead.policies.base import Promise
from fairlead.policies.columns import cautious, chosen, either, highest
from fairlead.policies.floor import check_caution
from fairlead.policies.single import SingleStep

if TYPE_CHECKING:
    from fairlead.policies.base import Choices, Circumstances
    from fairlead.types import IntArray, Predictions


class Utility(SingleStep):
    """Serves the candidate with the highest `quality - cost / willingness to pay`.

    Args:
        willingness_to_pay_usd: what raising a request's quality from 0 to 1 is worth, USD, above 0; infinite where
            cost does not count.
        caution: standard deviations taken off each predicted quality, at least 0; 0 is the papers' rule.

    Raises:
        ConfigError: the willingness to pay is not a number above 0, or `caution` is below 0.

    References:
        Hu et al., RouterBench, 2024, arXiv:2403.12031, section 4; minimax optimal as a plug-in rule: Somerstep et al.,
        CARROT, 2025, arXiv:2502.03261.

    Example:
        >>> Utility(willingness_to_pay_usd=0.05)
        Utility(willingness_to_pay_usd=0.05, caution=0.0)
    """

    def __init__(self, *, willingness_to_pay_usd: float, caution: float = 0.0) -> None:
        if not willingness_to_pay_usd > 0:
            message = (
                f"`willingness_to_pay_usd` is {willingness_to_pay_usd}; expected a number above 0: what a right answer "
                "instead of a wrong one is worth, in USD."
            )
            raise ConfigError(message)
        check_caution(caution)
        self.willingness_to_pay_usd = willingness_to_pay_usd
        self.caution = caution

    @property
    def promise(self) -> Promise:
        """What it is held to: where cost does not count, to beat the best fixed candidate whatever that costs."""
        return Promise(spends="nothing" if math.isinf(self.willingness_to_pay_usd) else "cost_usd")

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns the best of those whose quality and, where it counts, cost are predicted; else the reference."""
        return highest_utility(predictions, circumstances, 1 / self.willingness_to_pay_usd, self.caution)


def highest_utility(
    predictions: Predictions, circumstances: Circumstances, multiplier: float, caution: float
) -> Choices:
    """Returns the candidate of the best value, see `best_value`; the reference where no value is known."""
    best = best_value(predictions, circumstances, multiplier, caution)
    known = best >= 0
    wanted = np.where(known, best, circumstances.reference)
    return chosen([wanted], either(known, "highest_utility", "no_evidence"), circumstances)


def best_value(predictions: Predictions, circumstances: Circumstances, multiplier: float, caution: float) -> IntArray:
    """Returns (n,) the eligible column with the highest `quality - multiplier * cost`, -1 where none is known.

    Args:
        predictions: of n requests.
        circumstances: who is eligible.
        multiplier: quality that a USD must buy; 0 where cost does not count, infinite where nothing else does.
        caution: standard deviations taken off each predicted quality.
    """
    value = cautious(predictions, caution)
    if math.isinf(multiplier):
        value = np.where(np.isnan(value), np.nan, -predictions.cost_usd)
    elif multiplier:
        value = value - multiplier * predictions.cost_usd
    return highest(value, circumstances)
