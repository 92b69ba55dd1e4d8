import math

import numpy as np
import pytest

from fairlead.statistics.betting import betting_cs, log_capital


def _scores(n, *, seed=0, chance=0.8):
    return (np.random.default_rng(seed).random(n) < chance).astype(float)


def test_limits_are_where_the_capital_says():
    """Both ways to ask must agree, but for the rounding of the limits outwards."""
    x = _scores(400)
    lower, upper = betting_cs(x, 0.05)
    refuted = log_capital(x, np.array([lower[-1], upper[-1]]), alpha=0.05).max(axis=1) >= math.log(20)
    mean = x.mean()
    inside = np.array([mean - 0.95 * (mean - lower[-1]), mean + 0.95 * (upper[-1] - mean)])
    kept = log_capital(x, inside, alpha=0.05).max(axis=1) < math.log(20)
    assert refuted.all()
    assert kept.all()


def test_a_bet_does_not_see_the_value_it_is_on():
    x = _scores(50)
    changed = np.append(x[:-1], 1 - x[-1])
    np.testing.assert_array_equal(log_capital(x, 0.5)[:-1], log_capital(changed, 0.5)[:-1])


def test_the_game_is_fair_where_the_mean_is_true():
    rng = np.random.default_rng(1)
    capitals = [math.exp(log_capital(rng.beta(2, 3, 40), 0.4, side="above")[-1]) for _ in range(4000)]
    assert np.mean(capitals) == pytest.approx(1, abs=4 * np.std(capitals) / math.sqrt(4000))


@pytest.mark.parametrize("side", ["above", "below"])
def test_a_gambler_on_the_right_side_gets_rich_and_on_the_wrong_side_poor(side):
    right = 0.6 if side == "above" else 0.95
    wrong = 0.95 if side == "above" else 0.6
    x = _scores(500)
    assert log_capital(x, right, side=side)[-1] > 3
    assert log_capital(x, wrong, side=side)[-1] < 0


def test_what_is_right_is_mirrored_in_what_is_wrong():
    x = _scores(200)
    lower, upper = betting_cs(x)
    mirrored_lower, mirrored_upper = betting_cs(1 - x)
    np.testing.assert_allclose(mirrored_lower, 1 - upper)
    np.testing.assert_allclose(mirrored_upper, 1 - lower)


def test_limits_only_come_closer_and_stay_in_range():
    lower, upper = betting_cs(_scores(300))
    assert (np.diff(lower) >= 0).all()
    assert (np.diff(upper) <= 0).all()
    assert lower[0] == 0
    assert upper[0] == 1


def test_equal_values_close_in_on_their_mean():
    lower, upper = betting_cs(np.ones(1000))
    assert lower[-1] > 0.98
    assert upper[-1] == 1


def test_a_session_weighs_by_its_requests():
    """Long sessions are bad ones here: the mean per request is 0.5, that of the sessions' own means 0.75."""
    rng = np.random.default_rng(3)
    long = rng.random(2000) < 1 / 4
    n_requests, score = np.where(long, 3, 1), np.where(long, 0.0, 1.0)
    lower, upper = betting_cs(score * n_requests / 3, weight=n_requests / 3)
    assert lower[-1] < 0.5 < upper[-1] < 0.65


@pytest.mark.parametrize("chance", [0.03, 0.5])
def test_all_limits_hold_at_once_as_often_as_promised(chance):
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(300):
        lower, upper = betting_cs((rng.random(300) < chance).astype(float), 0.1)
        wrong += bool(((lower > chance) | (upper < chance)).any())
    assert wrong / 300 <= 0.1


@pytest.mark.parametrize(
    ("x", "weight"), [([1.2], None), ([-0.1], None), ([0.5], [0.4]), ([0.5], [1.5]), ([np.nan], None)]
)
def test_values_outside_of_the_range_are_refused(x, weight):
    with pytest.raises(ValueError, match="outside of its range"):
        betting_cs(np.array(x), weight=None if weight is None else np.array(weight))


def test_nothing_seen_nothing_said():
    lower, upper = betting_cs(np.empty(0))
    assert len(lower) == len(upper) == 0
