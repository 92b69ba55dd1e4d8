import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.statistics.strong_weak import apgr, calls_to_strong, cpt, pgr

WEAK, STRONG = np.array(0.5), np.array(0.9)


def curve(win_rate, strong, weak):
    calls = calls_to_strong(win_rate)
    return calls.mean(axis=1), np.where(calls, strong, weak).mean(axis=1)


def test_eleven_points_from_everybody_to_nobody():
    calls = calls_to_strong(np.arange(100.0))
    np.testing.assert_allclose(calls.mean(axis=1), np.linspace(1, 0, 11), atol=0.011)
    assert (calls[0].all(), calls[-1].any()) == (True, False)


def test_equal_win_rates_are_everybody_or_nobody():
    calls = calls_to_strong(np.zeros(10))
    assert calls[:-1].all()
    assert not calls[-1].any()


def test_the_chord_is_a_random_choice():
    share = np.linspace(0, 1, 11)
    quality = 0.5 + 0.4 * share
    assert apgr(share, quality, WEAK, STRONG) == pytest.approx(0.5)
    assert cpt(share, quality, WEAK, STRONG, recovered=0.5) == pytest.approx(0.5)
    assert cpt(share, quality, WEAK, STRONG, recovered=0.8) == pytest.approx(0.8)


def test_a_random_choice_gets_one_half_from_real_outcomes():
    rng = np.random.default_rng(0)
    n = 20_000
    strong, weak = rng.random(n) < 0.8, rng.random(n) < 0.6
    share, quality = curve(rng.random(n), strong, weak)
    assert apgr(share, quality, weak.mean(), strong.mean()) == pytest.approx(0.5, abs=0.05)


def test_by_hand():
    share, quality = np.array([1.0, 0.5, 0.0]), np.array([0.9, 0.8, 0.5])
    # the mean of PGR: two trapezes of width one half and mean heights 0.65 and 0.85
    assert apgr(share, quality, WEAK, STRONG) == pytest.approx((0.75 - 0.5) / 0.4)
    assert cpt(share, quality, WEAK, STRONG, recovered=0.5) == pytest.approx(1 / 3)  # 0.7 on the way from 0.5 to 0.8
    assert cpt(share, quality, WEAK, STRONG, recovered=0.8) == pytest.approx(0.6)


def test_it_is_numpys_interpolation_where_the_curve_rises():
    share = np.linspace(0, 1, 11)
    quality = 0.5 + 0.4 * share**0.5
    for recovered in (0.2, 0.5, 0.8):
        expected = np.interp(0.5 + recovered * 0.4, quality, share)
        assert cpt(share, quality, WEAK, STRONG, recovered=recovered) == pytest.approx(expected)


def test_what_is_never_recovered_has_no_share():
    assert np.isnan(cpt(np.array([0.0, 1.0]), np.array([0.5, 0.7]), WEAK, STRONG, recovered=0.8))


@given(st.integers(0, 2**32 - 1))
def test_no_ranking_beats_the_oracles(seed):
    rng = np.random.default_rng(seed)
    strong, weak = rng.random(60) < 0.8, rng.random(60) < 0.5
    if strong.mean() <= weak.mean():
        return
    gain = strong.astype(float) - weak
    ends = weak.mean(), strong.mean()
    # as many calls at each point for both: ties broken at random
    oracle = apgr(*curve(gain + 1e-6 * rng.random(60), strong, weak), *ends)
    assert apgr(*curve(rng.random(60), strong, weak), *ends) <= oracle + 1e-9


def test_rows_at_once():
    share = np.tile(np.linspace(0, 1, 11), (3, 1))
    quality = 0.5 + np.array([[0.2], [0.4], [0.6]]) * share
    strong = quality[:, -1]
    np.testing.assert_allclose(apgr(share, quality, np.full(3, 0.5), strong), 0.5)
    np.testing.assert_allclose(cpt(share, quality, np.full(3, 0.5), strong, recovered=0.5), 0.5)


def test_the_gap_may_be_nothing_or_more_than_closed():
    assert np.isnan(pgr(np.array(0.5), STRONG, STRONG))
    assert pgr(np.array(1.0), WEAK, STRONG) == pytest.approx(1.25)
