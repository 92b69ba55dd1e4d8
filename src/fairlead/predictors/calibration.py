"""Chances that can be taken at their word: any predictor of success, calibrated on left-out predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate, Predictor
from fairlead.statistics.calibration import platt, sigmoid

if TYPE_CHECKING:
    from fairlead.types import FloatArray

EDGE = 0.05
"""Within this distance of 0 and 1, and beyond, a raw prediction is bent so that it stays a chance."""


class Calibrated(Estimator):
    """Wraps a predictor of scores in [0, 1]: Platt's map of each model, learned from left-out predictions.

    The map is monotone, so it changes no ranking within a model; it makes models comparable with one another.

    Args:
        predictor: what is calibrated.
        strength: labels at which a model's own map begins to outweigh no change at all.
    """

    slope_: FloatArray
    offset_: FloatArray
    """(n_models,) each."""

    def __init__(self, *, predictor: Predictor, strength: float = 10.0) -> None:
        self.predictor = predictor
        self.strength = strength

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Fits the predictor, and learns the map of each model."""
        self.fit_left_out(x, y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out chances, NaN where not measured."""
        bent = _bent(self.predictor.fit_left_out(x, y))
        logit = _logit(bent)
        maps = [platt(logit[:, j], y[:, j], strength=self.strength) for j in range(y.shape[1])]
        self.slope_, self.offset_ = np.array(maps).reshape(-1, 2).T
        return self._mapped(bent)

    def predict(self, x: FloatArray) -> Estimate:
        """Returns chances, and their spread as far as the map is straight (the delta method)."""
        self.check_fitted("slope_")
        raw = self.predictor.predict(x)
        bent = _bent(raw.mean)
        p = self._mapped(bent)
        steepness = np.abs(self.slope_) * (p - p * p) / (bent - bent * bent)
        sd = steepness * raw.sd
        return Estimate(mean=p, sd=sd if bent is raw.mean else sd * _bent_slope(bent))

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models) chances."""
        self.check_fitted("slope_")
        return self._mapped(_bent(self.predictor.predict_mean(x)))

    def _mapped(self, bent: FloatArray) -> FloatArray:
        return sigmoid(self.slope_ * _logit(bent) + self.offset_)


def _logit(bent: FloatArray) -> FloatArray:
    return np.asarray(np.log(bent) - np.log1p(-bent))


def _bent(raw: FloatArray) -> FloatArray:
    """Returns `raw` where it lies well inside (0, 1); outside, exponential tails that keep order and smoothness."""
    if len(raw) and raw.min() >= EDGE and raw.max() <= 1.0 - EDGE:
        return raw
    low = EDGE * np.exp(np.minimum(raw - EDGE, 0.0) / EDGE)
    high = 1.0 - EDGE * np.exp(np.minimum(1.0 - EDGE - raw, 0.0) / EDGE)
    return np.where(raw < EDGE, low, np.where(raw > 1.0 - EDGE, high, raw))


def _bent_slope(bent: FloatArray) -> FloatArray:
    """Returns the slope of `_bent`, from what it gave: 1 inside, and in an exponential tail its share of `EDGE`."""
    return np.minimum(np.minimum(bent, 1.0 - bent) / EDGE, 1.0)
