"""Platt's map and the scores of predictions, against hand computation and simulation."""

import numpy as np
import pytest

from fairlead.errors import NotEnoughPointsError
from fairlead.statistics.calibration import (
    auc,
    auc_terms,
    brier,
    calibration_errors_by_chance,
    expected_calibration_error,
    interval_coverage,
    platt,
    sigmoid,
)

NAN = float("nan")


def drawn(n=20_000, *, slope=1.0, offset=0.0, seed=0):
    rng = np.random.default_rng(seed)
    logit = rng.normal(scale=1.5, size=n)
    return logit, (rng.random(n) < sigmoid(slope * logit + offset)).astype(float)


def test_sigmoid_does_not_overflow():
    np.testing.assert_allclose(sigmoid(np.array([-1e6, 0.0, 1e6])), [0.0, 0.5, 1.0])
    np.testing.assert_allclose(sigmoid(np.array([1.0])), 1 / (1 + np.exp(-1.0)))


def test_platt_finds_the_map_that_made_the_outcomes():
    slope, offset = platt(*drawn(slope=0.6, offset=-0.4), strength=1.0)
    assert slope == pytest.approx(0.6, abs=0.05)
    assert offset == pytest.approx(-0.4, abs=0.05)


def test_platt_changes_nothing_without_labels_and_little_with_few():
    assert platt(np.array([]), np.array([]), strength=10.0) == (1.0, 0.0)
    assert platt(np.array([NAN, 1.0]), np.array([1.0, NAN]), strength=10.0) == (1.0, 0.0)
    slope, offset = platt(np.array([2.0, 2.0]), np.array([0.0, 0.0]), strength=10.0)
    assert 0.6 < slope < 1
    assert -0.2 < offset < 0


def test_platt_is_the_best_of_all_maps():
    logit, outcome = drawn(300, slope=2.0, offset=0.5)

    def loss(slope, offset):
        p = sigmoid(slope * logit + offset)
        fit = -(outcome * np.log(p) + (1 - outcome) * np.log1p(-p)).sum()
        return fit + 0.5 * 3.0 * ((slope - 1) ** 2 + offset**2)

    slope, offset = platt(logit, outcome, strength=3.0)
    around = [loss(slope + a, offset + b) for a in (-0.01, 0, 0.01) for b in (-0.01, 0, 0.01)]
    assert min(around) == loss(slope, offset)


def test_platt_converges_on_outcomes_that_are_separated():
    logit = np.linspace(-8, 8, 100)
    slope, offset = platt(logit, (logit > 0).astype(float), strength=0.1)
    assert np.isfinite(slope)
    assert slope > 1
    assert abs(offset) < 0.5


def test_brier_by_hand():
    assert brier(np.array([0.5, 1.0, 0.2]), np.array([1.0, 1.0, NAN])) == pytest.approx(0.125)
    assert np.isnan(brier(np.array([NAN]), np.array([1.0])))


def test_calibration_error_by_hand():
    predicted, outcome = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0.0, 1.0, 0.5])
    assert expected_calibration_error(predicted, outcome, n_bins=2) == pytest.approx((0.3 + abs(1.7 - 1.5)) / 4)
    assert np.isnan(expected_calibration_error(np.array([NAN]), np.array([1.0])))


def test_true_chances_have_the_error_of_chance_alone():
    n = 1000
    errors = []
    for seed in range(50):
        logit, outcome = drawn(n, seed=seed)
        errors.append(expected_calibration_error(sigmoid(0.01 * logit), outcome * 0 + _coin(n, seed)))
    assert np.mean(errors) == pytest.approx(0.4 / np.sqrt(n / 10), rel=0.15)


def _coin(n, seed):
    return (np.random.default_rng(1000 + seed).random(n) < 0.5).astype(float)


def test_overconfidence_is_an_error():
    logit, outcome = drawn()
    assert expected_calibration_error(sigmoid(3 * logit), outcome) > 0.1
    assert expected_calibration_error(sigmoid(logit), outcome) < 0.02


