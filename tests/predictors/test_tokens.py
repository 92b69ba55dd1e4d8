"""Expected tokens: the total, and so the bill, must come out right."""

import numpy as np
import pytest

from fairlead.predictors import Linear, Tokens


def make_case(n=2000, *, seed=0):
    """Lengths with a long tail, as answers have, of a terse and a wordy model."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    log_tokens = np.array([3.0, 5.5]) + 0.5 * x[:, :1] + rng.normal(scale=0.9, size=(n, 2))
    return x, np.ceil(np.exp(log_tokens))


def test_totals_on_new_prompts_come_out_right():
    x, y = make_case()
    new_x, new_y = make_case(seed=1)
    predicted = Tokens(predictor=Linear()).fit(x, y).predict_mean(new_x).sum(axis=0)
    np.testing.assert_allclose(predicted / new_y.sum(axis=0), 1.0, atol=0.08)


def test_the_exponential_alone_would_be_far_too_cheap():
    x, y = make_case()
    tokens = Tokens(predictor=Linear()).fit(x, y)
    naive = np.exp(tokens.predictor.predict_mean(x)).sum(axis=0)
    assert (naive / y.sum(axis=0) < 0.75).all()
    assert (tokens.smearing_ > 1.3).all()


def test_longer_answers_are_expected_where_they_were_longer():
    x, y = make_case()
    mean = Tokens(predictor=Linear()).fit(x, y).predict_mean(np.array([[-1.0, 0, 0], [1.0, 0, 0]]))
    assert mean[1] / mean[0] == pytest.approx(np.full(2, np.e), rel=0.2)


def test_no_answer_is_expected_to_be_longer_than_any_seen_or_negative():
    x, y = make_case(100)
    mean = Tokens(predictor=Linear()).fit(x, y).predict_mean(np.array([[50.0, 0, 0], [-50.0, 0, 0]]))
    np.testing.assert_array_equal(mean[0], y.max(axis=0))
    assert (mean[1] >= 0).all()


def test_empty_answers_are_tokens_too():
    x, _ = make_case(50)
    assert not Tokens(predictor=Linear()).fit(x, np.zeros((50, 1))).predict_mean(x).any()
