"""Beyond straight lines: the predictor sees, beside the features, how near a prompt is to some training prompts.

Gaussian kernels at landmarks, whitened, are the Nystroem approximation of a Gaussian process: a linear predictor on
them is one with a smooth, curved response. Far from all landmarks every kernel is zero, and so is what it adds.

References:
    Williams, Seeger, Using the Nystroem method to speed up kernel machines, 2001.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from fairlead.estimator import Estimator
from fairlead.predictors.nearness import squared_distances
from fairlead.statistics.products import by_row

if TYPE_CHECKING:
    from fairlead.predictors.base import Estimate, Predictor
    from fairlead.types import FloatArray

Float32Array = npt.NDArray[np.float32]

_WIDTH = 0.5  # of a kernel, in median squared distances between landmarks
_SMALLEST = 1e-4  # eigenvalue, relative to the largest, below which a direction is rounding


class Lifted(Estimator):
    """Wraps a predictor that is linear in its features.

    Args:
        predictor: sees the features and the kernels.
        n_landmarks: training prompts to measure nearness from.
        seed: draws them.
    """

    centre_: FloatArray
    """(n_features,) mean of the landmarks: short vectors keep single precision exact enough."""
    landmarks_: Float32Array
    """(n_landmarks, n_features), from the centre."""
    squared_: Float32Array
    """(n_landmarks,) their squared lengths."""
    radius_: FloatArray
    """(1,) squared distance at which a kernel has fallen to 1 / e."""
    whitening_: Float32Array
    """(n_landmarks, n_kernels)."""

    def __init__(self, *, predictor: Predictor, n_landmarks: int = 200, seed: int = 0) -> None:
        self.predictor = predictor
        self.n_landmarks = n_landmarks
        self.seed = seed

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Draws landmarks and fits the predictor."""
        self.predictor.fit(self._fit_lift(x), y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns what the predictor does: landmarks see no label."""
        return self.predictor.fit_left_out(self._fit_lift(x), y)

    def predict(self, x: FloatArray) -> Estimate:
        """Returns mean and spread, (n_requests, n_models) each."""
        return self.predictor.predict(self._lift(x))

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models)."""
        return self.predictor.predict_mean(self._lift(x))

    def _fit_lift(self, x: FloatArray) -> FloatArray:
        chosen = np.random.default_rng(self.seed).permutation(len(x))[: self.n_landmarks]
        self.centre_ = x[chosen].mean(axis=0)
        self.landmarks_ = (x[chosen] - self.centre_).astype(np.float32)
        self.squared_ = np.square(self.landmarks_).sum(axis=1)
        distance = squared_distances(self.landmarks_, self.landmarks_, self.squared_)
        self.radius_ = np.array([max(_WIDTH * float(np.median(distance)), 1e-6)])
        values, directions = np.linalg.eigh(np.exp(distance / -self.radius_[0]).astype(np.float64))
        kept = values > _SMALLEST * values[-1]
        scale = np.sqrt(len(chosen) / values[kept])
        self.whitening_ = (directions[:, kept] * scale).astype(np.float32)
        return self._lift(x)

    def _lift(self, x: FloatArray) -> FloatArray:
        distance = squared_distances((x - self.centre_).astype(np.float32), self.landmarks_, self.squared_)
        kernels = by_row(np.exp(distance / -np.float32(self.radius_[0])), self.whitening_)
        return np.hstack([x, kernels])
