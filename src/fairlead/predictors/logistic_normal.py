"""Logistic regression in which both sides are uncertain: items of prompts and abilities of models.

The logit of a cell is the product of an item (n_dims discriminations, then easiness) and an ability with a 1 behind it.
With a Polya-Gamma variable for each cell the likelihood is Gaussian in either side given the other, so both posteriors
have a closed form; repeating them in turn never lowers the bound on the evidence.

References:
    Polson, Scott, Windle, Bayesian inference for logistic models using Polya-Gamma latent variables, 2013,
    arXiv:1205.0310. Jaakkola, Jordan, Bayesian parameter estimation via variational methods, 2000.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.types import BoolArray, FloatArray, IntArray

_SMALLEST = 1e-6


@dataclass(frozen=True, kw_only=True)
class Gaussians:
    """n independent Gaussians of k dimensions each."""

    mean: FloatArray
    """(n, k)."""
    cov: FloatArray
    """(n, k, k)."""

    @cached_property
    def second(self) -> FloatArray:
        """(n, k * k) the expected outer product of each with itself."""
        n, k = self.mean.shape
        return np.asarray((self.mean[:, :, None] * self.mean[:, None] + self.cov).reshape(n, k * k))

    @cached_property
    def extended(self) -> Gaussians:
        """The same with one more dimension that is always 1: what easiness is multiplied with."""
        n, k = self.mean.shape
        mean, cov = np.ones((n, k + 1)), np.zeros((n, k + 1, k + 1))
        mean[:, :k], cov[:, :k, :k] = self.mean, self.cov
        return Gaussians(mean=mean, cov=cov)

    def at(self, index: IntArray | BoolArray) -> Gaussians:
        """Returns some of them."""
        return Gaussians(mean=self.mean[index], cov=self.cov[index])

    @classmethod
    def from_precision(cls, precision: FloatArray, shift: FloatArray) -> Gaussians:
        """Returns those with this precision (n, k, k), and `shift` (n, k) = precision times mean."""
        cov = np.asarray(np.linalg.inv(precision), dtype=np.float64)
        return cls(mean=np.einsum("nij,nj->ni", cov, shift), cov=cov)


def items_given(
    abilities: Gaussians, y: FloatArray, items: Gaussians, *, prior_mean: FloatArray, prior_variance: FloatArray
) -> Gaussians:
    """Returns the posterior of the items, (n, k), given the abilities; `items` is the one before."""
    abilities = abilities.extended
    weight, shift = _weights(items, abilities, y), _half(y) @ abilities.mean
    precision = (weight @ abilities.second).reshape(items.cov.shape) + np.diag(1.0 / prior_variance)
    return Gaussians.from_precision(precision, shift + prior_mean / prior_variance)


def abilities_given(items: Gaussians, y: FloatArray, abilities: Gaussians) -> Gaussians:
    """Returns the posterior of the abilities, (m, k), given the items; `abilities` is the one before."""
    weight = _weights(items, abilities.extended, y)
    k = abilities.mean.shape[1]
    information = (weight.T @ items.second).reshape(-1, k + 1, k + 1)
    shift = _half(y).T @ items.mean[:, :k] - information[:, :k, k]
    return Gaussians.from_precision(information[:, :k, :k] + np.eye(k), shift)


def _weights(items: Gaussians, abilities: Gaussians, y: FloatArray) -> FloatArray:
    """Returns (n, m) how much each measured cell tells, 1/4 where nothing is known and less far from it; else 0."""
    logit = np.sqrt(np.maximum(items.second @ abilities.second.T, _SMALLEST))
    return np.where(np.isnan(y), 0.0, np.tanh(logit / 2.0) / (2.0 * logit))


def _half(y: FloatArray) -> FloatArray:
    return np.where(np.isnan(y), 0.0, y - 0.5)


def prior(n: int, n_dims: int) -> Gaussians:
    """Returns n standard Gaussians: models of which nothing is known."""
    return Gaussians(mean=np.zeros((n, n_dims)), cov=np.tile(np.eye(n_dims), (n, 1, 1)))


def flattening(variance: FloatArray) -> FloatArray:
    """Returns the factor f with sigmoid(f * mean) = E sigmoid(logit), for a Gaussian logit of this variance.

    References:
        MacKay, The evidence framework applied to classification networks, 1992, equation 10.
    """
    return np.asarray(1.0 / np.sqrt(1.0 + np.pi / 8.0 * variance))
