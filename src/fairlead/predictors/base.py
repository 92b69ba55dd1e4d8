"""The contract of predictors: features in, an expected value and its spread per candidate out.

Most batches are of one request. NumPy works on two grids of one shape in a third of the time that it takes to spread a
row over a grid, so predictors take what they learned of each model (n_models,) as a grid of one row, `learned_[None]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

import numpy as np

from fairlead.estimator import Component

if TYPE_CHECKING:
    from fairlead.types import FloatArray


class Estimate(NamedTuple):
    """(n_requests, n_models) each; NaN where a model was never seen."""

    mean: FloatArray
    variance: FloatArray
    """Of the mean: what the predictor does not know, not the noise of one answer."""

    @property
    def sd(self) -> FloatArray:
        """Standard deviation of the mean."""
        return np.sqrt(self.variance)


class Predictor(Component, Protocol):
    """Predicts one quantity (success, or output tokens) for every model; pure once fitted."""

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Learns from `x` (n_requests, n_features) and `y` (n_requests, n_models), NaN where not measured."""
        ...

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) what each measured row is predicted without itself, else NaN.

        What corrects another predictor learns from these, since predictions of rows that were learned flatter.
        """
        ...

    def predict(self, x: FloatArray) -> Estimate:
        """Returns the estimate for each row of `x`."""
        ...

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns the mean of `predict` alone, which may be cheaper."""
        ...


class QuantilePredictor(Predictor, Protocol):
    """A predictor that also knows how far single answers lie from the mean."""

    def predict_quantile(self, x: FloatArray, level: float) -> FloatArray:
        """Returns (n_requests, n_models) what a share `level` of the answers is expected to stay within."""
        ...
