"""Quality against money: the candidate with the highest predicted quality minus its price in quality."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fairlead.errors import ConfigError
from fairlead.policies.base import Promise
from fairlead.policies.columns import chosen
from fairlead.policies.single import SingleStep

if TYPE_CHECKING:
    from fairlead.policies.base import Choices, Circumstances
    from fairlead.types import Predictions


class Utility(SingleStep):
    """Serves the candidate with the highest `quality - cost / willingness to pay`.

    Args:
        willingness_to_pay_usd: what raising a request's quality from 0 to 1 is worth, USD, above 0; infinite where
            cost does not count.

    Raises:
        ConfigError: the willingness to pay is not a number above 0.

    References:
        Hu et al., RouterBench, 2024, arXiv:2403.12031, section 4; minimax optimal as a plug-in rule: Somerstep et al.,
        CARROT, 2025, arXiv:2502.03261.

    Example:
        >>> Utility(willingness_to_pay_usd=0.05)
        Utility(willingness_to_pay_usd=0.05)
    """

    def __init__(self, *, willingness_to_pay_usd: float) -> None:
        if not willingness_to_pay_usd > 0:
            message = (
                f"`willingness_to_pay_usd` is {willingness_to_pay_usd}; expected a number above 0: what a right answer "
                "instead of a wrong one is worth, in USD."
            )
            raise ConfigError(message)
        self.willingness_to_pay_usd = willingness_to_pay_usd

    @property
    def promise(self) -> Promise:
        """What it is held to: where cost does not count, to beat the best fixed candidate whatever that costs."""
        return Promise(spends="nothing" if math.isinf(self.willingness_to_pay_usd) else "cost_usd")

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns the best of those whose quality and, where it counts, cost are predicted; else the reference."""
        price = 0.0 if math.isinf(self.willingness_to_pay_usd) else predictions.cost_usd / self.willingness_to_pay_usd
        utility = predictions.p_success - price
        utility = np.where(circumstances.eligible & np.isfinite(utility), utility, -np.inf)
        best = utility.argmax(axis=1)
        known = np.isfinite(utility.max(axis=1))
        wanted = np.where(known, best, circumstances.reference)
        return chosen([wanted], np.where(known, "highest_utility", "no_evidence"), circumstances)
