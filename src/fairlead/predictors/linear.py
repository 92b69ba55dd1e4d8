"""Ridge regression, one a model: linear in the features, with a spread that says what it does not know.

With centred features X (n, p), centred outcomes y and the eigenvectors V of X'X = V S V':

    coefficients    V (S + alpha)^-1 V' X' y
    leverage        h_i = 1/n + z_i' (S + alpha)^-1 z_i,  z = V' x        so a row's error, had it been left out, is
    left-out error  (y_i - prediction_i) / (1 - h_i)                      known without fitting again
    spread^2        noise (1/n + z' (S + alpha)^-1 z)                     the variance of the mean under the ridge prior

Models measured on the same prompts share V. `alpha`, of each model, has the smallest mean squared left-out error.

References:
    Hoerl, Kennard, Ridge regression, 1970. Allen, The relationship between variable selection and data augmentation
    (PRESS), 1974.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray

Float32Array = npt.NDArray[np.float32]

ALPHAS = np.logspace(0, 6, 13)
"""Ridge strengths to choose from; the largest leaves little but the mean."""

_PRIOR_SQUARED_ERROR = 0.25  # one pseudo-label, as noisy as a fair coin: ten successes in ten are no certainty


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
        centre = x.mean(axis=0)
        eigenvalues, eigenvectors = np.linalg.eigh((x - centre).T @ (x - centre))
        ridge = _Ridge.chosen(np.maximum(eigenvalues, 0.0), (x - centre) @ eigenvectors, y)
        self.centre_[g], self.eigenvectors_[g] = centre, eigenvectors
        self.coefficients_[:, columns] = eigenvectors @ ridge.coefficients
        self.intercept_[columns] = y.mean(axis=0) - centre @ self.coefficients_[:, columns]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ridge:
    """The solution for one group of models, in the coordinates of its eigenvectors."""

    coefficients: FloatArray
    variance: FloatArray
    left_out: FloatArray

    @classmethod
    def chosen(cls, eigenvalues: FloatArray, z: FloatArray, y: FloatArray) -> _Ridge:
        """Returns, for each column of `y`, the ridge with the smallest left-out error."""
        n, residual = len(z), y - y.mean(axis=0)
        projected, z_squared = z.T @ residual, np.square(z)
        error = np.empty((len(ALPHAS), *y.shape))
        for k, alpha in enumerate(ALPHAS):
            inverse = 1.0 / (eigenvalues + alpha)
            left = 1.0 - 1.0 / n - z_squared @ inverse
            error[k] = (residual - z @ (projected * inverse[:, None])) / np.maximum(left, 1e-9)[:, None]
        squared_error = np.square(error).sum(axis=1)
        best = squared_error.argmin(axis=0)
        inverse = 1.0 / (eigenvalues[:, None] + ALPHAS[best])
        noise = (squared_error.min(axis=0) + _PRIOR_SQUARED_ERROR) / (n + 1)
        return cls(
            coefficients=projected * inverse,
            variance=(noise * np.vstack([np.full(y.shape[1], 1.0 / n), inverse])).T,
            left_out=y - error[best, :, np.arange(y.shape[1])].T if n > 1 else np.full(y.shape, np.nan),
        )
