"""What a call is expected to cost: the rates of many candidates at once, in floats, for predictions only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.money import TOKENS_PER_MTOK, Timetable, price_among

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from fairlead.money import Price
    from fairlead.types import Candidate, FloatArray


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
        """Returns the rates of these candidates, in their order, where no moment is given."""
        return cls.at([candidate.price for candidate in candidates])

    @classmethod
    def at(cls, prices: Sequence[Price | None]) -> Self:
        """Returns the rates of these prices."""
        return cls(
            input=np.array([np.nan if price is None else _per_token(price.input.base) for price in prices]),
            output=np.array([np.nan if price is None else _per_token(price.output.base) for price in prices]),
            request=np.array([0.0 if p is None or p.request is None else float(p.request.base / 1000) for p in prices]),
            tiered=tuple((j, price) for j, price in enumerate(prices) if price and _has_tiers(price)),
        )

    def cost_usd(self, input_tokens: FloatArray, output_tokens: FloatArray) -> FloatArray:
        """Returns (n, m) USD for `output_tokens` (n, m) and `input_tokens` (n, m) or (n, 1); NaN where unknown."""
        cost = input_tokens * self.input[None] + output_tokens * self.output[None] + self.request[None]
        for j, price in self.tiered:
            asked = input_tokens[:, min(j, input_tokens.shape[1] - 1)]
            rates = np.array([_rates_at(price, tokens) for tokens in asked]).reshape(-1, 2)
            cost[:, j] = asked * rates[:, 0] + output_tokens[:, j] * rates[:, 1] + self.request[j]
        return np.asarray(cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateBook:
    """The rates of candidates whose prices change with the date or the hour, each stretch worked out beforehand."""

    standing: Rates
    """Where no moment is given."""
    timetable: Timetable
    rates: Mapping[tuple[int, int], Rates]
    """Stretch of the timetable -> the rates within; empty where no price changes."""

    @classmethod
    def of(cls, candidates: Sequence[Candidate]) -> Self:
        """Returns the rates of these candidates, in their order."""
        timetable = Timetable.of([candidate.tariff for candidate in candidates if candidate.tariff is not None])
        cells = timetable.cells() if timetable.dates or timetable.minutes else {}
        rates = {cell: Rates.at([_price(c, *moment) for c in candidates]) for cell, moment in cells.items()}
        return cls(standing=Rates.of(candidates), timetable=timetable, rates=rates)

    def cost_usd(
        self, moments: Sequence[datetime] | None, input_tokens: FloatArray, output_tokens: FloatArray
    ) -> FloatArray:
        """Returns (n, m) USD, each row at the prices of its moment; see `Rates.cost_usd`."""
        if moments is None or not self.rates:
            return self.standing.cost_usd(input_tokens, output_tokens)
        cells = [self.timetable.cell(int(moment.timestamp())) for moment in moments]
        if len(set(cells)) == 1:
            return self.rates[cells[0]].cost_usd(input_tokens, output_tokens)
        rows = zip(cells, input_tokens[:, None], output_tokens[:, None], strict=True)
        return np.concatenate([self.rates[cell].cost_usd(asked, written) for cell, asked, written in rows])


def _price(candidate: Candidate, unix_s: int, minute: int) -> Price | None:
    return candidate.price if candidate.tariff is None else price_among(candidate.tariff.terms, unix_s, minute)


def _rates_at(price: Price, input_tokens: float) -> tuple[float, float]:
    if np.isnan(input_tokens):
        return np.nan, np.nan
    return _per_token(price.input.at(int(input_tokens))), _per_token(price.output.at(int(input_tokens)))


def _per_token(usd_per_mtok: Decimal) -> float:
    return float(usd_per_mtok / TOKENS_PER_MTOK)


def _has_tiers(price: Price) -> bool:
    return bool(price.input.tiers or price.output.tiers)
