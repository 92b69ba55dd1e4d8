"""Item response: what a prompt demands, what a model can do, and so whether it succeeds.

    P(model m succeeds on prompt i) = sigmoid(a_i' theta_m + c_i)

A model has an ability theta in a few dimensions; a prompt has an item: discriminations a, and easiness c (the negative
of the literature's difficulty b). Items are regressed from features and have a residual, since features never tell all:

    theta_m ~ N(0, I)        (a_i, c_i) = W' x_i + w_0 + N(0, diag(residual))        W_d ~ N(0, residual_d / ridge_d)

All models share the item side, so a model with few labels borrows it from those with many; a missing cell is missing.
Fitting alternates closed-form steps: with the logistic likelihood written as a mixture of Gaussians (Polya-Gamma), the
posterior of the items given the abilities, and of the abilities given the items, is Gaussian (`logistic_normal`).

References:
    Reckase, Multidimensional Item Response Theory, 2009. De Boeck, Wilson, Explanatory Item Response Models, 2004.
    Song et al., IRT-Router, 2025, arXiv:2506.01048.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate
from fairlead.predictors.logistic_normal import Gaussians, abilities_given, flattening, items_given, prior
from fairlead.statistics.calibration import sigmoid
from fairlead.statistics.products import by_row

if TYPE_CHECKING:
    from fairlead.types import BoolArray, FloatArray, IntArray

Float32Array = npt.NDArray[np.float32]

_RIDGE_FACTOR = 0.5
"""The estimated ridge is too strong, since items are shrunk towards the very regression that they inform. Half of it
was best on left-out prompts of two tables, by little: see design/coldstart.md."""

_N_BELIEVED = 2.0  # models that differ by about a logit, beside those that were seen: two models show no spread

_N_SHARPENING_STEPS = 10  # the last ones of a fit, with the smaller ridge
_N_ABILITY_STEPS = 30
_SMALLEST = 1e-6


class ItemResponse(Estimator):
    """Predicts success from abilities of models and items of prompts; a model without any label is NaN.

    Args:
        n_dims: dimensions of ability.
        n_steps: alternations of a fit.
        n_folds: of the left-out predictions.
        seed: of the folds.

    Example:
        >>> x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[0.0], [0.0], [1.0], [1.0]])
        >>> ItemResponse().fit(x, y).predict(x).mean.argmax()
        np.int64(3)
    """

    ability_: FloatArray
    """(n_models, n_dims) posterior mean; 0 is the average of the models."""
    ability_cov_: FloatArray
    """(n_models, n_dims, n_dims)."""
    n_labels_: IntArray
    """(n_models,)."""
    coefficients_: FloatArray
    """(n_features, n_dims + 1), features to items."""
    intercept_: FloatArray
    residual_: FloatArray
    """(n_dims + 1,) each: the average item, and the variance of items around what features tell of them."""
    centre_: FloatArray
    """(n_features,)."""
    eigenvectors_: Float32Array
    """(n_features, n_features)."""
    spread_: FloatArray
    """(n_features + 1, n_dims + 1) variance of `coefficients_` along each eigenvector; last, of `intercept_`."""

    def __init__(self, *, n_dims: int = 4, n_steps: int = 30, n_folds: int = 5, seed: int = 0) -> None:
        self.n_dims = n_dims
        self.n_steps = n_steps
        self.n_folds = n_folds
        self.seed = seed

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Learns from `x` (n_requests, n_features) and `y` (n_requests, n_models) in [0, 1], NaN where not measured."""
        alternation = _Alternation(x, y, self.n_dims)
        for step in range(self.n_steps):
            alternation.step(sharpening=step >= self.n_steps - _N_SHARPENING_STEPS)
        regression, abilities = alternation.regression, alternation.abilities
        self.ability_, self.ability_cov_ = abilities.mean, abilities.cov
        self.n_labels_ = (~np.isnan(y)).sum(axis=0)
        self.coefficients_ = regression.eigenvectors @ regression.weights
        self.intercept_ = regression.intercept
        self.residual_ = regression.residual
        self.centre_ = regression.centre
        self.eigenvectors_ = regression.eigenvectors.astype(np.float32)
        self.spread_ = np.vstack([regression.weight_variance, regression.residual * regression.blur / len(x)])
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) predictions of each fold by a fit on the others.

        NaN where not measured, and where a model has no label outside the fold.
        """
        fold = np.random.default_rng(self.seed).permutation(len(x)) % self.n_folds
        left_out = np.full(y.shape, np.nan)
        for held_out in range(min(self.n_folds, len(x)) if len(x) > 1 else 0):
            inside = fold == held_out
            left_out[inside] = self.fit(x[~inside], y[~inside]).predict_mean(x[inside])
        self.fit(x, y)
        return np.where(np.isnan(y), np.nan, left_out)

    def predict(self, x: FloatArray) -> Estimate:
        """Returns chance and spread, (n_requests, n_models) each: items as far as features tell them."""
        mean, items = self.predict_mean(x), self._item_means(x)
        along = np.square(by_row((x - self.centre_).astype(np.float32), self.eigenvectors_))
        of_items = by_row(along, self.spread_[:-1]) + self.spread_[-1]
        unknown = self._logit_variance(of_items) + self._ability_variance(items)
        return Estimate(mean=mean, variance=np.square(mean * (1.0 - mean) * self._flattening(items)) * unknown)

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models) chances, flattened by what is not known of item and ability."""
        items = self._item_means(x)
        chance = sigmoid(self._flattening(items) * (by_row(items[:, :-1], self.ability_.T) + items[:, -1:]))
        chance[:, self.n_labels_ == 0] = np.nan
        return chance

    # What onboarding asks

    def items(self, x: FloatArray, y: FloatArray | None = None) -> Gaussians:
        """Returns the items of prompts, (n_requests, n_dims + 1), given features and what the known models scored.

        Args:
            x: (n_requests, n_features).
            y: (n_requests, n_models) as `fit` had it; nothing is known of the answers where not given.
        """
        mean = self._item_means(x)
        items = Gaussians(mean=mean, cov=np.broadcast_to(np.diag(self.residual_), (*mean.shape, mean.shape[1])))
        for _ in range(self.n_steps if y is not None else 0):
            assert y is not None
            items = items_given(self._abilities, y, items, prior_mean=mean, prior_variance=self.residual_)
        return items

    def ability(self, items: Gaussians, y: FloatArray) -> Gaussians:
        """Returns the posterior of one model's ability, (1, n_dims), from its scores on these items.

        Args:
            items: of n prompts.
            y: (n,) in [0, 1], NaN where not measured; with none measured this is the prior, the average model.
        """
        ability = prior(1, self.n_dims)
        for _ in range(_N_ABILITY_STEPS):
            ability = abilities_given(items, y[:, None], ability)
        return ability

    def chance(self, items: Gaussians, ability: Gaussians) -> FloatArray:
        """Returns (n,) the chance that a model of this ability (1, n_dims) succeeds on each of n items."""
        theta = ability.extended.mean[0]
        variance = np.einsum("nij,i,j->n", items.cov, theta, theta)
        a = items.mean[:, :-1]
        variance += np.einsum("ni,ij,nj->n", a, ability.cov[0], a)
        return np.asarray(sigmoid(flattening(variance) * (items.mean @ theta)))

    def lower_chance(self, items: Gaussians, ability: Gaussians, n_sd: float) -> FloatArray:
        """Returns (n,) the chances of a model as much less able as its mean chance on these items leaves possible.

        Args:
            items: of n prompts.
            ability: of one model.
            n_sd: standard deviations of the mean chance by which it is taken down.
        """
        certain = Gaussians(mean=ability.mean, cov=np.zeros_like(ability.cov))
        p = self.chance(items, certain)
        towards = ability.cov[0] @ (items.mean[:, :-1].T @ (p * (1.0 - p)))
        spread = np.sqrt(max(float(towards @ np.linalg.solve(ability.cov[0], towards)), _SMALLEST))
        return self.chance(items, Gaussians(mean=ability.mean - n_sd * towards / spread, cov=certain.cov))

    def _item_means(self, x: FloatArray) -> FloatArray:
        return by_row(x - self.centre_, self.coefficients_) + self.intercept_

    @property
    def _abilities(self) -> Gaussians:
        return Gaussians(mean=self.ability_, cov=self.ability_cov_)

    def _logit_variance(self, item_variance: FloatArray) -> FloatArray:
        """Returns (n, n_models) variance of the logits where each column of the items has its own, (n, n_dims + 1)."""
        return by_row(item_variance[:, :-1], np.square(self.ability_).T) + item_variance[:, -1:]

    def _ability_variance(self, items: FloatArray) -> FloatArray:
        a = items[:, :-1]
        squares = (a[:, :, None] * a[:, None]).reshape(len(a), -1)
        return by_row(squares, self.ability_cov_.reshape(len(self.ability_), -1).T)

    def _flattening(self, items: FloatArray) -> FloatArray:
        return flattening(self._logit_variance(self.residual_[None]) + self._ability_variance(items))


