"""Item response: known abilities are found again, models borrow from one another, and the spread is honest."""

import numpy as np
import pytest

from fairlead.predictors import Calibrated, ItemResponse, Linear
from fairlead.predictors.logistic_normal import flattening
from fairlead.statistics.calibration import brier, sigmoid

N, N_MODELS = 1500, 12


class World:
    """Prompts whose easiness two of six features tell in part, and models of known ability."""

    def __init__(self, *, seed=0, n=N):
        rng = np.random.default_rng(seed)
        self.x = rng.normal(size=(n, 6))
        self.ability = rng.normal(size=N_MODELS)
        told = 1.2 * self.x[:, 0] - 0.8 * self.x[:, 1] + 0.4
        easiness = told + rng.normal(size=n)
        self.chance = sigmoid(easiness[:, None] + self.ability)
        self.told_chance = sigmoid(flattening(np.array(1.0)) * (told[:, None] + self.ability))
        self.y = (rng.random(self.chance.shape) < self.chance).astype(float)


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def fitted(world):
    return ItemResponse(n_dims=1).fit(world.x, world.y)


def test_abilities_come_out_in_their_order_and_proportion(world, fitted):
    assert np.corrcoef(fitted.ability_[:, 0], world.ability)[0, 1] > 0.99


def test_chances_are_those_of_the_world(world, fitted):
    assert np.abs(fitted.predict_mean(world.x) - world.told_chance).mean() < 0.03


def test_a_model_with_few_labels_borrows_from_the_others():
    world = World(seed=1)
    few = world.y.copy()
    few[20:, 0] = np.nan
    borrowed = ItemResponse().fit(world.x, few).predict_mean(world.x)[:, 0]
    alone = Calibrated(predictor=Linear()).fit(world.x, few[:, :1]).predict_mean(world.x)[:, 0]
    error_borrowed, error_alone = (np.abs(p - world.told_chance[:, 0]).mean() for p in (borrowed, alone))
    assert error_borrowed < 0.6 * error_alone


def test_missing_cells_are_not_failures(world, fitted):
    holes = world.y.copy()
    holes[np.random.default_rng(3).random(N) < 0.7, 0] = np.nan
    with_holes = ItemResponse(n_dims=1).fit(world.x, holes).predict_mean(world.x)[:, 0]
    assert np.abs(with_holes - fitted.predict_mean(world.x)[:, 0]).mean() < 0.04


def test_a_second_dimension_tells_specialists_apart():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(N, 4))
    leaning = np.where(np.arange(8) < 4, 1.5, -1.5)
    y = (rng.random((N, 8)) < sigmoid(x[:, :1] * leaning)).astype(float)
    one, two = (brier(ItemResponse(n_dims=d).fit(x, y).predict_mean(x).ravel(), y.ravel()) for d in (1, 2))
    assert brier(sigmoid(x[:, :1] * leaning).ravel(), y.ravel()) + 0.003 > two
    assert two <= one + 1e-4


def test_answers_say_more_of_an_item_than_features_do(world, fitted):
    told, known = fitted.items(world.x), fitted.items(world.x, world.y)
    assert (known.cov[:, 1, 1] < told.cov[:, 1, 1]).all()
    easy, hard = world.y.mean(axis=1) == 1, world.y.mean(axis=1) == 0
    assert (known.mean[easy, 1] > told.mean[easy, 1]).all()
    assert (known.mean[hard, 1] < told.mean[hard, 1]).all()


def test_items_of_unanswered_prompts_are_what_features_tell(world, fitted):
    nothing = np.full(world.y.shape, np.nan)
    np.testing.assert_allclose(fitted.items(world.x, nothing).mean, fitted.items(world.x).mean, atol=1e-8)


def test_ability_without_a_label_is_the_average_and_sharpens_with_each(world, fitted):
    items = fitted.items(world.x, world.y)
    sds = []
    for k in (0, 3, 30, 300):
        ability = fitted.ability(items, np.where(np.arange(N) < k, world.y[:, 0], np.nan))
        sds.append(float(ability.cov[0, 0, 0]) ** 0.5)
        if k == 0:
            assert (ability.mean == 0).all()
    assert sds[0] == 1.0
    assert sds == sorted(sds, reverse=True)
    assert sds[-1] < 0.3


def test_ability_from_all_labels_is_the_fitted_one(world, fitted):
    ability = fitted.ability(fitted.items(world.x, world.y), world.y[:, 3])
    assert ability.mean[0] == pytest.approx(fitted.ability_[3], abs=0.05)


def test_fractions_count_as_much_of_a_success():
    rng = np.random.default_rng(5)
    x, share = rng.normal(size=(N, 2)), np.array([0.25, 0.5, 0.75])
    predicted = ItemResponse().fit(x, np.tile(share, (N, 1))).predict_mean(x).mean(axis=0)
    np.testing.assert_allclose(predicted, share, atol=0.03)


def test_one_row_and_one_model_can_be_fitted():
    x, y = np.ones((1, 2)), np.ones((1, 1))
    fitted = ItemResponse()
    assert np.isnan(fitted.fit_left_out(x, y)).all()
    assert 0.5 < fitted.predict_mean(x)[0, 0] < 1.0


@pytest.mark.parametrize("variance", [0.0, 0.5, 3.0])
def test_flattening_gives_the_mean_over_the_spread(variance):
    mean = np.array([-2.0, 0.3, 1.5])
    draws = mean + np.sqrt(variance) * np.random.default_rng(0).normal(size=(200_000, 3))
    np.testing.assert_allclose(sigmoid(flattening(np.array(variance)) * mean), sigmoid(draws).mean(axis=0), atol=0.01)


def test_the_spread_covers_what_it_does_not_know():
    """Over many models with 15 labels: chances lie within two spreads of the truth about as often as they should."""
    inside = []
    for seed in range(10):
        world = World(seed=10 + seed, n=600)
        y = world.y.copy()
        y[15:, :4] = np.nan
        estimate = ItemResponse(n_dims=1).fit(world.x, y).predict(world.x)
        z = (estimate.mean - world.told_chance)[:, :4] / estimate.sd[:, :4]
        inside.append((np.abs(z) < 2).mean())
    assert 0.85 < np.mean(inside) <= 1.0
