"""What stands in an outcome table where nothing was measured: low rank, so that models tell of one another.

    score of prompt i at model j  =  mean_j + u_i' v_j + noise      u: what a prompt demands, v: how a model minds it

Probabilistic principal components, by expectation maximisation over the measured cells. The mean and the loadings of a
model are drawn towards those of all models, so that one with few labels is taken to mind what the others mind.

References:
    Tipping, Bishop, Probabilistic principal component analysis, 1999. Koren, Bell, Volinsky, Matrix factorization
    techniques for recommender systems, 2009. Zhuang et al., EmbedLLM, 2024, arXiv:2410.02223, factorises the same
    table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.predictors.means import model_means

if TYPE_CHECKING:
    from fairlead.types import BoolArray, FloatArray

N_STEPS = 15
_LEAST_NOISE = 1e-4
_STRENGTH = 20.0  # labels of a model at which its own mean and loadings outweigh the average model's


def completed(y: FloatArray, n_dims: int) -> tuple[FloatArray, FloatArray]:
    """Returns (n_models,) means, and (n, n_models) deviations from them: measured, or expected where they were not.

    A model without any label has a mean of NaN and deviates by nothing.
    """
    known = ~np.isnan(y)
    if known.all() or not known.any():
        mean = model_means(y)
        return mean, np.nan_to_num(y - mean)
    factors = _Factors.started(y, n_dims)
    for _ in range(N_STEPS):
        factors = factors.improved(y)
    deviation = np.where(known, y, factors.scores(y)) - factors.mean
    return np.where(known.any(axis=0), factors.mean, np.nan), np.nan_to_num(deviation)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Factors:
    known: BoolArray
    """(n, m)."""
    mean: FloatArray
    """(m,)."""
    models: FloatArray
    """(m, r) loadings; demands have mean 0 and variance 1 in every direction."""
    noise: float
    """Variance of a label that no factor explains."""

    @classmethod
    def started(cls, y: FloatArray, n_dims: int) -> Self:
        """Returns one demand that every model minds equally, and others that start from what is left.

        What a model shares with itself alone, its own noise, is left out: else it would pass for a demand.
        """
        known = ~np.isnan(y)
        mean = np.nan_to_num(model_means(y))
        centred = np.where(known, y - mean, 0.0)
        together = known.T.astype(np.float64) @ known
        covariance = (centred.T @ centred) / np.maximum(together, 1.0)
        between = covariance - np.diag(np.diag(covariance))
        shared = max(float(between.mean()), 1e-3)
        values, directions = np.linalg.eigh(between - shared)
        others = directions[:, ::-1] * np.sqrt(np.clip(values[::-1], 1e-4, shared))
        models = np.column_stack([np.full(y.shape[1], np.sqrt(shared)), others])[:, : min(n_dims, y.shape[1])]
        return cls(known=known, mean=mean, models=models, noise=max(float(np.diag(covariance).mean()) - shared, 0.01))

    def improved(self, y: FloatArray) -> Self:
        """Returns the means and loadings that explain the scores best, given what they say of the demands."""
        demands, covariance = self._demands(y)
        n, r = demands.shape
        with_one = np.column_stack([np.ones(n), demands])
        uncertain = np.zeros((y.shape[1], 1 + r, 1 + r))
        uncertain[:, 1:, 1:] = (self.known.T.astype(np.float64) @ covariance.reshape(n, r * r)).reshape(-1, r, r)
        typical = np.append(np.nanmean(y), self.models.mean(axis=0))
        prior = _STRENGTH * np.diag([0.05, *[1.0] * r])
        score = np.where(self.known, y, 0.0)
        mean, models = self.mean.copy(), self.models.copy()
        for j in np.flatnonzero(self.known.any(axis=0)):
            own = with_one * self.known[:, [j]]
            gram = own.T @ own + uncertain[j] + prior
            mean[j], *models[j] = np.linalg.solve(gram, own.T @ score[:, j] + prior @ typical)
        return replace(self, mean=mean, models=models, noise=self._unexplained(y, demands, covariance))

    def _unexplained(self, y: FloatArray, demands: FloatArray, covariance: FloatArray) -> float:
        """Returns the mean squared distance of a label from what its factors say, their uncertainty included."""
        residual = np.where(self.known, y - self.mean - demands @ self.models.T, 0.0)
        uncertain = np.einsum("jk,ikl,jl->ij", self.models, covariance, self.models, optimize=True)
        squares = np.square(residual).sum() + uncertain[self.known].sum()
        return max(float(squares / self.known.sum()), _LEAST_NOISE)

    def scores(self, y: FloatArray) -> FloatArray:
        """Returns (n, m) what the factors expect."""
        return np.asarray(self.mean + self._demands(y)[0] @ self.models.T)

    def _demands(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns the posterior mean (n, r) and covariance (n, r, r) of each prompt's demands."""
        residual = np.where(self.known, y - self.mean, 0.0)
        n_models, r = self.models.shape
        products = (self.models[:, :, None] * self.models[:, None, :]).reshape(n_models, r * r)
        gram = (self.known @ products).reshape(-1, r, r) + self.noise * np.eye(r)
        covariance = np.linalg.inv(gram).astype(np.float64)
        demands = (covariance @ (residual @ self.models)[:, :, None])[:, :, 0]
        return demands, self.noise * covariance
