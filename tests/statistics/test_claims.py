import math

import numpy as np
import pytest

from fairlead.statistics.claims import fallback, fixed_sequence, graphical, p_value, values_needed


def _losses(n, *, lost, won=0.0, seed=0):
    """Returns losses of 1 with chance `lost`, of -1 with chance `won`, else of 0."""
    u = np.random.default_rng(seed).random(n)
    return np.where(u < lost, 1.0, np.where(u > 1 - won, -1.0, 0.0))


def test_the_p_value_is_small_where_the_mean_is_above_and_1_where_it_is_below():
    x = (1 - _losses(1000, lost=0.02, won=0.02)) / 2
    assert p_value(x, 0.45) < 1e-6
    assert p_value(x, 0.55) > 0.5
    assert p_value(np.empty(0), 0.5) == 1.0


def test_without_any_loss_as_many_values_are_needed_as_the_boldest_bets_take():
    def p(n):
        return p_value(np.full(n, 0.5), 0.49, alpha=0.05)

    assert p(160) > 0.05  # log(20) / log(1 + .9 * .01 / .49) = 164.6 even for who bets boldly from the first on
    assert p(230) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("n", "lost", "won"), [(40, 0.1, 0.0), (300, 0.02, 0.0), (500, 0.16, 0.14), (2000, 0.05, 0.0)])
def test_a_p_value_at_the_edge_of_the_claim_is_small_no_more_often_than_it_says(n, lost, won):
    edge = (1 - (lost - won)) / 2
    p = np.array([p_value((1 - _losses(n, lost=lost, won=won, seed=seed)) / 2, edge) for seed in range(4000)])
    for level in (0.01, 0.05, 0.2):
        assert (p <= level).mean() < level + 2.33 * math.sqrt(level * (1 - level) / 4000)


@pytest.mark.parametrize(("margin", "lost", "won"), [(0.05, 0.05, 0.05), (0.02, 0.05, 0.05), (0.05, 0.035, 0.015)])
def test_about_as_many_values_as_are_said_to_be_needed_show_it_four_times_in_five(margin, lost, won):
    gap, variance, edge = (margin - lost + won) / 2, (lost + won - (lost - won) ** 2) / 4, (1 - margin) / 2
    n = values_needed(gap, variance, mean=edge)
    p = [p_value((1 - _losses(n, lost=lost, won=won, seed=seed)) / 2, edge) for seed in range(300)]
    assert 0.7 < (np.array(p) <= 0.05).mean() < 0.92


def test_what_is_not_there_needs_no_number():
    assert values_needed(0.0, 0.1) is None
    assert values_needed(1e-6, 0.25) is None


def test_a_fixed_sequence_ends_at_the_first_that_is_not_shown():
    assert fixed_sequence(np.array([0.01, 0.05, 0.051, 0.0]), 0.05) == 2
    assert fixed_sequence(np.array([0.06, 0.0]), 0.05) == 0
    assert fixed_sequence(np.empty(0), 0.05) == 0


def test_all_weight_on_the_first_makes_a_fallback_a_fixed_sequence():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.random(6) * 0.1
        shown = fallback(p, 0.05, np.eye(6)[0])
        assert shown.sum() == fixed_sequence(p, 0.05)


def test_a_fallback_gives_the_later_ones_what_the_earlier_ones_did_not_need():
    weight = np.array([0.5, 0.5])
    assert fallback(np.array([0.02, 0.04]), 0.05, weight).tolist() == [True, True]
    assert fallback(np.array([0.03, 0.04]), 0.05, weight).tolist() == [False, False]


def test_holm_is_the_graph_in_which_each_gives_to_all_others_alike():
    rng = np.random.default_rng(1)
    for _ in range(200):
        p = rng.random(4) * 0.08
        shown = graphical(p, 0.05, np.full(4, 0.25), (1 - np.eye(4)) / 3)
        steps = np.sort(p) <= 0.05 / np.arange(4, 0, -1)
        assert shown.sum() == np.logical_and.accumulate(steps).sum()


def test_what_is_handed_to_one_that_was_shown_goes_where_that_one_gave_it():
    """Two give to each other, and a part to a third: the loop between them must not swallow it."""
    handed_on = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.0, 0.0, 0.0]])
    assert graphical(np.array([0.02, 0.02, 0.05]), 0.05, np.array([0.5, 0.5, 0.0]), handed_on).tolist() == [True] * 3
