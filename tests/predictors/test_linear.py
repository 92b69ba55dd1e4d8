"""Ridge regression against what it should equal, and its spread against a known truth."""

import numpy as np
import pytest

from fairlead.predictors import Linear
from fairlead.predictors.ridge import ALPHAS


def make_case(n=80, p=5, *, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) + 3.0
    truth = rng.normal(size=p)
    return x, x @ truth + rng.normal(scale=noise, size=n), truth


def ridge(x, y, alpha):
    centred = x - x.mean(axis=0)
    coefficients = np.linalg.solve(centred.T @ centred + alpha * np.eye(x.shape[1]), centred.T @ (y - y.mean()))
    return coefficients, y.mean() - x.mean(axis=0) @ coefficients


def left_out(x, y, alpha):
    predictions = []
    for i in range(len(x)):
        rest = np.arange(len(x)) != i
        coefficients, intercept = ridge(x[rest], y[rest], alpha)
        predictions.append(x[i] @ coefficients + intercept)
    return np.array(predictions)


def test_it_is_the_ridge_whose_left_out_error_is_smallest():
    x, y, _ = make_case(n=30, noise=2.0)
    errors = [np.square(left_out(x, y, alpha) - y).sum() for alpha in ALPHAS]
    coefficients, intercept = ridge(x, y, ALPHAS[int(np.argmin(errors))])
    np.testing.assert_allclose(Linear().fit(x, y[:, None]).predict_mean(x)[:, 0], x @ coefficients + intercept)


def test_the_closed_form_is_close_to_fitting_without_each_row():
    x, y, _ = make_case(n=60, noise=2.0)
    linear = Linear()
    closed = linear.fit_left_out(x, y[:, None])[:, 0]
    errors = [np.square(left_out(x, y, alpha) - y).sum() for alpha in ALPHAS]
    refitted = left_out(x, y, ALPHAS[int(np.argmin(errors))])
    # Leaving a row out also moves the centre; the leverage of 1/n accounts for that.
    np.testing.assert_allclose(closed, refitted, rtol=1e-6, atol=1e-6)


def test_noise_alone_is_predicted_by_its_mean():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 20)), rng.normal(size=(200, 1)) + 7.0
    mean = Linear().fit(x, y).predict_mean(x)
    assert mean.std() < 0.1
    assert mean.mean() == pytest.approx(y.mean())


def test_models_with_one_missing_pattern_share_a_factorisation():
    x, y, _ = make_case()
    scores = np.column_stack([y, -y, y, 2 * y])
    scores[:10, 1:3] = np.nan
    linear = Linear().fit(x, scores)
    assert len(linear.centre_) == 2
    assert linear.group_[1] == linear.group_[2] != linear.group_[0] == linear.group_[3]


def test_ten_successes_in_ten_are_no_certainty():
    x, _, _ = make_case(n=10)
    assert Linear().fit(x, np.ones((10, 1))).predict(x).sd.min() > 0.02


def test_the_spread_grows_away_from_what_was_seen():
    x, y, _ = make_case()
    sd = Linear().fit(x, y[:, None]).predict(np.vstack([x.mean(axis=0), x.mean(axis=0) + 10.0])).sd[:, 0]
    assert sd[1] > 5 * sd[0]


def test_the_spread_covers_the_true_mean_as_often_as_it_says():
    covered = []
    for seed in range(60):
        x, y, truth = make_case(n=60, noise=1.0, seed=seed)
        estimate = Linear().fit(x, y[:, None]).predict(x)
        covered.append((np.abs(estimate.mean[:, 0] - x @ truth) < 1.645 * estimate.sd[:, 0]).mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.04)
