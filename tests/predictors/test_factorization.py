"""Models tell of one another: what is common is learned from all labels, what was not measured is no failure."""

import numpy as np
import pytest

from fairlead.predictors import Factorization, Linear
from fairlead.predictors.completion import completed


def make_case(n=1000, *, seed=0, n_models=12, n_features=30):
    """One demand of the prompt, which every model minds, some more than others."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_features))
    logit = x[:, [0]] + 0.7 * x[:, [1]] - 0.5 * x[:, [2]]
    chance = 1 / (1 + np.exp(-(np.linspace(-1, 1, n_models) + np.linspace(0.6, 1.4, n_models) * logit)))
    return x, (rng.random((n, n_models)) < chance).astype(float), chance


def squared_error(predictor, x, y, models=slice(None)):
    new_x, _, chance = make_case(seed=99)
    return float(np.square(predictor.fit(x, y).predict_mean(new_x) - chance)[:, models].mean())


def test_it_beats_a_ridge_for_each_model():
    x, y, _ = make_case()
    assert squared_error(Factorization(), x, y) < 0.8 * squared_error(Linear(), x, y)


@pytest.mark.parametrize("labels", [30, 100])
def test_a_model_with_few_labels_borrows_from_the_others(labels):
    x, y, _ = make_case()
    y[labels:, 3] = np.nan
    assert squared_error(Factorization(), x, y, 3) < 0.5 * squared_error(Linear(), x, y, 3)


def test_a_model_measured_on_the_easy_prompts_only_is_no_better_for_it():
    x, y, chance = make_case()
    y[chance[:, 5] < 0.5, 5] = np.nan
    mean = Factorization().fit(x, y).predict_mean(x)[:, 5].mean()
    assert np.nanmean(y[:, 5]) > 0.65
    assert mean == pytest.approx(chance[:, 5].mean(), abs=0.08)


def test_a_table_of_low_rank_is_completed():
    rng = np.random.default_rng(0)
    demands, loadings = rng.normal(size=(400, 2)), rng.normal(size=(2, 10))
    truth = 0.5 + 0.1 * demands @ loadings
    known = rng.random(truth.shape) < 0.6
    mean, deviation = completed(np.where(known, truth, np.nan), 2)
    error = (mean + deviation - truth)[~known]
    assert np.square(error).mean() < 0.15 * truth.var()


def test_a_complete_table_is_taken_as_it_is():
    _, y, _ = make_case(50)
    mean, deviation = completed(y, 4)
    np.testing.assert_allclose(mean + deviation, y)
