"""Models with few labels are predicted from their ability, even where the labels were chosen."""

import numpy as np
import pytest

from fairlead.predictors import Calibrated, FewLabels, Linear
from fairlead.statistics.calibration import sigmoid

N, K = 1500, 40


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 5))
    easiness = 1.5 * x[:, 0] + rng.normal(size=N)
    ability = np.linspace(-1.5, 1.5, 9)
    chance = sigmoid(easiness[:, None] + ability)
    y = (rng.random(chance.shape) < chance).astype(float)
    return x, y, chance


def with_chosen_labels(y, column, rows):
    few = y.copy()
    few[:, column] = np.nan
    few[rows, column] = y[rows, column]
    return few


def hard_questions(y, column):
    """Those that half of the other models, or more, got wrong."""
    others = np.delete(y, column, axis=1).mean(axis=1)
    return np.flatnonzero(others < 0.5)[:K]


def make():
    return FewLabels(predictor=Calibrated(predictor=Linear()))


def test_models_with_enough_labels_are_left_to_the_predictor(world):
    x, y, _ = world
    fitted, alone = make().fit(x, with_chosen_labels(y, 2, range(K))), Calibrated(predictor=Linear())
    alone.fit(x, np.delete(y, 2, axis=1))
    np.testing.assert_array_equal(np.delete(fitted.predict_mean(x), 2, axis=1), alone.predict_mean(x))


def test_hard_questions_do_not_make_a_strong_model_look_weak(world):
    x, y, chance = world
    few = with_chosen_labels(y, 8, hard_questions(y, 8))
    borrowed = make().fit(x, few).predict_mean(x)[:, 8]
    alone = Calibrated(predictor=Linear()).fit(x, few).predict_mean(x)[:, 8]
    truth = chance[:, 8].mean()
    assert abs(borrowed.mean() - truth) < 0.08
    assert alone.mean() < truth - 0.15


def test_without_few_labels_nothing_is_borrowed(world):
    x, y, _ = world
    fitted = make().fit(x, y)
    assert not fitted.few_.any()
    assert not any(name.startswith("items.") for name in fitted.state())
    assert np.isnan(fitted.lower_chances(x, y)).all()


def test_a_pessimist_is_seldom_wrong_and_not_without_hope(world):
    x, y = (part[:600] for part in world[:2])
    behind = []
    for column in range(9):
        for start in (0, 300):
            few = with_chosen_labels(y, column, range(start, start + K))
            behind.append(y[:, column].mean() - np.nanmean(make().fit(x, few).lower_chances(x, few)[:, column]))
    assert np.mean(np.array(behind) < 0) <= 0.12
    assert 0.04 < np.mean(behind) < 0.16


def test_only_few_labels_are_assumed_and_none_say_nothing(world):
    x, y, _ = world
    few = with_chosen_labels(y, 0, range(K))
    few[:, 1] = np.nan
    lower = make().fit(x, few).lower_chances(x, few)
    assert np.isfinite(lower[:, 0]).all()
    assert np.isnan(lower[:, 1:]).all()
