"""Shares of yes and no, with intervals that hold for few and for extreme ones."""

from __future__ import annotations

import math
from statistics import NormalDist

from fairlead.statistics.bootstrap import Interval


def wilson(n_yes: int, n: int, confidence: float = 0.95) -> Interval | None:
    """Returns a share with Wilson's two-sided interval, `None` of nothing.

    References:
        Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.

    Examples:
        >>> found = wilson(9, 10)
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.9, 0.596, 0.982)
    """
    if n == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = n_yes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(value=share, low=max(0.0, centre - half), high=min(1.0, centre + half))
