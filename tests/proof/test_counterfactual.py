"""Projecting one arm onto the other: exact where it can be, right on average where it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from fairlead.proof.counterfactual import Arm, Total, project
from fairlead.statistics.student import student_t


def _arm(expected, observed, session=None):
    n = len(expected)
    return Arm(
        session=np.arange(n) if session is None else np.asarray(session),
        expected=np.asarray(expected, dtype=float),
        observed=np.asarray(observed, dtype=float),
    )


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_without_expectations_it_is_the_mean_times_the_number_of_requests(rng):
    known = _arm(np.full(40, np.nan), rng.lognormal(size=40), session=np.repeat(np.arange(20), 2))
    unseen = _arm(np.full(7, np.nan), np.full(7, np.nan))
    assert project(known, unseen).value == pytest.approx(7 * known.observed.mean())


def test_expectations_that_are_right_up_to_scale_leave_nothing_to_estimate(rng):
    x, z = rng.lognormal(size=30), rng.lognormal(size=50)
    total = project(_arm(x, 3 * x + 1), _arm(z, z * np.nan))
    assert total.value == pytest.approx((3 * z + 1).sum())
    assert total.variance == pytest.approx(0, abs=1e-12)


def test_expectations_of_pure_noise_do_no_harm(rng):
    x, y, z = rng.normal(size=400), rng.normal(10, 1, size=400), rng.normal(size=300)
    with_noise = project(_arm(x, y), _arm(z, z))
    without = project(_arm(x * np.nan, y), _arm(z * np.nan, z))
    assert with_noise.value == pytest.approx(without.value, rel=0.01)
    assert with_noise.variance < 1.1 * without.variance


def test_missing_expectations_are_taken_as_average(rng):
    x = rng.lognormal(size=60)
    with_gaps, filled = x.copy(), x.copy()
    with_gaps[::5] = np.nan
    filled[::5] = np.nanmean(with_gaps)
    y = rng.lognormal(size=40)
    assert project(_arm(with_gaps[:40], y), _arm(with_gaps[40:], y[:20])) == project(
        _arm(filled[:40], y), _arm(filled[40:], y[:20])
    )


def test_sessions_that_move_as_one_widen_the_interval(rng):
    level = rng.lognormal(size=25)
    y, z = np.repeat(level, 8), np.full(40, np.nan)
    together = project(_arm(y * np.nan, y, session=np.repeat(np.arange(25), 8)), _arm(z, z))
    apart = project(_arm(y * np.nan, y), _arm(z, z))
    assert together.value == pytest.approx(apart.value)
    assert together.variance > 3 * apart.variance


def test_the_unseen_requests_scatter_too(rng):
    y = rng.lognormal(size=5_000)
    z = np.full(50, np.nan)
    total = project(_arm(y * np.nan, y), _arm(z, z))
    assert total.variance == pytest.approx(50 * y.var(), rel=0.05)  # the mean itself is almost known


def test_an_interval_of_costs_stays_above_zero():
    skewed = Total(value=1.0, variance=4.0, n_sessions=12)
    assert skewed.interval(positive=True).low > 0
    assert skewed.interval().low < 0


def test_a_total_without_variance_has_no_width_however_few_sessions():
    interval = Total(value=2.0, variance=0.0, n_sessions=0).interval()
    assert (interval.low, interval.value, interval.high) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize(("degrees", "expected"), [(4, 2.7764), (8, 2.3060), (18, 2.1009), (98, 1.9845)])
def test_student_t_agrees_with_the_tables(degrees, expected):
    assert student_t(degrees) == pytest.approx(expected, rel=0.005)
