"""Medians with intervals that hold for every distribution, also a skewed one, from few values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fairlead.statistics.bootstrap import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence


def median(values: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """Returns the median between two of the values themselves, `None` of nothing.

    As many values lie below the median as heads fall in fair throws; so it lies between the k-th smallest and the k-th
    largest with a chance that is known, at least `confidence`. Of too few values (five at 95 %) none are far enough
    apart: then the ends are NaN.

    References:
        Thompson, On confidence ranges for the median and other expectation distributions, Annals of Mathematical
        Statistics 7, 1936.

    Example:
        >>> median([3.0, 1.0, 2.0, 5.0, 4.0, 9.0, 7.0, 8.0, 6.0])
        Interval(value=5.0, low=2.0, high=8.0)
    """
    n, ordered = len(values), sorted(values)
    if n == 0:
        return None
    k = _rank(n, (1 - confidence) / 2)
    low, high = (ordered[k - 1], ordered[n - k]) if k else (math.nan, math.nan)
    return Interval(value=(ordered[(n - 1) // 2] + ordered[n // 2]) / 2, low=low, high=high)


def _rank(n: int, tail: float) -> int:
    """Returns the largest k with P(fewer than k heads in n throws) <= tail; 0 where there is none."""
    k, below = 0, 0.0
    while (below := below + math.comb(n, k) / 2**n) <= tail:
        k += 1
    return k
