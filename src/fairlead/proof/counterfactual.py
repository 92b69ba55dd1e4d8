"""What one arm would have seen had it been the other one: the estimate behind every saving we claim.

Sessions are drawn into two arms. Of one arm we know what happened under the treatment in question (`Arm.observed`), of
the other only what was expected before the draw (`Arm.expected`). Least squares on the first arm turns expectation
into observation; the fit, summed over the second, is the total that was never seen. The fit has a constant, so it is
right on average however bad the expectations are; without any it is the mean per request times the number of requests.

    interval   Student's t around the estimate; on the scale of the logarithm where a total cannot be negative
    variance   delete-one-session jackknife of the estimate, plus what the unseen sessions scatter around the fit,
               both as if one more session had been seen, as far off as any

`design/statement.md` compares the coverage of this and of the bootstrap in simulations.

References:
    Lin, Agnostic notes on regression adjustments to experimental data, 2013, arXiv:1208.2301.
    Särndal, Swensson and Wretman, Model Assisted Survey Sampling, 1992, chapters 6.4 and 11.5 (jackknife of clusters).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.statistics.bootstrap import Interval
from fairlead.statistics.student import student_t

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray

MAX_LOG = 50.0
"""Beyond this factor, as a logarithm, a limit says nothing."""
MIN_SESSIONS = 10
"""Fewer sessions with an observation than this give no interval that one could trust."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The requests of one arm, (n,) each."""

    session: IntArray
    """Label of the session that each request belongs to."""
    expected: FloatArray
    """What was expected before the draw; NaN where nothing was."""
    observed: FloatArray
    """What happened; not read in the arm that is only projected to."""

    @property
    def n_requests(self) -> int:
        """Number of requests."""
        return len(self.session)

    @property
    def n_sessions(self) -> int:
        """Number of sessions."""
        return len(np.unique(self.session))


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """An estimated sum with its variance; totals of separate draws add up."""

    value: float
    variance: float
    n_sessions: int
    """Sessions that it was learned from."""

    def __add__(self, other: Total) -> Total:
        return Total(
            value=self.value + other.value,
            variance=self.variance + other.variance,
            n_sessions=self.n_sessions + other.n_sessions,
        )

    def interval(self, *, scale: float = 1.0, positive: bool = False, confidence: float = 0.95) -> Interval:
        """Returns the two-sided interval of the total divided by `scale`.

        Args:
            scale: such as the number of requests, for a mean.
            positive: the total cannot be negative and is likely skewed, as costs are.
            confidence: of both sides together.
        """
        half = student_t(self.n_sessions - 2, confidence) * math.sqrt(self.variance) if self.variance else 0.0
        if positive and self.value > 0:
            factor = math.exp(min(half / self.value, MAX_LOG))
            low, high = self.value / factor, self.value * factor
        else:
            low, high = self.value - half, self.value + half
        return Interval(value=self.value / scale, low=low / scale, high=high / scale)


def project(known: Arm, unseen: Arm, *, bounds: tuple[float, float] | None = None) -> Total:
    """Returns the sum that the requests of `unseen` would have had under the treatment of `known`.

    Args:
        known: at least two sessions.
        unseen: any number of requests.
        bounds: of one observation, where it has any, such as a score's 0 and 1.
    """
    expected = _filled(known.expected, unseen.expected)
    sums = _session_sums(known.session, expected[: known.n_requests], known.observed)
    n, x = unseen.n_requests, float(expected[known.n_requests :].sum())
    constant, slope = _line(sums.sum(axis=0))
    constants, slopes = _line(sums.sum(axis=0) - sums)  # each without one session
    estimates = constants * n + slopes * x
    residuals = sums[:, 2] - constants * sums[:, 0] - slopes * sums[:, 1]
    n_known = len(sums)
    surprise = _surprise(residuals, known.observed, bounds) ** 2
    jackknife = (n_known - 1) / n_known * float(((estimates - estimates.mean()) ** 2).sum())
    mean = jackknife + (n / known.n_requests) ** 2 * surprise
    scatter = unseen.n_sessions * float((residuals**2).sum() + surprise) / n_known
    return Total(value=float(constant * n + slope * x), variance=mean + scatter, n_sessions=n_known)


def _surprise(residuals: FloatArray, observed: FloatArray, bounds: tuple[float, float] | None) -> float:
    """Returns how far off one more session could be: as far as the farthest seen, or as the bounds allow.

    Without it, twenty sessions of right answers would prove that there is no wrong one, and an interval of costs
    would forget the dear session that happens once in a hundred.
    """
    farthest = float(np.abs(residuals).max())
    if bounds is None:
        return farthest
    mean = float(observed.mean())
    return max(farthest, mean - bounds[0], bounds[1] - mean)


def _filled(*expected: FloatArray) -> FloatArray:
    """Returns both arms' expectations, the missing ones at the mean of the others: all known before the draw."""
    both = np.concatenate(expected)
    known = both[np.isfinite(both)]
    return np.where(np.isfinite(both), both, known.mean() if known.size else 0.0)


def _session_sums(session: IntArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Returns (n_sessions, 5): the sums of 1, x, y, x*x and x*y over the requests of each session."""
    _, label = np.unique(session, return_inverse=True)
    columns = (np.ones_like(x), x, y, x * x, x * y)
    return np.stack([np.bincount(label, weights=column) for column in columns], axis=1)


def _line(sums: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns constant and slope of the least-squares line; slope 0 where x does not vary."""
    n, x, y, xx, xy = np.moveaxis(sums, -1, 0)
    spread = n * xx - x * x
    varies = spread > 1e-9 * n * xx
    slope = np.where(varies, (n * xy - x * y) / np.where(varies, spread, 1.0), 0.0)
    return (y - slope * x) / n, slope
