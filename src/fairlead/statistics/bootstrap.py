"""Intervals by resampling whole groups, so that a question asked twice counts as one piece of evidence.

Everything we report is a function of means. So the means of all columns are resampled together (the same groups for
every column: the comparison stays paired), and any difference, ratio or hull is then taken resample by resample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.types import FloatArray, IntArray

COUNTS_AT_ONCE = 250_000  # draws x groups: 2 MB an array; more takes memory that the process keeps, and no less time


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure and the ends of its interval, 95 % unless it is said otherwise; NaN is unknown."""

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
    drawn = np.vstack([counts @ totals for counts in _counts(len(totals), n_boot, seed)])
    return drawn[:, 1:] / drawn[:, :1]


class Resampler:
    """The same resamples for many calls: `resampled_means`, with what it draws kept.

    Args:
        groups: (n_rows,) any label of what is drawn as one.
        n_boot: number of resamples.
        seed: of the draws.
    """

    def __init__(self, groups: IntArray, *, n_boot: int = 1000, seed: int = 0) -> None:
        labels, self._group = np.unique(groups, return_inverse=True)
        self._counts = np.vstack(
            [np.empty((0, len(labels))), *(_counts(len(labels), n_boot, seed) if len(labels) else [])]
        )

    def means(self, values: FloatArray, rows: slice = slice(None)) -> FloatArray:
        """Returns (n_boot, n_columns) means of finite values.

        Args:
            values: (n, n_columns), one row for each of `rows`.
            rows: which rows they are, where not all; their groups are drawn as often as in all the other calls.
        """
        group = self._group[rows]
        totals = np.zeros((self._counts.shape[1], 1 + values.shape[1]))
        totals[np.unique(group)] = _group_totals(values, group)
        drawn = self._counts @ totals
        return np.asarray(drawn[:, 1:] / drawn[:, :1])


def _counts(n_groups: int, n_boot: int, seed: int) -> Iterator[FloatArray]:
    """Yields (n_draws, n_groups) how often each group is in each resample, some resamples at a time."""
    rng = np.random.default_rng(seed)
    step = max(1, COUNTS_AT_ONCE // max(n_groups, 1))
    for start in range(0, n_boot, step):
        picks = rng.integers(n_groups, size=(min(step, n_boot - start), n_groups))
        counts = np.stack([np.bincount(row, minlength=n_groups) for row in picks])
        yield counts.astype(np.float64)  # in floats a product with the totals is one BLAS call


def _group_totals(values: FloatArray, groups: IntArray | None) -> FloatArray:
    """Returns (n_groups, 1 + n_columns): the number of rows in each group, then the columns' sums."""
    rows = np.column_stack([np.ones(len(values)), values])
    if groups is None:
        return rows
    order = np.argsort(groups, kind="stable")
    starts = np.unique(groups[order], return_index=True)[1]
    return np.asarray(np.add.reduceat(rows[order], starts, axis=0)) if len(rows) else rows


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
