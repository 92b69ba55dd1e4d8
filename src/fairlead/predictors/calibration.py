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

_USUAL = 2.0  # squared spread, in its mean over the training prompts, up to which nothing is unusual
_LEAST_SIGNAL = 1e-6


class Calibrated(Estimator):
    """Wraps a predictor of scores in [0, 1]: Platt's map of each model, learned from left-out predictions.

    The map is monotone, so among usual prompts it changes no ranking within a model; it makes models comparable with
    one another. Where the predictor knows less than it did of the training prompts, its predictions are first drawn
    towards the mean of the model: an unusual prompt is no reason to believe something unusual of it.

    Args:
        predictor: what is calibrated.
        strength: labels at which a model's own map begins to outweigh no change at all.
    """

    slope_: FloatArray
    offset_: FloatArray
    """(n_models,) each."""
    centre_: FloatArray
    signal_: FloatArray
    ignorance_: FloatArray
    """(n_models,) each: mean and variance of the left-out predictions, and the mean square of their spread."""

    def __init__(self, *, predictor: Predictor, strength: float = 10.0) -> None:
        self.predictor = predictor
        self.strength = strength

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Fits the predictor, and learns the map of each model."""
        self.fit_left_out(x, y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out chances, NaN where not measured."""
        left_out = self.predictor.fit_left_out(x, y)
        self._learn_shrinkage(left_out, self.predictor.predict(x).sd)
        bent = _bent(left_out)
        logit = _logit(bent)
        maps = [platt(logit[:, j], y[:, j], strength=self.strength) for j in range(y.shape[1])]
        self.slope_, self.offset_ = np.array(maps).reshape(-1, 2).T
        return self._mapped(bent)

    def _learn_shrinkage(self, left_out: FloatArray, sd: FloatArray) -> None:
        known = ~np.isnan(left_out)
        n = np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, left_out, 0.0)
        self.centre_ = filled.sum(axis=0) / n
        self.signal_ = np.maximum(np.square(filled).sum(axis=0) / n - np.square(self.centre_), _LEAST_SIGNAL)
        self.ignorance_ = np.square(np.where(known, sd, 0.0)).sum(axis=0) / n

    def predict(self, x: FloatArray) -> Estimate:
        """Returns chances, and their spread as far as the map is straight (the delta method)."""
        raw = self.predictor.predict(x)
        centre, signal = self.centre_[None], self.signal_[None]
        beyond = np.maximum(raw.variance - _USUAL * self.ignorance_[None], 0.0)
        shrunk = centre + (raw.mean - centre) * (signal / (signal + beyond))
        bent = _bent(shrunk)
        p = self._mapped(bent)
        steepness = self.slope_[None] * (p - p * p) / (bent - bent * bent)
        if bent is not shrunk:
            steepness *= _bent_slope(bent)
        return Estimate(mean=p, variance=steepness * steepness * raw.variance)

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models) chances."""
        return self.predict(x).mean

    def _mapped(self, bent: FloatArray) -> FloatArray:
        return sigmoid(self.slope_[None] * _logit(bent) + self.offset_[None])


def _logit(bent: FloatArray) -> FloatArray:
    return np.asarray(np.log(bent / (1.0 - bent)))


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
