"""Scales: values to pixels, and the round values to print beside an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

N_TICKS = 7
ROOM = 0.06
"""Share of the range left free at both ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Maps values in [low, high] to pixels between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def around(cls, values: Iterable[float], *, start: float, end: float, log: bool = False) -> Scale:
        """Returns the scale that shows all values with a little room on both sides; with `log` all are above zero."""
        places = [math.log10(value) if log else value for value in values]
        low, high = min(places), max(places)
        room = ROOM * (high - low) or 0.1 * abs(high) or 1.0
        low, high = low - room, high + room
        return cls(low=10**low if log else low, high=10**high if log else high, start=start, end=end, log=log)

    def __call__(self, value: float) -> float:
        """Returns the pixel of a value."""
        if self.log:  # what a log axis cannot show (an interval down to zero) ends at its edge
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * share

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Returns round values inside the scale with their text: multiples of 1, 2 or 5 times a power of ten."""
        if self.log and self.high / self.low > 8:
            return tuple((tick, f"{tick:,g}") for tick in self._log_ticks())
        step = _round_step((self.high - self.low) / N_TICKS)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return tuple((k * step, _number(k * step, step)) for k in range(first, last + 1))

    def _log_ticks(self) -> list[float]:
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        factors = (1, 2, 5) if len(powers) <= 5 else (1,)
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        return [tick for tick in ticks if self.low <= tick <= self.high]


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _number(value: float, step: float) -> str:
    """Returns the value with as many decimals as tell it from the next one, a step away."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{decimals}f}".replace("-", "\N{MINUS SIGN}")
