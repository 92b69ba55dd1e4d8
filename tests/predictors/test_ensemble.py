"""Weights are earned on rows that were not learned: noise gets none, and each member what it is good for."""

import numpy as np
import pytest

from fairlead.estimator import Estimator
from fairlead.predictors import KNN, Ensemble, Linear
from fairlead.predictors.base import Estimate


class Columns(Estimator):
    """Predicts some columns of `x` as they are."""

    def __init__(self, *, start, sd=0.1):
        self.start = start
        self.sd = sd

    def fit_left_out(self, x, y):
        self.n_ = np.array(y.shape[1])
        return np.where(np.isnan(y), np.nan, self.predict_mean(x))

    def predict_mean(self, x):
        return x[:, self.start : self.start + int(self.n_)]

    def predict(self, x):
        return Estimate(mean=self.predict_mean(x), variance=np.full((len(x), int(self.n_)), self.sd**2))


@pytest.fixture
def case():
    """How hard a prompt is, what sets models apart, and noise, in three columns each; scores are the sum of two."""
    rng = np.random.default_rng(0)
    hard, apart, noise = rng.normal(size=(3, 2000, 3)) * 0.1
    hard[:] = hard[:, :1]
    apart -= apart.mean(axis=1, keepdims=True)
    y = 0.5 + hard + apart + rng.normal(size=(2000, 3)) * 0.3
    return np.hstack([hard, apart, noise]) + 0.5, y


def test_each_member_counts_where_it_knows_something(case):
    x, y = case
    ensemble = Ensemble(members=tuple(Columns(start=start) for start in (0, 3, 6))).fit(x, y)
    common, own, _ = ensemble.weight_
    np.testing.assert_allclose(common, [1, 0, 0], atol=0.2)
    np.testing.assert_allclose(own, [0, 0.85, 0], atol=0.2)
    assert (ensemble.weight_ >= 0).all()


def test_noise_alone_is_shrunk_to_the_mean_of_each_model(case):
    x, y = case
    ensemble = Ensemble(members=(Columns(start=6),)).fit(x, y)
    np.testing.assert_allclose(ensemble.predict_mean(x), np.tile(y.mean(axis=0), (len(x), 1)), atol=0.06)


def test_disagreement_widens_the_spread(case):
    x, y = case
    sd = Ensemble(members=(Columns(start=0), Columns(start=3))).fit(x, y).predict(x).sd
    gap = np.abs(x[:, :3] - x[:, 3:6])
    assert (sd >= 0.1 - 1e-9).all()
    assert sd[gap > 0.3].mean() > sd[gap < 0.05].mean() + 0.05


def test_it_is_at_least_as_good_as_its_best_member():
    rng = np.random.default_rng(0)
    x, new_x = rng.normal(size=(2, 1500, 4))
    curve = lambda z: 1 / (1 + np.exp(-2 * z[:, :1] - 2 * np.abs(z[:, 1:2]) + 1)) * np.ones(3)  # noqa: E731
    y = (rng.random((1500, 3)) < curve(x)).astype(float)
    errors = [
        np.square(p.fit(x, y).predict_mean(new_x) - curve(new_x)).mean()
        for p in (Ensemble(members=(Linear(), KNN())), Linear(), KNN())
    ]
    assert errors[0] <= min(errors[1:]) * 1.02