# Fitting -------------------------------------------------------------------------------------------------------------


class _Alternation:
    """The state of a fit: abilities, items and the regression between features and items, one step at a time."""

    def __init__(self, x: FloatArray, y: FloatArray, n_dims: int) -> None:
        self.y = y
        self.seen: BoolArray = np.asarray(np.isfinite(y).any(axis=0), dtype=np.bool_)
        self.regression = _Regression(x, n_dims + 1)
        self.abilities = self._first_abilities(n_dims)
        mean = np.tile(self.regression.intercept, (len(x), 1))
        self.items = Gaussians(mean=mean, cov=np.tile(np.diag(self.regression.residual), (len(x), 1, 1)))

    def _first_abilities(self, n_dims: int) -> Gaussians:
        """Returns the log odds of each model's mean score, then the directions in which features tell models apart."""
        n_labels = (~np.isnan(self.y)).sum(axis=0)
        mean_score = (np.where(np.isnan(self.y), 0.0, self.y).sum(axis=0) + 0.5) / (n_labels + 1.0)
        log_odds = np.log(mean_score) - np.log1p(-mean_score)
        easiness = float(log_odds[self.seen].mean()) if self.seen.any() else 0.0
        self.regression.intercept[-1] = easiness
        residual = np.where(np.isnan(self.y), 0.0, self.y - mean_score) / np.maximum(n_labels / len(self.y), 0.05)
        directions = self.regression.directions(residual)[: n_dims - 1]
        mean = np.zeros((self.y.shape[1], n_dims))
        mean[:, 0] = np.where(self.seen, log_odds - easiness, 0.0)
        mean[:, 1 : 1 + len(directions)] = directions.T
        mean /= np.maximum(mean[self.seen].std(axis=0), 0.1) if self.seen.any() else 1.0
        return Gaussians(mean=mean, cov=np.zeros((len(mean), n_dims, n_dims)))

    def step(self, *, sharpening: bool) -> None:
        """Takes items, regression and abilities once each, given the others."""
        regression = self.regression
        self.items = items_given(
            self.abilities, self.y, self.items, prior_mean=regression.item_means, prior_variance=regression.residual
        )
        regression.learn(self.items, sharpening=sharpening)
        self.abilities = abilities_given(self.items, self.y, self.abilities)
        self._standardise()

    def _standardise(self) -> None:
        """Moves mean and scale of the abilities into the items, which changes no chance and speeds the fit up."""
        seen = self.abilities.at(self.seen)
        if not len(seen.mean):
            return
        mean = seen.mean.mean(axis=0)
        variance = np.diagonal(seen.cov, axis1=1, axis2=2).mean(axis=0)
        square = np.square(seen.mean - mean).mean(axis=0) + variance
        logit = 1.0 / max(abs(float(self.regression.intercept[0])), 0.1)  # a logit, in units of the first ability
        square[0] += (logit**2 - square[0]) * _N_BELIEVED / (_N_BELIEVED + len(seen.mean))
        scale = np.sqrt(square)
        centred = np.where(self.seen[:, None], (self.abilities.mean - mean) / scale, 0.0)
        cov = np.where(self.seen[:, None, None], self.abilities.cov / np.outer(scale, scale), np.eye(len(scale)))
        self.abilities = Gaussians(mean=centred, cov=cov)
        change = np.diag(np.append(scale, 1.0))
        change[:-1, -1] = mean
        self.items = Gaussians(mean=self.items.mean @ change, cov=change.T @ self.items.cov @ change)
        self.regression.change(change)


