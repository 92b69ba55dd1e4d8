"""Seconds and tails: a share of the answers stays within its quantile, for models with few labels too."""

import numpy as np
import pytest

from fairlead.predictors import Latency, Linear, Tokens


def make_case(n=3000, *, seed=0):
    """Seconds of a quick and a slow model; how long depends on the request, and the tail is long."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    return x, np.exp(np.array([-1.0, 1.5]) + 0.6 * x[:, :1] + 0.5 * rng.standard_t(5, size=(n, 2)))


@pytest.mark.parametrize("predictor", [Latency, Tokens])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.96, 0.99])
def test_a_share_of_new_answers_stays_within_the_quantile(predictor, level):
    fitted = predictor(predictor=Linear()).fit(*make_case())
    x, y = make_case(seed=1)
    np.testing.assert_allclose((y <= fitted.predict_quantile(x, level)).mean(axis=0), level, atol=0.02)


def test_quantiles_follow_the_request():
    fitted = Latency(predictor=Linear()).fit(*make_case())
    slow, quick = fitted.predict_quantile(np.array([[1.0, 0, 0], [-1.0, 0, 0]]), 0.95)
    assert (slow / quick > 2.5).all()


def test_a_tail_that_few_labels_cannot_show_is_borrowed():
    x, y = make_case()
    y[20:, 0] = np.nan
    new_x, new_y = make_case(seed=1)
    within = new_y[:, 0] <= Latency(predictor=Linear()).fit(x, y).predict_quantile(new_x, 0.95)[:, 0]
    assert within.mean() > 0.85
