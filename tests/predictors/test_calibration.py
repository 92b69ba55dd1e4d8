"""Chances that can be taken at their word."""

import numpy as np
import pytest

from fairlead.predictors import Calibrated, Linear
from fairlead.predictors.calibration import EDGE, _bent, _bent_slope
from fairlead.statistics.calibration import expected_calibration_error


def make_case(n=4000, *, seed=0):
    """A success that is far from linear in what is seen."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    chance = 1 / (1 + np.exp(-4 * x[:, :1]))
    return x, (rng.random((n, 1)) < chance).astype(float), chance


def test_chances_are_nearer_to_the_truth_than_the_raw_line():
    x, y, chance = make_case()
    raw, calibrated = Linear().fit(x, y).predict_mean(x), Calibrated(predictor=Linear()).fit(x, y).predict_mean(x)
    assert np.abs(calibrated - chance).mean() < 0.5 * np.abs(np.clip(raw, 0, 1) - chance).mean()
    assert expected_calibration_error(calibrated[:, 0], chance[:, 0]) < 0.05


def test_chances_lie_within_zero_and_one_and_keep_the_order_of_the_raw_line():
    x, y, _ = make_case(200)
    far = np.linspace(-5, 5, 200)[:, None] * np.ones(3)
    raw, calibrated = Linear().fit(x, y).predict_mean(far), Calibrated(predictor=Linear()).fit(x, y).predict_mean(far)
    assert (calibrated >= 0).all()
    assert (calibrated <= 1).all()
    assert (np.argsort(calibrated[:, 0]) == np.argsort(raw[:, 0])).all()


def test_few_labels_change_little_and_many_decide():
    x, y, _ = make_case()
    few, many = Calibrated(predictor=Linear()).fit(x[:8], y[:8]), Calibrated(predictor=Linear()).fit(x, y)
    assert abs(few.slope_[0] - 1) < 0.3
    assert many.slope_[0] > 1.15


def test_fractions_are_scores_too():
    x, _, chance = make_case(800)
    calibrated = Calibrated(predictor=Linear()).fit(x, chance)
    assert calibrated.predict_mean(x).mean() == pytest.approx(chance.mean(), abs=0.01)


def test_the_spread_follows_the_slope_of_the_map():
    x, y, _ = make_case(300)
    calibrated = Calibrated(predictor=Linear()).fit(x, y)
    raw = calibrated.predictor.predict(x)
    step = 1e-6
    slope = (calibrated._mapped(_bent(raw.mean + step)) - calibrated._mapped(_bent(raw.mean - step))) / (2 * step)
    usual = raw.sd[:, 0] ** 2 < 2 * calibrated.ignorance_[0]
    np.testing.assert_allclose(calibrated.predict(x).sd[usual], (slope * raw.sd)[usual], rtol=1e-3, atol=1e-9)


def test_an_unusual_prompt_is_no_reason_to_believe_something_unusual():
    x, y, _ = make_case(300)
    calibrated = Calibrated(predictor=Linear()).fit(x, y)
    edge, far = calibrated.predict_mean(np.array([[2.0, 0.0, 0.0], [2.0, 0.0, 300.0]]))[:, 0]
    assert edge > 0.9
    assert abs(far - y.mean()) < 0.1


def test_bending_is_smooth_and_leaves_the_middle_alone():
    raw = np.linspace(-0.5, 1.5, 2001)
    bent = _bent(raw)
    inside = (raw >= EDGE) & (raw <= 1 - EDGE)
    np.testing.assert_array_equal(bent[inside], raw[inside])
    assert (np.diff(bent) > 0).all()
    assert 0 < bent.min() < bent.max() < 1
    np.testing.assert_allclose(np.gradient(bent, raw)[1:-1], _bent_slope(bent)[1:-1], atol=0.02)
