"""A mean from few careful scores and many cheap ones: as right as the first, and narrower for the second.

A judge scores every answer and is off by who knows how much; people score some, drawn at random. What people and judge
differ by on those corrects the judge's mean on all. How much the judge counts is set by how well it follows people, so
a worthless one costs nothing.

References:
    Angelopoulos, Duchi and Zrnic, PPI++: Efficient prediction-powered inference, 2023, arXiv:2311.01453: the mean
    (example 1) with power tuning (section 6), here for scores that come in groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.errors import NotEnoughPointsError
from fairlead.statistics.bootstrap import Interval
from fairlead.statistics.student import student_t

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Scores of answers, (n,) each."""

    judge: FloatArray
    """Of the judge, in [0, 1]."""
    group: IntArray
    """Label of what is drawn as one, such as the session."""
    person: FloatArray | None = None
    """Of people, in [0, 1]; `None` where they scored none of these."""


def powered_mean(both: Judged, judged_only: Judged, *, confidence: float = 0.95) -> tuple[Interval, float]:
    """Returns the mean of what people would say of all these answers, and how much the judge counted: 0 is not at all.

    Args:
        both: answers that people and the judge scored; drawn at random, by groups.
        judged_only: answers that only the judge scored; of other groups.
        confidence: of both sides together.

    Raises:
        NotEnoughPointsError: fewer than two groups with scores of people.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> truth = (rng.random(2000) < 0.7).astype(float)
        >>> judge = np.clip(truth * 0.6 + 0.3 + rng.normal(0, 0.1, 2000), 0, 1)
        >>> both = Judged(judge=judge[:100], person=truth[:100], group=np.arange(100))
        >>> mean, power = powered_mean(both, Judged(judge=judge[100:], group=np.arange(1900)))
        >>> bool(mean.low < truth.mean() < mean.high), bool(mean.high - mean.low < 0.1), bool(power > 1)
        (True, True, True)
    """
    assert both.person is not None
    n_groups = len(np.unique(both.group))
    if n_groups < 2:
        raise NotEnoughPointsError(f"{n_groups} groups have scores of people; expected at least 2.")
    person, judge = _influence(both.group, both.person), _influence(both.group, both.judge)
    other = _influence(judged_only.group, judged_only.judge) if len(judged_only.judge) else np.zeros(0)
    power = _power(person, judge, other)
    value = float(both.person.mean()) + (power * float(judged_only.judge.mean() - both.judge.mean()) if power else 0.0)
    corrected = person - power * judge
    variance = float((corrected**2).sum()) + power**2 * float((other**2).sum()) + _surprise(both, corrected) ** 2
    half = student_t(n_groups - 1, confidence) * math.sqrt(variance)
    return Interval(value=value, low=max(0.0, value - half), high=min(1.0, value + half)), power


def _influence(group: IntArray, score: FloatArray) -> FloatArray:
    """Returns (n_groups,) what each group moves the mean by; their squares add up to its variance."""
    _, label = np.unique(group, return_inverse=True)
    sums = np.bincount(label, weights=score - score.mean()) / len(score)
    return np.asarray(sums * math.sqrt(len(sums) / max(len(sums) - 1, 1)))


def _power(person: FloatArray, judge: FloatArray, other: FloatArray) -> float:
    """Returns how much the judge counts: what makes the variance least, and not below 0."""
    spread = float(judge @ judge) + float(other @ other)
    return max(float(person @ judge) / spread, 0.0) if len(other) and spread > 0 else 0.0


def _surprise(both: Judged, corrected: FloatArray) -> float:
    """Returns what one more group could move the mean by: without it twenty equal scores would prove all others."""
    assert both.person is not None
    mean = float(both.person.mean())
    return max(float(np.abs(corrected).max()), max(mean, 1 - mean) / len(corrected))
