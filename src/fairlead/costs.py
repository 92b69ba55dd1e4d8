"""What a call is expected to cost: the rates of many candidates at once, in floats, for predictions only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.types import TOKENS_PER_MTOK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from fairlead.types import Candidate, FloatArray, Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """USD of m candidates; caches are left out, since a prediction cannot know what they hold."""

    input: FloatArray
    """(m,) base rate per token, NaN where a candidate has no price."""
    output: FloatArray
    request: FloatArray
    """(m,) per call."""
    tiered: tuple[tuple[int, Price], ...]
    """Columns whose rates depend on the length of the input."""

    @classmethod
    def of(cls, candidates: Sequence[Candidate]) -> Self:
        """Returns the rates of these candidates, in their order."""
        prices = [candidate.price for candidate in candidates]
        return cls(
            input=np.array([np.nan if price is None else _per_token(price.input.base) for price in prices]),
            output=np.array([np.nan if price is None else _per_token(price.output.base) for price in prices]),
            request=np.array([0.0 if p is None or p.request is None else float(p.request.base / 1000) for p in prices]),
            tiered=tuple((j, price) for j, price in enumerate(prices) if price and _has_tiers(price)),
        )

    def cost_usd(self, input_tokens: FloatArray, output_tokens: FloatArray) -> FloatArray:
        """Returns (n, m) USD for `output_tokens` (n, m) and `input_tokens` (n, m) or (n, 1); NaN where unknown."""
        cost = input_tokens * self.input + output_tokens * self.output + self.request
        for j, price in self.tiered:
            asked = input_tokens[:, min(j, input_tokens.shape[1] - 1)]
            rates = np.array([_rates_at(price, tokens) for tokens in asked]).reshape(-1, 2)
            cost[:, j] = asked * rates[:, 0] + output_tokens[:, j] * rates[:, 1] + self.request[j]
        return np.asarray(cost)


def _rates_at(price: Price, input_tokens: float) -> tuple[float, float]:
    if np.isnan(input_tokens):
        return np.nan, np.nan
    return _per_token(price.input.at(int(input_tokens))), _per_token(price.output.at(int(input_tokens)))


def _per_token(usd_per_mtok: Decimal) -> float:
    return float(usd_per_mtok / TOKENS_PER_MTOK)


def _has_tiers(price: Price) -> bool:
    return bool(price.input.tiers or price.output.tiers)
