"""Intervals by resampling whole groups, so that a question asked twice counts as one piece of evidence.

Everything we report is a function of means. So the means of all columns are resampled together (the same groups for
every column: the comparison stays paired), and any difference, ratio or hull is then taken resample by resample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray

COUNTS_AT_ONCE = 250_000  # draws x groups: 2 MB an array; more takes memory that the process keeps, and no less time


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure and the range that resampling gives it; NaN where it is unknown."""

    value: float
    low: float
    high: float


def resampled_means(
    values: FloatArray, *, groups: IntArray | None = None, n_boot: int = 1000, seed: int = 0
) -> FloatArray:
    """Returns each column's mean in `n_boot` resamples of the groups, drawn with replacement.

    Equal groups, number and seed give equal resamples, so results of two calls are still paired.

    Args:
        values: (n_rows, n_columns), finite.
        groups: (n_rows,) any label of what is drawn as one; each row on its own where not given.
        n_boot: number of resamples.
        seed: of the draws.

    Returns:
        (n_boot, n_columns).

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 8.5 (resampling of clusters).
    """
    totals = _group_totals(values, groups)
    n_groups = len(totals)
    rng = np.random.default_rng(seed)
    drawn = np.empty((n_boot, totals.shape[1]))
    step = max(1, COUNTS_AT_ONCE // max(n_groups, 1))
    for start in range(0, n_boot, step):
        n_draws = min(step, n_boot - start)
        picks = rng.integers(n_groups, size=(n_draws, n_groups))
        counts = np.stack([np.bincount(row, minlength=n_groups) for row in picks])
        drawn[start : start + n_draws] = counts.astype(np.float64) @ totals  # in floats it is one BLAS call
    return drawn[:, 1:] / drawn[:, :1]


def _group_totals(values: FloatArray, groups: IntArray | None) -> FloatArray:
    """Returns (n_groups, 1 + n_columns): the number of rows in each group, then the columns' sums."""
    rows = np.column_stack([np.ones(len(values)), values])
    if groups is None:
        return rows
    _, label = np.unique(groups, return_inverse=True)
    totals = np.zeros((int(label.max(initial=-1)) + 1, rows.shape[1]))
    np.add.at(totals, label, rows)
    return totals


def interval(value: float, resampled: FloatArray, *, confidence: float = 0.95) -> Interval:
    """Returns the two-sided percentile interval; an unknown value, or one resample without it, leaves the ends NaN.

    Args:
        value: the figure on the data themselves.
        resampled: (n_boot,) the same figure on each resample.
        confidence: of both sides together.
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail]) if resampled.size else (np.nan, np.nan)
    return Interval(value=float(value), low=float(low), high=float(high))


def lower_limit(resampled: FloatArray, *, confidence: float = 0.95) -> float:
    """Returns the one-sided percentile limit: the truth is above it with that confidence."""
    return float(np.quantile(resampled, 1 - confidence))


def lower_limit_of_least(resampled: FloatArray, *, confidence: float = 0.95) -> float:
    """Returns a lower limit of the smallest of several figures: the least of their own limits.

    No correction for looking at many is due: were the smallest truth below the limit, its own limit would be above it,
    and that happens no more often than one minus the confidence.

    Args:
        resampled: (n_boot, n_columns) the figures on each resample.
        confidence: that the limit is not above the smallest truth.

    References:
        Berger, Multiparameter hypothesis testing and acceptance sampling, Technometrics 1982 (intersection-union).
    """
    return float(np.quantile(resampled, 1 - confidence, axis=0).min())


def joint_lower_limits(value: FloatArray, resampled: FloatArray, *, confidence: float = 0.95) -> FloatArray:
    """Returns lower limits that hold for all columns at once, so that the best of them may be picked afterwards.

    Each limit is `value - c * sd`, with `c` the quantile of the largest standardised excess over the columns.

    Args:
        value: (n_columns,) the figures on the data themselves.
        resampled: (n_boot, n_columns) the same on each resample.
        confidence: that no limit is above its truth.

    References:
        Romano and Wolf, Exact and approximate stepdown methods for multiple hypothesis testing, JASA 2005, the
        single-step method.
    """
    sd = resampled.std(axis=0)
    excess = np.divide(resampled - value, sd, out=np.zeros_like(resampled), where=sd > 0)
    c = float(np.quantile(excess.max(axis=1), confidence)) if value.size else 0.0
    limits: FloatArray = value - max(c, 0.0) * sd
    return limits
