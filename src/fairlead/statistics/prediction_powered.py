"""A mean from few careful scores and many cheap ones: as right as the first, and narrower for the second.

A judge scores many answers and is off by who knows how much; people score some, drawn at random. What the judge finds
in the others, less what it finds in those, is a difference with mean zero however the judge is off; a share of it,
`power`, is added to the mean of what people say. The share is the one that makes the variance least, so a worthless
judge costs nothing.

    mean of people  +  power * (judge's mean of the others - judge's mean of those that people scored, too)

References:
    Angelopoulos, Duchi and Zrnic, PPI++: Efficient prediction-powered inference, 2023, arXiv:2311.01453: the mean
    (example 1) with power tuning (section 6), here for scores that come in groups.
    Wilson, Probable inference, 1927, at the effective sample size of Korn and Graubard, 1998.
    Welch, The generalization of Student's problem, 1947 (the degrees of freedom of a sum).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.errors import NotEnoughPointsError
from fairlead.statistics.bootstrap import Interval
from fairlead.statistics.student import student_t

if TYPE_CHECKING:
    from fairlead.types import BoolArray, FloatArray, IntArray

MIN_GROUPS = 10
"""Groups that people and judge must both have scored before the judge counts."""
UNLIKE = 0.999
"""Beyond the interval of this confidence, what people scored is no random part of what the judge scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Scores of answers, (n,) each."""

    group: IntArray
    """Label of what is drawn as one, such as the session."""
    person: FloatArray
    """Of people, in [0, 1]; NaN where they scored none."""
    judge: FloatArray
    """Of the judge, in [0, 1]; NaN where it scored none."""

    @property
    def by_people(self) -> BoolArray:
        """(n,) answers that people scored."""
        return ~np.isnan(self.person)

    @property
    def by_both(self) -> BoolArray:
        """(n,) answers that both scored."""
        return self.by_people & ~np.isnan(self.judge)

    @property
    def by_judge_alone(self) -> BoolArray:
        """(n,) answers that the judge scored, and people did not."""
        return ~self.by_people & ~np.isnan(self.judge)

    def n_groups(self, rows: BoolArray) -> int:
        """Returns the number of groups among these answers."""
        return len(np.unique(self.group[rows]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Powered:
    """A mean, or a weighted sum of independent ones, with what is needed for its interval."""

    value: float
    variance: float
    surprise: float
    """The variance that one more group would add, as far off as it could be; of a sum, the largest of one part."""
    spread_of_variance: float
    """Sum of each variance squared over its degrees of freedom."""
    power: float = 0.0
    """How much the judge counted: 0 is not at all."""

    def __add__(self, other: Powered) -> Powered:
        return Powered(
            value=self.value + other.value,
            variance=self.variance + other.variance,
            surprise=max(self.surprise, other.surprise),
            spread_of_variance=self.spread_of_variance + other.spread_of_variance,
        )

    def scaled(self, by: float) -> Powered:
        """Returns so many times the same."""
        return Powered(
            value=by * self.value,
            variance=by**2 * self.variance,
            surprise=by**2 * self.surprise,
            spread_of_variance=by**4 * self.spread_of_variance,
        )

    def interval(self, confidence: float = 0.95) -> Interval:
        """Returns the two-sided interval of a mean in [0, 1]: Wilson's, of as many scores as would vary so much.

        Near 0 and 1 it is not the same on both sides, as the truth has more room on one.
        """
        variance, t = self.variance + self.surprise, self._quantile(confidence)
        if not variance or not 0 < self.value < 1:
            return self._symmetric(t, (0.0, 1.0))
        n = self.value * (1 - self.value) / variance
        centre = (self.value + t * t / (2 * n)) / (1 + t * t / n)
        half = t / (1 + t * t / n) * math.sqrt(variance + t * t / (4 * n * n))
        return Interval(value=self.value, low=max(0.0, centre - half), high=min(1.0, centre + half))

    def difference_interval(self, confidence: float = 0.95) -> Interval:
        """Returns the two-sided interval of a difference of means, in [-1, 1]."""
        return self._symmetric(self._quantile(confidence), (-1.0, 1.0))

    def _quantile(self, confidence: float) -> float:
        degrees = self.variance**2 / self.spread_of_variance if self.spread_of_variance else math.inf
        return student_t(degrees, confidence)

    def _symmetric(self, t: float, bounds: tuple[float, float]) -> Interval:
        half = t * math.sqrt(self.variance + self.surprise)
        return Interval(value=self.value, low=max(bounds[0], self.value - half), high=min(bounds[1], self.value + half))


NOTHING = Powered(value=0.0, variance=0.0, surprise=0.0, spread_of_variance=0.0)
"""The empty sum."""


def powered_mean(answers: Judged) -> Powered:
    """Returns the mean of what people would say of all these answers.

    The judge counts where it scored answers of at least `MIN_GROUPS` groups together with people.

    Args:
        answers: of which people scored some, drawn at random, by groups.

    Raises:
        NotEnoughPointsError: fewer than two groups with scores of people.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> truth = (rng.random(2000) < 0.7).astype(float)
        >>> judge = np.clip(truth * 0.6 + 0.3 + rng.normal(0, 0.1, 2000), 0, 1)
        >>> person = np.where(np.arange(2000) < 100, truth, np.nan)
        >>> mean = powered_mean(Judged(person=person, judge=judge, group=np.arange(2000)))
        >>> found = mean.interval()
        >>> bool(found.low < truth.mean() < found.high), bool(found.high - found.low < 0.1), bool(mean.power > 1)
        (True, True, True)
    """
    n_groups = answers.n_groups(answers.by_people)
    if n_groups < 2:
        raise NotEnoughPointsError(f"{n_groups} groups have scores of people; expected at least 2.")
    person, contrast = _Part.of(answers, answers.person, answers.by_people), _Contrast.of(answers)
    power = max(-float(person.moved @ contrast.moved) / contrast.variance, 0.0) if contrast.variance else 0.0
    corrected = person.moved + power * contrast.moved
    surprise = max(float(np.abs(corrected).max()), max(person.mean, 1 - person.mean) / int(answers.by_people.sum()))
    variance = float((corrected**2).sum())
    return Powered(
        value=person.mean + power * contrast.value,
        variance=variance,
        surprise=surprise**2,
        spread_of_variance=variance**2 / (n_groups - 1),
        power=power,
    )


def unlike(answers: Judged) -> bool:
    """Says whether the judge finds what people scored so unlike the rest that it was hardly drawn at random."""
    contrast = _Contrast.of(answers)
    if not contrast.variance:
        return False
    n_groups = answers.n_groups(answers.by_both)
    return abs(contrast.value) > student_t(n_groups - 1, UNLIKE) * math.sqrt(contrast.variance)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The mean of some of the answers."""

    mean: float
    moved: FloatArray
    """(n_groups,) what each group of all answers moves it by; the squares add up to its variance."""

    @classmethod
    def of(cls, answers: Judged, score: FloatArray, rows: BoolArray) -> Self:
        _, label = np.unique(answers.group, return_inverse=True)
        mean, n = float(score[rows].mean()), answers.n_groups(rows)
        sums = np.bincount(label[rows], weights=score[rows] - mean, minlength=int(label.max()) + 1)
        return cls(mean=mean, moved=np.asarray(sums / rows.sum() * math.sqrt(n / max(n - 1, 1))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contrast:
    """The judge's mean of the answers that it alone scored, less that of those which people scored, too."""

    value: float
    moved: FloatArray
    """(n_groups,)."""

    @property
    def variance(self) -> float:
        return float(self.moved @ self.moved)

    @classmethod
    def of(cls, answers: Judged) -> Self:
        both, alone = answers.by_both, answers.by_judge_alone
        if min(answers.n_groups(both), answers.n_groups(alone)) < MIN_GROUPS:
            return cls(value=0.0, moved=np.zeros(len(np.unique(answers.group))))
        ours, others = (_Part.of(answers, answers.judge, rows) for rows in (both, alone))
        return cls(value=others.mean - ours.mean, moved=others.moved - ours.moved)
