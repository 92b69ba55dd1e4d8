import numpy as np
import pytest

from fairlead.statistics.comparisons import centred_interval, holm, mean_ranks, simultaneous_band, two_sided_p


def test_holm_by_hand():
    np.testing.assert_allclose(holm(np.array([0.01, 0.02, 0.03, 0.04])), [0.04, 0.06, 0.06, 0.06])
    np.testing.assert_allclose(holm(np.array([0.5, 0.9])), [1.0, 1.0])
    assert holm(np.array([])).size == 0


def test_p_values_are_uniform_without_a_difference():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(400):
        sample = rng.normal(size=50)
        resampled = sample[rng.integers(50, size=(199, 50))].mean(axis=1)
        p.append(two_sided_p(sample.mean(), resampled))
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.035)
    assert np.mean(p) == pytest.approx(0.5, abs=0.05)


def test_what_is_unknown_or_the_same_is_no_finding():
    assert two_sided_p(np.nan, np.zeros(10)) == 1.0
    assert two_sided_p(0.0, np.zeros(10)) == 1.0
    assert two_sided_p(1.0, np.full(9, 1.0)) == pytest.approx(0.1)


def test_a_centred_interval_lies_around_its_value():
    resampled = np.random.default_rng(0).normal(5.0, 1.0, 4000)  # pushed up by 5
    found = centred_interval(0.0, resampled)
    assert found.low == pytest.approx(-1.96, abs=0.15)
    assert found.high == pytest.approx(1.96, abs=0.15)
    assert np.isnan(centred_interval(0.0, np.array([1.0, np.nan])).low)


def test_a_band_holds_all_columns_together():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        sample = rng.normal(size=(80, 10))
        resampled = sample[rng.integers(80, size=(200, 80))].mean(axis=1)
        low, high = simultaneous_band(sample.mean(axis=0), resampled)
        inside += bool((low <= 0).all() and (high >= 0).all())
    assert inside / 200 == pytest.approx(0.95, abs=0.05)


def test_ranks_share_what_is_equal_and_leave_out_what_is_unknown():
    figures = np.array([[0.3, 0.2, 0.2], [0.1, 0.5, np.nan]])
    np.testing.assert_allclose(mean_ranks(figures), [1.5, 1.75, 2.5])
