import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairlead.statistics.hulls import aiq, gain_over_hull, gain_over_mixes, hull, mix_at, value_at

amounts = st.integers(min_value=1, max_value=400).map(lambda n: n / 16)
scores = st.integers(min_value=0, max_value=64).map(lambda n: n / 64)
points = st.lists(st.tuples(amounts, scores), min_size=1, max_size=12).map(lambda p: np.array(p).T)


@given(points)
def test_cost_and_quality_rise_strictly_and_slopes_fall(given_points):
    cost, quality = given_points
    corners = hull(cost, quality)
    rise, run = np.diff(quality[corners]), np.diff(cost[corners])
    assert np.all(run > 0)
    assert np.all(rise > 0)
    assert np.all(np.diff(rise / run) < 0)


@given(points)
def test_no_point_lies_above_the_hull(given_points):
    cost, quality = given_points
    n = len(cost)
    assert np.all(value_at(np.tile(cost, (n, 1)), np.tile(quality, (n, 1)), cost) >= quality)


@given(points, amounts)
def test_the_value_is_the_line_through_the_corners(given_points, at):
    cost, quality = given_points
    corners = hull(cost, quality)
    expected = np.interp(at, cost[corners], quality[corners]) if at >= cost[corners[0]] else np.nan
    np.testing.assert_allclose(value_at(cost, quality, np.array(at)), expected, atol=1e-12)


@given(points, amounts)
def test_the_best_mix_reaches_the_value_and_spends_no_more(given_points, at):
    cost, quality = given_points
    mix = mix_at(cost, quality, at)
    assert 0 <= mix.share < 1
    spent = (1 - mix.share) * cost[mix.first] + mix.share * cost[mix.other]
    reached = (1 - mix.share) * quality[mix.first] + mix.share * quality[mix.other]
    if at >= cost.min():
        assert spent <= at + 1e-9
        np.testing.assert_allclose(reached, value_at(cost, quality, np.array(at)), atol=1e-12)
    else:
        assert spent == cost.min()


@given(points)
def test_aiq_lies_between_the_cheapest_corner_and_the_best(given_points):
    cost, quality = given_points
    if np.unique(cost).size >= 2:
        assert quality[hull(cost, quality)[0]] - 1e-12 <= aiq(cost, quality) <= quality.max() + 1e-12


@given(points, amounts, scores)
def test_the_smallest_gain_over_a_mix_is_the_gain_over_the_hull(given_points, at, reached):
    cost, quality = given_points
    spent = np.array([at, at])
    gains = gain_over_mixes(np.full(2, reached), spent, np.tile(cost, (2, 1)), np.tile(quality, (2, 1)))
    np.testing.assert_array_equal(gains[0], gains[1])
    np.testing.assert_allclose(gains[0].min(), gain_over_hull(np.array(reached), at, cost, quality), atol=1e-12)


@given(points, points, amounts)
def test_a_mix_is_never_worth_more_than_its_better_half(given_points, resampled, at):
    m = min(given_points.shape[1], resampled.shape[1])
    cost, quality = np.stack([given_points[:, :m], resampled[:, :m]], axis=1)
    gains = gain_over_mixes(np.ones(2), np.full(2, at), cost, quality)
    assert (gains >= 1 - quality.max(axis=1, keepdims=True) - 1e-12).all()
    assert (gains <= 1 - quality.min(axis=1, keepdims=True) + 1e-12).all()
