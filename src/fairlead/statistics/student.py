"""Student's t, without a library for it."""

from __future__ import annotations

import math
from statistics import NormalDist


def student_t(degrees: float, confidence: float = 0.95) -> float:
    """Returns the two-sided quantile of Student's t, within 0.5 % from 4 degrees of freedom on.

    References:
        Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, equation 26.7.5.
    """
    if degrees < 1:
        return math.inf
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + math.fsum(term / degrees**power for power, term in enumerate(terms, start=1))
