import numpy as np
import pytest

from fairlead.statistics.tails import log_spread


def test_the_spread_is_that_of_a_lognormal_within_groups():
    rng = np.random.default_rng(0)
    group = rng.integers(3, size=20_000)
    values = np.exp(rng.normal(0, 1.5, 20_000)) * np.array([1.0, 10.0, 1000.0])[group]
    assert log_spread(values, group) == pytest.approx(1.5, rel=0.02)


def test_the_dearest_few_hardly_move_it():
    values = np.exp(np.random.default_rng(1).normal(0, 1, 2000))
    wild = np.append(values, [1e6, 1e7])
    assert log_spread(wild, np.zeros(2002, dtype=int)) < 1.15


def test_costs_that_are_often_nothing_have_no_such_spread():
    values = np.where(np.arange(100) % 2, 0.0, np.exp(np.arange(100.0)))
    assert log_spread(values, np.zeros(100, dtype=int)) == 0.0
    assert log_spread(np.empty(0), np.empty(0, dtype=int)) == 0.0
