"""Means of scores and of costs over answers, with intervals in which the answers of one session count as related."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from fairlead.statistics.bootstrap import Interval
from fairlead.statistics.student import student_t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.proof.cases import Case
    from fairlead.types import FloatArray


def mean_score(sessions: Sequence[str], scores: Sequence[float]) -> Interval:
    """Returns the mean of scores in [0, 1] with its 95 % interval; answers of one session count as related.

    Wilson's interval at the effective sample size: the number of independent answers whose mean would vary as much.
    It stays inside [0, 1] and does not shrink to nothing where all scores are equal.

    References:
        Korn and Graubard, Confidence intervals for proportions with small expected number of positive counts
        estimated from survey data, Survey Methodology, 1998.
    """
    y = np.array(scores)
    _, label = np.unique(sessions, return_inverse=True)
    mean, n_sessions = float(y.mean()), int(label.max()) + 1
    residuals = np.bincount(label, weights=y - mean)
    variance = float((residuals**2).sum()) / len(y) ** 2
    n = min(mean * (1 - mean) / variance, len(y)) if variance > 0 else n_sessions
    z = NormalDist().inv_cdf(0.975)
    centre = (mean + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(mean * (1 - mean), 0.0) / n + z * z / (4 * n * n))
    return Interval(value=mean, low=max(0.0, centre - half), high=min(1.0, centre + half))


def mean_cost(cases: Sequence[Case]) -> Interval | None:
    """Returns the mean cost of an answer with its 95 % interval, on the logarithm's scale; `None` for one session."""
    usd = np.array([float(case.served_usd or 0) for case in cases])
    _, label = np.unique(names_of(cases), return_inverse=True)
    n_sessions = int(label.max()) + 1 if len(cases) else 0
    if n_sessions < 2:
        return None
    mean = float(usd.mean())
    residuals = np.bincount(label, weights=usd - mean)
    sd = math.sqrt(float((residuals**2).sum()) * n_sessions / (n_sessions - 1)) / len(cases)
    factor = math.exp(min(student_t(n_sessions - 1) * sd / mean, 700.0)) if mean > 0 else 1.0
    return Interval(value=mean, low=mean / factor, high=mean * factor)


def session_mean(values: FloatArray, sessions: Sequence[str], *, positive: bool = False) -> Interval:
    """Returns a mean with its 95 % interval, as if one more session had been seen, as far off as the farthest.

    Args:
        values: (n,).
        sessions: of each; at least two different ones.
        positive: it cannot be negative and is likely skewed, as costs are: on the logarithm's scale.
    """
    _, label = np.unique(sessions, return_inverse=True)
    mean, n_sessions = float(values.mean()), int(label.max()) + 1
    squares = np.bincount(label, weights=values - mean) ** 2
    sd = math.sqrt(float(squares.sum()) * n_sessions / (n_sessions - 1) + float(squares.max())) / len(values)
    half = student_t(n_sessions - 1) * sd
    if positive and mean > 0:
        factor = math.exp(min(half / mean, 700.0))
        return Interval(value=mean, low=mean / factor, high=mean * factor)
    return Interval(value=mean, low=mean - half, high=mean + half)


def names_of(cases: Sequence[Case]) -> list[str]:
    """Returns the session of each; a request without one is its own."""
    return [case.session or f"request-{i}" for i, case in enumerate(cases)]
