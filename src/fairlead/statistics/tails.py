"""How heavy the tail of costs is, by a figure that hardly moves with the few dearest of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray

MOSTLY = 0.9
"""Share of the values that must be above 0 for a spread of logarithms to be taken."""


def log_spread(values: FloatArray, group: IntArray) -> float:
    """Returns the standard deviation of the logarithm within groups; 0 where too many values are not above 0.

    Args:
        values: (n,).
        group: (n,) whole numbers from 0, such as one a model: what lies between groups does not count.

    Example:
        >>> round(log_spread(np.exp([0.0, 2.0, 5.0, 7.0]), np.array([0, 0, 1, 1])), 6)
        1.0
    """
    positive = values > 0
    if not positive.any() or positive.mean() < MOSTLY:
        return 0.0
    logs, group = np.log(values[positive]), group[positive]
    n = np.maximum(np.bincount(group), 1)
    return float(np.std(logs - (np.bincount(group, weights=logs) / n)[group]))
