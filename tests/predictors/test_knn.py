"""Neighbours: near in what matters, never a prompt's own, and few of them only so far believed."""

import numpy as np

from fairlead.predictors import KNN, Factorization, Linear


def make_case(n=1500, *, seed=0, n_idle=30):
    """Success turns on one column, in a bend; the others say nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 1 + n_idle))
    chance = np.where(np.abs(x[:, :1]) < 0.7, 0.9, 0.3) * np.ones(3)
    return x, (rng.random((n, 3)) < chance).astype(float), chance


def error(predictor, seed=0):
    x, y, _ = make_case(seed=seed)
    new_x, _, chance = make_case(seed=seed + 1)
    return float(np.square(predictor.fit(x, y).predict_mean(new_x) - chance).mean())


def test_it_follows_a_bend_that_a_line_cannot():
    x, y, _ = make_case(n_idle=0)
    new_x, _, chance = make_case(seed=1, n_idle=0)
    bent, straight = (np.square(p.fit(x, y).predict_mean(new_x) - chance).mean() for p in (KNN(), Linear()))
    assert bent < 0.2 * straight


def test_what_a_predictor_sees_makes_better_neighbours_than_all_columns():
    rng = np.random.default_rng(0)
    x, new_x = rng.normal(size=(2, 1500, 40))
    chance, new_chance = (1 / (1 + np.exp(-4 * columns[:, :1])) * np.ones(3) for columns in (x, new_x))
    y = (rng.random(chance.shape) < chance).astype(float)
    told, untold = (KNN(predictor=p).fit(x, y).predict_mean(new_x) - new_chance for p in (Factorization(), None))
    assert np.square(told).mean() < 0.3 * np.square(untold).mean()


def test_no_prompt_is_its_own_neighbour():
    x, y, _ = make_case(300)
    flipped = y.copy()
    flipped[5, 1] = 1 - y[5, 1]
    before, after = (KNN(k=20).fit_left_out(x, labels)[5, 1] for labels in (y, flipped))
    assert abs(before - after) < 1 / 300  # it moves the mean a little; as a neighbour it would move a thirtieth


def test_without_labels_nearby_it_says_what_is_expected_without_neighbours():
    x, y, _ = make_case(400, n_idle=0)
    y[x[:, 0] > 1, 0] = np.nan
    mean = KNN(k=20).fit(x, y).predict_mean(np.array([[2.5]]))[0]
    assert abs(mean[0] - np.nanmean(y[:, 0])) < 0.05
    assert mean[1] < mean[0] - 0.1
