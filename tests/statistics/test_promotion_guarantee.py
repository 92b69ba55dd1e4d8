"""Promotion by somebody who looks all the time: a router that gains nothing is hardly ever let through."""

import numpy as np
import pytest

from fairlead.learning.promotion import any_time_lower

N_RUNS = 4_000


def looks(gain, *, n_looks, step, seed=0):
    """Yields (n, gain, lower limit of a single look) of many runs that grow together, one label after the other."""
    rng = np.random.default_rng(seed)
    total, square = np.zeros(N_RUNS), np.zeros(N_RUNS)
    chances = [(0.1 + gain) / 2, (0.1 - gain) / 2, 0.9]
    for i in range(1, n_looks + 1):
        drawn = rng.multinomial(step, chances, size=N_RUNS)
        total += drawn[:, 0] - drawn[:, 1]
        square += drawn[:, 0] + drawn[:, 1]
        n = i * step
        mean = total / n
        yield n, mean, mean - 1.645 * np.sqrt((square / n - mean**2) / n)


def passed(gain, **options):
    """Returns the shares of runs that pass at any look: by the guard's limit alone, and by the gate as well."""
    once, gate = np.zeros(N_RUNS, dtype=bool), np.zeros(N_RUNS, dtype=bool)
    for n, mean, lower in looks(gain, **options):
        shown = (lower > 0) & (mean > lower)
        once |= shown
        gate |= shown & (any_time_lower(mean, lower, n, 0.95) > 0)
    return once.mean(), gate.mean()


@pytest.mark.parametrize(("n_looks", "step"), [(20, 100), (195, 10)])
def test_twenty_looks_or_two_hundred_let_no_more_than_one_in_twenty_through(n_looks, step):
    once, gate = passed(0.0, n_looks=n_looks, step=step)
    assert once > 0.15  # what the gate is there for
    assert gate <= 0.05


def test_a_router_that_gains_gets_through():
    assert passed(0.03, n_looks=20, step=100)[1] > 0.9
