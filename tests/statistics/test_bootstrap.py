import numpy as np
import pytest

from fairlead.statistics.bootstrap import (
    Resampler,
    interval,
    joint_lower_limits,
    lower_limit,
    lower_limit_of_least,
    resampled_means,
)


def test_the_spread_is_that_of_the_mean():
    values = np.random.default_rng(1).normal(size=(400, 1))
    resampled = resampled_means(values, n_boot=2000, seed=0)
    assert resampled.std() == pytest.approx(values.std() / 20, rel=0.1)
    assert resampled.mean() == pytest.approx(values.mean(), abs=0.005)


def test_rows_of_one_group_are_drawn_together():
    values = np.random.default_rng(2).normal(size=(50, 1))
    once = resampled_means(values, n_boot=500, seed=3)
    tenfold = resampled_means(np.repeat(values, 10, axis=0), groups=np.repeat(np.arange(50), 10), n_boot=500, seed=3)
    np.testing.assert_allclose(tenfold, once)


def test_columns_and_calls_are_paired():
    values = np.random.default_rng(4).normal(size=(80, 2))
    both = resampled_means(values, n_boot=100, seed=5)
    np.testing.assert_array_equal(both[:, 1:], resampled_means(values[:, 1:], n_boot=100, seed=5))
    assert not np.allclose(both, resampled_means(values, n_boot=100, seed=6))


def test_groups_of_different_size_weigh_by_their_rows():
    values = np.array([[1.0], [1.0], [1.0], [0.0]])
    assert set(np.unique(resampled_means(values, groups=np.array([7, 7, 7, 9]), n_boot=200))) == {0.0, 0.75, 1.0}


def test_an_interval_holds_the_middle_and_unknown_stays_unknown():
    found = interval(0.5, np.linspace(0, 1, 1001), confidence=0.9)
    assert (found.low, found.high) == (pytest.approx(0.05), pytest.approx(0.95))
    unknown = interval(np.nan, np.full(10, np.nan))
    assert np.isnan([unknown.value, unknown.low, unknown.high]).all()
    assert lower_limit(np.linspace(0, 1, 1001), confidence=0.95) == pytest.approx(0.05)


def test_two_sided_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(300):
        values = rng.random((120, 1)) < 0.3
        found = interval(values.mean(), resampled_means(values * 1.0, n_boot=400, seed=0)[:, 0], confidence=0.9)
        covered.append(found.low <= 0.3 <= found.high)
    assert 0.84 <= np.mean(covered) <= 0.96


def test_joint_limits_hold_for_the_best_looking_of_many():
    """Taking each limit alone would let one of twenty equal columns pass in most draws."""
    rng = np.random.default_rng(8)
    exceeded = []
    for _ in range(200):
        values = rng.normal(size=(150, 20))
        limits = joint_lower_limits(values.mean(axis=0), resampled_means(values, n_boot=400, seed=1))
        exceeded.append(limits.max() > 0)
    assert np.mean(exceeded) <= 0.09


def test_a_column_that_never_varies_is_its_own_limit():
    values = np.column_stack([np.zeros(50), np.random.default_rng(9).normal(size=50)])
    limits = joint_lower_limits(values.mean(axis=0), resampled_means(values, n_boot=100))
    assert limits[0] == 0
    assert limits[1] < values[:, 1].mean()


@pytest.mark.parametrize("n_columns", [2, 20])
def test_the_limit_of_the_least_holds_without_paying_for_the_number_of_columns(n_columns):
    """Were the smallest mean of each resample taken first, twenty equal columns would never pass."""
    rng = np.random.default_rng(9)
    exceeded, gap = [], []
    for _ in range(300):
        values = rng.normal(size=(150, n_columns))
        values[:, 1:] += 0.5  # only the first one can be the smallest
        resampled = resampled_means(values, n_boot=400, seed=1)
        limit = lower_limit_of_least(resampled)
        exceeded.append(limit > 0)
        gap.append(limit - lower_limit(resampled[:, 0]))
    assert 0.02 <= np.mean(exceeded) <= 0.09
    assert np.mean(gap) == pytest.approx(0, abs=1e-3)


def test_kept_draws_are_those_of_a_single_call():
    rng = np.random.default_rng(0)
    values, groups = rng.random((60, 3)), rng.integers(20, size=60)
    kept = Resampler(groups, n_boot=50, seed=4)
    np.testing.assert_allclose(kept.means(values), resampled_means(values, groups=groups, n_boot=50, seed=4))


def test_some_rows_are_drawn_as_often_as_in_all():
    rng = np.random.default_rng(0)
    values, groups = rng.random((60, 1)), np.repeat(np.arange(30), 2)
    kept = Resampler(groups, n_boot=50, seed=4)
    some = np.zeros(60)
    some[10:40] = 1
    whole = kept.means(np.column_stack([some, some * values[:, 0]]))
    np.testing.assert_allclose(kept.means(values[10:40], slice(10, 40))[:, 0], whole[:, 1] / whole[:, 0])
