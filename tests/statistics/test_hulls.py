import numpy as np
import pytest

from fairlead.errors import NotEnoughPointsError
from fairlead.statistics.hulls import Mix, aiq, area, gain_over_hull, hull, mix_at, value_at

# weak, middle (below the line from weak to strong), strong, dear and worse than strong
COST = np.array([1.0, 2.0, 5.0, 9.0])
QUALITY = np.array([0.4, 0.5, 0.8, 0.7])


def test_the_hull_leaves_out_what_a_mix_beats_and_what_is_dear_and_worse():
    assert hull(COST, np.array([0.4, 0.45, 0.8, 0.7])).tolist() == [0, 2]
    assert hull(COST, np.array([0.4, 0.55, 0.8, 0.7])).tolist() == [0, 1, 2]


def test_points_with_unknown_cost_or_quality_take_no_part():
    assert hull(np.array([np.nan, 1.0, 2.0]), np.array([1.0, 0.5, np.nan])).tolist() == [1]


def test_of_two_points_of_one_cost_the_better_is_a_corner():
    assert hull(np.array([1.0, 1.0]), np.array([0.3, 0.6])).tolist() == [1]


def test_the_value_of_the_hull_is_that_of_the_best_mix_that_is_paid_for():
    at = np.array([0.5, 1.0, 3.0, 5.0, 100.0])
    values = value_at(np.tile(COST, (5, 1)), np.tile(QUALITY, (5, 1)), at)
    np.testing.assert_allclose(values, [np.nan, 0.4, 0.6, 0.8, 0.8])


def test_gain_is_zero_on_the_hull_and_cheaper_than_all_is_held_against_the_cheapest():
    assert gain_over_hull(np.array(0.6), np.array(3.0), COST, QUALITY) == pytest.approx(0.0)
    assert gain_over_hull(np.array(0.45), np.array(0.1), COST, QUALITY) == pytest.approx(0.05)


def test_the_best_mix_at_a_cost_spends_just_that():
    mix = mix_at(COST, QUALITY, 2.0)
    assert (mix.first, mix.other) == (0, 2)
    assert (1 - mix.share) * COST[mix.first] + mix.share * COST[mix.other] == pytest.approx(2.0)


@pytest.mark.parametrize(("at_usd", "expected"), [(0.1, 0), (1.0, 0), (5.0, 2), (50.0, 2)])
def test_at_and_beyond_a_corner_there_is_nothing_to_mix(at_usd, expected):
    assert mix_at(COST, QUALITY, at_usd) == Mix(first=expected, other=expected, share=0.0)


def test_aiq_is_the_mean_height_of_the_hull_up_to_the_dearest_point():
    # from (1, .4) straight to (5, .8), then flat to (9, .8)
    assert area(COST, QUALITY) == pytest.approx(4 * 0.6 + 4 * 0.8)
    assert aiq(COST, QUALITY) == pytest.approx((4 * 0.6 + 4 * 0.8) / 8)


def test_without_points_there_is_no_figure():
    with pytest.raises(NotEnoughPointsError, match="two distinct costs; got 1"):
        aiq(np.array([1.0, 1.0]), np.array([0.5, 0.6]))
    with pytest.raises(NotEnoughPointsError, match="at least one point"):
        mix_at(np.array([np.nan]), np.array([0.5]), 1.0)