def test_auc_counts_pairs():
    rng = np.random.default_rng(0)
    predicted, outcome = rng.integers(0, 5, 60).astype(float), rng.integers(0, 2, 60).astype(float)
    success, failure = predicted[outcome == 1], predicted[outcome == 0]
    pairs = (success[:, None] > failure) + 0.5 * (success[:, None] == failure)
    assert auc(predicted, outcome) == pytest.approx(pairs.mean())


def test_auc_of_a_fraction_counts_it_as_both():
    as_fraction = auc(np.array([0.2, 0.7, 0.9]), np.array([0.0, 0.5, 1.0]))
    as_rows = auc(np.array([0.2, 0.2, 0.7, 0.7, 0.9, 0.9]), np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]))
    assert as_fraction == pytest.approx(as_rows)


def test_auc_needs_both_sides():
    with pytest.raises(NotEnoughPointsError, match="at least one success and one failure"):
        auc(np.array([0.1, 0.2]), np.array([1.0, NAN]))


def test_perfect_predictions_err_as_chance_says():
    rng = np.random.default_rng(0)
    p = rng.random(2000)
    found = [expected_calibration_error(p, (rng.random(2000) < p) * 1.0) for _ in range(200)]
    by_chance = calibration_errors_by_chance(p, n_draws=400, seed=1)
    assert np.mean(found) == pytest.approx(by_chance.mean(), rel=0.05)
    assert np.quantile(found, 0.95) == pytest.approx(np.quantile(by_chance, 0.95), rel=0.1)


def test_prompts_that_are_tested_twice_share_their_luck():
    p = np.random.default_rng(0).random(500)
    once = calibration_errors_by_chance(p, n_draws=300)
    twice = calibration_errors_by_chance(np.tile(p, 2), groups=np.tile(np.arange(500), 2), n_draws=300)
    apart = calibration_errors_by_chance(np.tile(p, 2), n_draws=300)
    assert twice.mean() == pytest.approx(once.mean(), rel=0.1)
    assert apart.mean() < 0.8 * once.mean()


def test_chance_without_predictions_or_with_few():
    assert calibration_errors_by_chance(np.array([NAN])).size == 0
    assert np.isfinite(calibration_errors_by_chance(np.array([0.2, 0.4, NAN]), n_draws=5)).all()


def test_the_terms_of_an_auc_average_to_it_and_spread_as_it_does():
    rng = np.random.default_rng(0)
    outcome = (rng.random(400) < 0.4) * 1.0
    predicted = np.round(outcome * 0.5 + rng.normal(size=400), 1)  # with ties
    terms = auc_terms(predicted, outcome)
    assert terms.mean() == pytest.approx(auc(predicted, outcome))
    draws = rng.integers(400, size=(400, 400))
    resampled = [auc(predicted[d], outcome[d]) for d in draws]
    assert terms[draws].mean(axis=1).std() == pytest.approx(np.std(resampled), rel=0.03)
    assert np.isnan(auc_terms(predicted, np.ones(400))).all()


def test_intervals_cover_where_the_spread_is_honest_and_not_where_it_is_too_small():
    rng = np.random.default_rng(0)
    covered = {"honest": [], "boastful": []}
    for _ in range(200):
        predicted = rng.uniform(0.2, 0.8, 2000)
        truth = np.clip(predicted + 0.1 * rng.normal(), 0, 1)  # what is not known is common to all
        outcome = (rng.random(2000) < truth).astype(float)
        for name, sd in (("honest", 0.1), ("boastful", 0.01)):
            covered[name].append(interval_coverage(predicted, np.full(2000, sd), outcome))
    assert np.mean(covered["honest"]) > 0.88
    assert np.mean(covered["boastful"]) < 0.6
    assert np.isnan(interval_coverage(np.array([np.nan]), np.array([0.1]), np.array([1.0])))
