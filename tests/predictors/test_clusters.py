"""A table of clusters: it sees what is special in one, and believes a few labels only so far."""

import numpy as np
import pytest

from fairlead.predictors import Clusters


def make_case(n=1200, *, seed=0, n_models=4):
    """Four kinds of prompts; model 0 excels at the first of them, all find the last hard."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, n)
    x = 6 * np.eye(4)[kind] + rng.normal(size=(n, 4))
    chance = np.where(kind == 3, 0.2, 0.6)[:, None] * np.ones(n_models)
    chance[kind == 0, 0] = 0.95
    return x, (rng.random((n, n_models)) < chance).astype(float), chance


def test_it_finds_what_sets_a_kind_and_a_model_apart():
    x, y, _ = make_case()
    new_x, _, chance = make_case(seed=1)
    assert np.abs(Clusters().fit(x, y).predict_mean(new_x) - chance).mean() < 0.06


def test_where_nothing_differs_it_says_the_mean():
    x, y, _ = make_case()
    y = (np.random.default_rng(1).random(y.shape) < 0.6).astype(float)
    assert Clusters().fit(x, y).predict_mean(x).std(axis=0).max() < 0.03


@pytest.mark.parametrize("row", [0, 7])
def test_left_out_is_what_the_table_says_without_the_row(row):
    x, y, _ = make_case(200)
    clusters = Clusters(strength=5.0)
    left_out = clusters.fit_left_out(x, y)[row]
    others = y.copy()
    others[row] = np.nan
    np.testing.assert_allclose(clusters.clone().fit(x, others).predict_mean(x[[row]])[0], left_out, atol=1e-6)


def test_a_label_of_ones_own_changes_nothing_left_out():
    x, y, _ = make_case(300)
    flipped = y.copy()
    flipped[5, 1] = 1 - y[5, 1]
    before, after = (Clusters(strength=10.0).fit_left_out(x, labels)[5, 1] for labels in (y, flipped))
    assert before == pytest.approx(after, abs=1e-12)
