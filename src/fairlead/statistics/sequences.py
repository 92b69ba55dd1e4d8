"""Sums whose errors are known one after another: limits that hold at every moment, whatever the mean does.

Each error has mean zero given what came before, and a variance that can be estimated; nothing else is asked, so the
mean may drift and the values need no range. The price is that the promise is asymptotic: it begins with the first
look, by when the estimated variances must have added up to something to go by.

References:
    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence
    sequences, 2024, arXiv:2103.06476: theorem 2.2, and appendix B.2 for when to be tightest.
    Robbins, Statistical methods related to the law of the iterated logarithm, 1970 (the normal mixture).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.types import FloatArray

TIGHTEST_AT = 8.0
"""Limits are tightest when the variance is this many times what it was at the first look."""


def mixture_radius(variance: FloatArray, *, alpha: float = 0.05, first_look: float | None = None) -> FloatArray:
    """Returns (n,) how far a sum may be from its mean at each moment; with chance 1 - alpha it never is farther.

    Args:
        variance: (n,) of the sum so far, not falling, above 0; the first one is that of the first look.
        alpha: chance that the sum is ever farther off, on both sides together.
        first_look: the variance at the first look, where that is not the first one given.

    Example:
        >>> radius = mixture_radius(np.array([1.0, 8.0, 100.0]))
        >>> (radius / np.array([1.0, 8.0, 100.0]) ** 0.5).round(2).tolist()  # of a single look: 1.96
        [3.59, 3.04, 3.29]
    """
    first = float(variance[0]) if first_look is None else first_look
    wanted = -2 * math.log(alpha)
    eta = TIGHTEST_AT * first / (wanted + math.log(wanted) + 1)
    radius: FloatArray = np.sqrt((variance + eta) * (np.log((variance + eta) / eta) + wanted))
    return radius
