"""Ridge regression, one a model: linear in the features, with a spread that says what it does not know.

Models measured on the same prompts share a design; see `ridge`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate
from fairlead.predictors.ridge import N_LEADING, Design, Ridge
from fairlead.statistics.products import by_row

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray

Float32Array = npt.NDArray[np.float32]


class Linear(Estimator):
    """Predicts each column of `y` from `x`; a column without any label is NaN.

    Example:
        >>> x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[0.0], [0.0], [1.0], [1.0]])
        >>> Linear().fit(x, y).predict(x).mean.argmax()
        np.int64(3)
    """

    coefficients_: FloatArray
    """(n_features, n_models)."""
    intercept_: FloatArray
    """(n_models,)."""
    variance_: FloatArray
    """(n_models, 2 + n_leading): see `Ridge.variance`."""
    group_: IntArray
    """(n_models,) models of one group were measured on the same prompts."""
    centre_: FloatArray
    """(n_groups, n_features)."""
    leading_: Float32Array
    """(n_groups, n_features, n_leading) eigenvectors; single precision is enough for a spread."""

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Learns from `x` (n_requests, n_features) and `y` (n_requests, n_models), NaN where not measured."""
        self.fit_left_out(x, y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out predictions, NaN where not measured."""
        n_features, n_models = x.shape[1], y.shape[1]
        patterns, group = np.unique(~np.isnan(y), axis=1, return_inverse=True)
        self.group_ = group.reshape(-1).astype(np.int64)
        n_groups = patterns.shape[1]
        self.coefficients_ = np.full((n_features, n_models), np.nan)
        self.intercept_ = np.full(n_models, np.nan)
        n_leading = min(N_LEADING, n_features)
        self.variance_ = np.full((n_models, 2 + n_leading), np.nan)
        self.centre_ = np.zeros((n_groups, n_features))
        self.leading_ = np.zeros((n_groups, n_features, n_leading), dtype=np.float32)
        left_out = np.full(y.shape, np.nan)
        for g in range(n_groups):
            rows, columns = np.flatnonzero(patterns[:, g]), np.flatnonzero(self.group_ == g)
            if len(rows):
                cells = np.ix_(rows, columns)
                left_out[cells] = self._fit_group(g, columns, x[rows], y[cells])
        return left_out

    def _fit_group(self, g: int, columns: IntArray, x: FloatArray, y: FloatArray) -> FloatArray:
        design = Design.of(x)
        ridge = Ridge.chosen(design, y)
        self.centre_[g], self.leading_[g] = design.centre, design.leading
        self.coefficients_[:, columns] = design.eigenvectors @ ridge.coefficients
        self.intercept_[columns] = y.mean(axis=0) - design.centre @ self.coefficients_[:, columns]
        self.variance_[columns] = ridge.variance
        return ridge.left_out

    def predict(self, x: FloatArray) -> Estimate:
        """Returns mean and spread, (n_requests, n_models) each."""
        mean = self.predict_mean(x)
        if len(self.centre_) == 1:
            return Estimate(mean=mean, variance=self._variance(x, 0, self.variance_))
        variance = np.empty_like(mean)
        for g in range(len(self.centre_)):
            columns = self.group_ == g
            variance[:, columns] = self._variance(x, g, self.variance_[columns])
        return Estimate(mean=mean, variance=variance)

    def _variance(self, x: FloatArray, g: int, per_direction: FloatArray) -> FloatArray:
        away = (x - self.centre_[g : g + 1]).astype(np.float32)
        squares = np.empty((len(x), 1 + self.leading_.shape[2]))
        squares[:, 0] = np.einsum("ij,ij->i", away, away)
        np.square(by_row(away, self.leading_[g]), out=squares[:, 1:])
        variance: FloatArray = by_row(squares, per_direction[:, 1:].T)
        return np.maximum(variance, 0.0) + per_direction[None, :, 0]

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models)."""
        return np.asarray(by_row(x, self.coefficients_) + self.intercept_[None])