class _Regression:
    """Features to items: a ridge in the eigenvectors of the features, its strength learned from the items."""

    def __init__(self, x: FloatArray, n_columns: int) -> None:
        self.centre = x.mean(axis=0)
        self.eigenvalues, self.eigenvectors = np.linalg.eigh((x - self.centre).T @ (x - self.centre))
        self.eigenvalues = np.maximum(self.eigenvalues, 0.0)
        self.z = (x - self.centre) @ self.eigenvectors
        self.weights = np.zeros((x.shape[1], n_columns))
        self.intercept = np.eye(n_columns)[0]  # discrimination 1 along the first ability
        self.residual = np.ones(n_columns)
        self.ridge = np.full(n_columns, 1000.0)
        self.blur = np.ones(n_columns)  # how much less a row tells of the weights, since its item is not seen itself
        self._sharpened = False

    @property
    def item_means(self) -> FloatArray:
        """(n, n_columns) items as features tell them."""
        return np.asarray(self.z @ self.weights + self.intercept)

    @property
    def weight_variance(self) -> FloatArray:
        """(n_features, n_columns) posterior variance of the weights."""
        noise = self.residual * self.blur
        return np.asarray(noise / (self.eigenvalues[:, None] + self.ridge * self.blur))

    def directions(self, residual: FloatArray) -> FloatArray:
        """Returns (k, n_models) ways in which models differ, as a ridge of their residuals on features sees them."""
        strength = np.median(self.eigenvalues) + 1.0
        slopes = self.z.T @ residual / (self.eigenvalues + strength)[:, None]
        slopes = np.sqrt(self.eigenvalues)[:, None] * (slopes - slopes.mean(axis=1, keepdims=True))
        return np.asarray(np.linalg.svd(slopes, full_matrices=False)[2])

    def learn(self, items: Gaussians, *, sharpening: bool) -> None:
        """Takes weights, residual and ridge, each given the others."""
        n, item_variance = len(items.mean), np.diagonal(items.cov, axis1=1, axis2=2).mean(axis=0)
        self.intercept = items.mean.mean(axis=0)
        centred = items.mean - self.intercept
        self.weights = self.z.T @ centred / (self.eigenvalues[:, None] + self.ridge)
        self.blur = 1.0 / np.maximum(1.0 - item_variance / self.residual, 1e-3)
        variance = self.weight_variance
        error = np.square(centred - self.z @ self.weights).mean(axis=0) + self.eigenvalues @ variance / n
        self.residual = np.maximum(error + item_variance, _SMALLEST)
        size = np.square(self.weights).mean(axis=0) + variance.mean(axis=0)
        if not sharpening:
            self.ridge = np.clip(self.residual / np.maximum(size, _SMALLEST**2), 1.0, 1e9)
        elif not self._sharpened:
            self.ridge, self._sharpened = self.ridge * _RIDGE_FACTOR, True

    def change(self, change: FloatArray) -> None:
        """Takes other coordinates of the items: item @ change."""
        self.weights, self.intercept = self.weights @ change, self.intercept @ change
        size = self.residual / self.ridge
        self.residual = np.square(change).T @ self.residual
        self.ridge = self.residual / (np.square(change).T @ size)
