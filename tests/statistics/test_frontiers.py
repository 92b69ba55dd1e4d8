import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fairlead.statistics.frontiers import (
    aiq_in_range,
    area_over_hull,
    cost_at_quality,
    cost_save,
    gains_over_hull,
    mean_height,
    pareto_distance,
    perf_gain,
    undominated,
)
from fairlead.statistics.hulls import area, gain_over_hull, value_at

FIXED_COST, FIXED = np.array([0.0, 1.0]), np.array([0.5, 0.9])

points = arrays(np.float64, (2, 6), elements=st.floats(0, 1, width=16))


def test_the_area_of_a_triangle_over_the_chord():
    assert area_over_hull(np.array([0.5]), np.array([0.9]), FIXED_COST, FIXED) == pytest.approx(0.5 * 0.4 / 2)


def test_a_point_on_the_chord_is_worth_nothing_alone_beyond_it_less():
    both = np.array([0.0, 0.5, 1.0]), np.array([0.5, 0.7, 0.9])
    assert area_over_hull(*both, FIXED_COST, FIXED) == pytest.approx(0.0)
    alone = area_over_hull(np.array([0.5]), np.array([0.7]), FIXED_COST, FIXED)  # flat from there on
    assert alone == pytest.approx(-0.5 * 0.2 / 2)


def test_what_lies_outside_the_cost_range_of_the_fixed_counts_as_far_as_it_reaches_in():
    cheaper = area_over_hull(np.array([-1.0]), np.array([0.9]), FIXED_COST, FIXED)
    assert cheaper == pytest.approx(0.9 - 0.7)
    dearer = area_over_hull(np.array([2.0]), np.array([0.9]), FIXED_COST, FIXED)
    assert dearer == pytest.approx(0.6 - 0.7)  # a mix of it with the cheapest gets half-way at 1


def test_a_figure_of_rows_is_the_figure_of_each_row():
    rng = np.random.default_rng(0)
    cost, quality = rng.random((40, 7)), rng.random((40, 7))
    fixed_cost, fixed = rng.random((40, 4)), rng.random((40, 4))
    each = [area_over_hull(*row) for row in zip(cost, quality, fixed_cost, fixed, strict=True)]
    np.testing.assert_allclose(area_over_hull(cost, quality, fixed_cost, fixed), each)


@given(points)
def test_the_height_of_many_hulls_is_the_area_of_one(drawn):
    cost, quality = drawn
    if cost.max() > cost.min():
        height = mean_height(cost, quality, cost.min(), cost.max())
        assert height == pytest.approx(area(cost, quality) / (cost.max() - cost.min()), abs=1e-9)


@settings(max_examples=50)
@given(points, points)
def test_the_area_over_a_hull_is_the_mean_gain_over_it(mine, fixed):
    low, high = fixed[0].min(), fixed[0].max()
    if high - low < 0.01:
        return
    cheapest = int(np.lexsort((-fixed[1], fixed[0]))[0])
    at = np.linspace(low, high, 2001)
    together = [np.append(mine[k], fixed[k][int(np.argmin(fixed[0]))]) for k in (0, 1)]
    assert fixed[0][cheapest] == low
    gain = value_at(*together, at) - value_at(*fixed, at)
    found = area_over_hull(mine[0], mine[1], fixed[0], fixed[1])
    assert found == pytest.approx(gain.mean(), abs=0.01)


@given(points, st.floats(0, 1, width=16), st.floats(0, 1, width=16))
def test_one_more_point_never_lowers_a_frontier(drawn, cost, quality):
    before = aiq_in_range(drawn[0], drawn[1], FIXED_COST, FIXED)
    after = aiq_in_range(np.append(drawn[0], cost), np.append(drawn[1], quality), FIXED_COST, FIXED)
    assert after >= before - 1e-12


@given(points, points)
def test_the_gains_of_many_points_are_those_of_each(mine, fixed):
    each = [gain_over_hull(q, c, fixed[0], fixed[1]) for c, q in zip(*mine, strict=True)]
    np.testing.assert_allclose(gains_over_hull(mine[1], mine[0], fixed[0], fixed[1]), each, atol=1e-9)
    rows = gains_over_hull(np.tile(mine[1], (2, 1)), mine[0], np.tile(fixed[0], (2, 1)), fixed[1])
    np.testing.assert_allclose(rows, [each, each], atol=1e-9)


def test_unknown_points_take_no_part():
    cost, quality = np.array([0.5, np.nan, 0.2]), np.array([0.9, 1.0, np.nan])
    assert area_over_hull(cost, quality, FIXED_COST, FIXED) == pytest.approx(0.1)
    nothing = np.full(2, np.nan)
    assert np.isnan(area_over_hull(np.array([0.5]), np.array([0.9]), nothing, nothing))


def test_one_cost_is_no_range():
    assert np.isnan(area_over_hull(np.array([0.5]), np.array([0.9]), np.array([1.0, 1.0]), FIXED))


def test_parity_is_the_cheapest_point_as_good_as_the_reference():
    cost, quality = np.array([1.0, 0.5, 0.3]), np.array([0.95, 0.9, 0.6])
    assert cost_at_quality(cost, quality, np.array(0.9)) == 0.5
    assert cost_save(cost, quality, np.array(2.0), np.array(0.9)) == pytest.approx(0.75)
    assert np.isnan(cost_save(cost, quality, np.array(2.0), np.array(0.96)))
    assert perf_gain(quality, np.array(0.76)) == pytest.approx(0.25)


def test_the_pareto_frontier_and_the_distance_to_it():
    cost, quality = np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.5, 0.9, 0.7, 0.8])
    assert undominated(cost, quality).tolist() == [True, True, False, False]
    assert pareto_distance(cost[:2], quality[:2], cost, quality) == 0
    assert pareto_distance(cost[[2]], quality[[2]], cost, quality) == pytest.approx(0.5)  # half of the range 0.4 below


def test_equal_points_are_all_on_the_frontier():
    assert undominated(np.array([1.0, 1.0]), np.array([0.5, 0.5])).all()
