import math

import numpy as np
import pytest

from fairlead.statistics.alarms import DropAlarm


def test_nothing_seen_is_no_evidence():
    assert DropAlarm(bound=0.02, n_periods=90).capital == pytest.approx(1.0)


def test_the_game_is_fair_at_the_bound():
    """Whatever the distribution: at a mean of exactly the bound the capital is 1 in the mean."""
    rng = np.random.default_rng(0)
    alarm = DropAlarm(bound=0.1, n_periods=5)
    for t in range(20):
        alarm.see((rng.random(20_000) < 0.55) * 2.0 - 1.0, period=t // 4)
    assert alarm.capital.mean() == pytest.approx(1.0, abs=4 * alarm.capital.std() / math.sqrt(20_000))


def test_it_follows_many_streams_as_it_follows_each():
    values = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], size=(30, 3))
    together = DropAlarm(bound=0.0, n_periods=3)
    alone = [DropAlarm(bound=0.0, n_periods=3) for _ in range(3)]
    for t, row in enumerate(values):
        together.see(row, t // 10)
        for alarm, value in zip(alone, row, strict=True):
            alarm.see(float(value), t // 10)
    np.testing.assert_allclose(together.capital, [alarm.capital for alarm in alone])


def test_a_drop_after_a_long_quiet_time_is_found_nearly_as_soon_as_one_at_the_start():
    def delay(n_quiet):
        alarm = DropAlarm(bound=0.02, n_periods=90)
        for t in range(n_quiet):
            alarm.see(0.0, period=t // 100)
        for t in range(5000):
            alarm.see(float(t % 4 == 0), period=(n_quiet + t) // 100)
            if alarm.capital >= 100:
                return t
        return 5000

    assert delay(5000) < 1.8 * delay(0)


def test_values_after_the_last_period_count_to_it():
    alarm = DropAlarm(bound=0.0, n_periods=2)
    for period in (0, 1, 2, 7, 3):
        alarm.see(-1.0, period=period)
    assert 0 < alarm.capital < 1


def test_no_luck_makes_it_overflow():
    alarm = DropAlarm(bound=0.0, n_periods=1)
    for _ in range(5000):
        alarm.see(1.0, 0)
    assert np.isfinite(alarm.capital)
