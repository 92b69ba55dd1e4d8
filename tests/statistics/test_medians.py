"""Medians: the interval holds for a skewed distribution as often as it says, and is none where it cannot."""

import math

import numpy as np
import pytest

from fairlead.statistics.medians import median


@pytest.mark.parametrize("n", [6, 7, 10, 25])
def test_the_interval_of_a_skewed_distribution_covers_its_median(n):
    draws = np.random.default_rng(n).exponential(size=(4000, n))
    found = [median(row) for row in draws.tolist()]
    covered = np.mean([each.low <= math.log(2) <= each.high for each in found])
    assert covered > 0.94


def test_ranks_are_those_of_the_tables():
    # Conover, Practical Nonparametric Statistics, 1999, table A3: the sign test at 5 %, two-sided.
    expected = {6: (1, 6), 8: (1, 8), 9: (2, 8), 10: (2, 9), 20: (6, 15), 25: (8, 18)}
    assert {n: (median(range(1, n + 1)).low, median(range(1, n + 1)).high) for n in expected} == expected


def test_too_few():
    assert median([]) is None
    found = median([4.0, 2.0])
    assert found.value == 3.0
    assert math.isnan(found.low)
    assert math.isnan(median([1.0] * 5).high)


def test_a_thousand_values():
    assert median(range(1000)).low == 468  # the 469-th: as R says, qbinom(0.025, 1000, 0.5)
