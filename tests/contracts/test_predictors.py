"""What every predictor must do; a new one gets these checks by being listed in `PREDICTORS`."""

import inspect

import numpy as np
import pytest

from fairlead.errors import NotFittedError
from fairlead.predictors import PREDICTORS, Clusters, Linear

CASES = [pytest.param(predictor, id=name) for name, predictor in PREDICTORS.items()]
N, N_FEATURES = 120, 6


def make(predictor):
    takes = inspect.signature(predictor).parameters
    if "members" in takes:
        return predictor(members=(Linear(), Clusters()))
    return predictor(predictor=Linear()) if "predictor" in takes else predictor()


def make_case(*, seed=0):
    """Scores of five models: all measured, half of them, fractions, one label, none."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, N_FEATURES))
    chance = 1 / (1 + np.exp(-x[:, :1] - 0.5))
    y = (rng.random((N, 5)) < chance).astype(float)
    y[rng.random(N) < 0.5, 1] = np.nan
    y[:, 2] = np.round(chance[:, 0], 2)
    y[1:, 3] = np.nan
    y[:, 4] = np.nan
    return x, y


@pytest.mark.parametrize("predictor", CASES)
def test_a_batch_equals_one_by_one(predictor):
    x, y = make_case()
    fitted = make(predictor).fit(x, y)
    together = fitted.predict(x)
    one_by_one = [fitted.predict(x[[i]]) for i in range(N)]
    np.testing.assert_array_equal(together.mean, np.vstack([e.mean for e in one_by_one]))  # to the last bit
    np.testing.assert_array_equal(together.sd, np.vstack([e.sd for e in one_by_one]))


@pytest.mark.parametrize("predictor", CASES)
def test_a_model_without_labels_is_unknown_and_the_others_are_known(predictor):
    x, y = make_case()
    estimate = make(predictor).fit(x, y).predict(x)
    assert estimate.mean.shape == estimate.sd.shape == y.shape
    assert np.isnan(estimate.mean[:, 4]).all()
    assert np.isnan(estimate.sd[:, 4]).all()
    assert np.isfinite(estimate.mean[:, :4]).all()
    assert (estimate.sd[:, :4] >= 0).all()


@pytest.mark.parametrize("predictor", CASES)
def test_without_any_label_nothing_is_known(predictor):
    x, y = make_case()
    estimate = make(predictor).fit(x, np.full_like(y, np.nan)).predict(x)
    assert np.isnan(estimate.mean).all()
    assert np.isnan(estimate.sd).all()


@pytest.mark.parametrize("predictor", CASES)
def test_one_label_says_less_than_many(predictor):
    x, y = make_case()
    sd = make(predictor).fit(x, np.column_stack([y[:, 0], np.where(np.arange(N) < 1, 1.0, np.nan)])).predict(x).sd
    assert sd[:, 1].mean() > sd[:, 0].mean() > 0


@pytest.mark.parametrize("predictor", CASES)
def test_a_missing_label_is_no_failure(predictor):
    x, y = make_case()
    fewer = y.copy()
    fewer[:60, 0] = np.nan
    before, after = make(predictor).fit(x, y).predict(x).mean, make(predictor).fit(x, fewer).predict(x).mean
    assert np.abs(before[:, 1:3] - after[:, 1:3]).mean() < 0.05  # at most, models lend one another some strength
    assert np.abs(before[:, 0] - after[:, 0]).max() > 1e-3
    assert abs(before[:, 0].mean() - after[:, 0].mean()) < 0.1  # zeros would halve it


@pytest.mark.parametrize("predictor", CASES)
def test_left_out_predictions_cover_what_was_measured_and_know_less(predictor):
    x, y = make_case()
    fitted = make(predictor)
    left_out = fitted.fit_left_out(x, y)
    assert (np.isnan(left_out[:, :3]) == np.isnan(y[:, :3])).all()
    inside, outside = np.nanmean((fitted.predict_mean(x) - y)[:, :2] ** 2), np.nanmean((left_out - y)[:, :2] ** 2)
    assert inside < outside


@pytest.mark.parametrize("predictor", CASES)
def test_the_mean_alone_is_the_mean(predictor):
    x, y = make_case()
    fitted = make(predictor).fit(x, y)
    np.testing.assert_array_equal(fitted.predict_mean(x), fitted.predict(x).mean)


@pytest.mark.parametrize("predictor", CASES)
def test_the_same_rows_give_the_same_predictions(predictor):
    x, y = make_case()
    np.testing.assert_array_equal(make(predictor).fit(x, y).predict(x).mean, make(predictor).fit(x, y).predict(x).mean)


@pytest.mark.parametrize("predictor", CASES)
def test_a_clone_is_equal_unfitted_and_independent(predictor):
    x, y = make_case()
    fitted = make(predictor).fit(x, y)
    clone = fitted.clone()
    assert repr(clone) == repr(fitted)
    with pytest.raises(NotFittedError, match="Call `fit` first"):
        clone.predict(x)
    before = fitted.predict(x).mean
    clone.fit(x, 1 - y)
    np.testing.assert_array_equal(fitted.predict(x).mean, before)


@pytest.mark.parametrize("predictor", CASES)
def test_state_comes_back_through_arrays(predictor):
    x, y = make_case()
    fitted = make(predictor).fit(x, y)
    restored = fitted.clone().restore(fitted.state())
    np.testing.assert_array_equal(restored.predict(x).mean, fitted.predict(x).mean)
    np.testing.assert_array_equal(restored.predict(x).sd, fitted.predict(x).sd)


@pytest.mark.parametrize("predictor", CASES)
def test_who_learns_again_forgets_what_it_knew(predictor):
    x, y = make_case()
    other = np.column_stack([np.where(np.arange(N) < 5, y[:, 0], np.nan), 1 - y[:, 2], y[:, 0]])
    expected = make(predictor).fit(x, other)
    for learn_again in (lambda p: p.fit(x, other), lambda p: p.restore(expected.state())):
        knew = make(predictor).fit(x, y)
        knew.predict(x)
        again = learn_again(knew)
        np.testing.assert_array_equal(again.predict(x).mean, expected.predict(x).mean)
        np.testing.assert_array_equal(again.predict(x).sd, expected.predict(x).sd)


@pytest.mark.parametrize("predictor", CASES)
def test_inputs_are_not_changed(predictor):
    x, y = make_case()
    x_before, y_before = x.copy(), y.copy()
    make(predictor).fit(x, y).predict(x)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(y, y_before)
