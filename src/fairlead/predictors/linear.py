"""Ridge regression, one a model: linear in the features, with a spread that says what it does not know.

Models measured on the same prompts share a design; see `ridge`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate
from fairlead.predictors.ridge import Design, Ridge

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
    """(n_models, 1 + n_features): of the mean at the centre, and along each eigenvector."""
    group_: IntArray
    """(n_models,) models of one group were measured on the same prompts."""
    centre_: FloatArray
    """(n_groups, n_features)."""
    eigenvectors_: Float32Array
    """(n_groups, n_features, n_features); single precision is enough for a spread, and halves what serving reads."""

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
        self.variance_ = np.full((n_models, 1 + n_features), np.nan)
        self.centre_ = np.zeros((n_groups, n_features))
        self.eigenvectors_ = np.zeros((n_groups, n_features, n_features), dtype=np.float32)
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
        self.centre_[g], self.eigenvectors_[g] = design.centre, design.eigenvectors
        self.coefficients_[:, columns] = design.eigenvectors @ ridge.coefficients
        self.intercept_[columns] = y.mean(axis=0) - design.centre @ self.coefficients_[:, columns]
        self.variance_[columns] = ridge.variance
        return ridge.left_out

    def predict(self, x: FloatArray) -> Estimate:
        """Returns mean and spread, (n_requests, n_models) each."""
        mean = self.predict_mean(x)
        variance = np.empty_like(mean)
        for g, (centre, eigenvectors) in enumerate(zip(self.centre_, self.eigenvectors_, strict=True)):
            along = np.square((x - centre).astype(np.float32) @ eigenvectors)
            columns = self.group_ == g
            variance[:, columns] = self.variance_[columns, 0] + along @ self.variance_[columns, 1:].T
        return Estimate(mean=mean, sd=np.sqrt(variance))

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models)."""
        self.check_fitted("coefficients_")
        return np.asarray(x @ self.coefficients_ + self.intercept_)
