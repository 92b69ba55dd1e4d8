"""Positive amounts with a long tail, learned on a log scale: their mean comes out right, and so do their quantiles."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate, Predictor

if TYPE_CHECKING:
    from fairlead.types import FloatArray

LEVELS = np.concatenate([np.arange(0.05, 0.951, 0.05), [0.975, 0.99, 0.995]])
"""Quantiles that are kept; those between are interpolated."""

_STRENGTH = 50.0  # labels at which a model's own quantiles weigh as much as those of all models together


class LogScale(Estimator):
    """Wraps a predictor and lets it learn log(1 + amount / unit).

    The exponential of a mean logarithm lies below the mean, so each model's predictions are multiplied by its own
    smearing factor: amounts seen in all, over amounts predicted in all with each row left out. No mean exceeds the
    largest amount that was seen. Quantiles come from the left-out errors on the log scale: how far single answers lie
    from what was expected of them.

    Args:
        predictor: what learns the logarithm.

    References:
        Duan, Smearing estimate: a nonparametric retransformation method, 1983; here as a ratio of totals.
        Lei et al., Distribution-free predictive inference for regression, 2018, arXiv:1604.04173: quantiles from
        errors on rows that were not learned.
    """

    unit: ClassVar[float] = 1.0
    """Amounts well below it count as nothing."""

    smearing_: FloatArray
    largest_: FloatArray
    """(n_models,) each."""
    error_: FloatArray
    """(len(LEVELS), n_models) quantiles of the left-out errors on the log scale."""

    def __init__(self, *, predictor: Predictor) -> None:
        self.predictor = predictor

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Learns from amounts `y` (n_requests, n_models), NaN where not known."""
        self.fit_left_out(x, y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out means, NaN where not known."""
        self.forget()
        self.largest_ = np.fmax.reduce(y, axis=0, initial=0.0)
        logs = np.log1p(y / self.unit)
        left_out = self.predictor.fit_left_out(x, logs)
        self.error_ = _quantiles(logs - left_out)
        predicted = self._amount(left_out)
        seen_total = np.where(np.isnan(predicted), 0.0, y).sum(axis=0)
        predicted_total = np.nansum(predicted, axis=0)
        self.smearing_ = np.divide(seen_total, predicted_total, out=np.ones_like(seen_total), where=predicted_total > 0)
        return np.asarray(np.minimum(self.smearing_ * predicted, self.largest_))

    def predict(self, x: FloatArray) -> Estimate:
        """Returns expected amounts, and their spread as far as the exponential is straight (the delta method)."""
        logs = self.predictor.predict(x)
        mean = self._mean(logs.mean)
        return Estimate(mean=mean, variance=np.square(mean + self.unit * self.smearing_) * logs.variance)

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models) expected amounts."""
        return self._mean(self.predictor.predict_mean(x))

    def predict_quantile(self, x: FloatArray, level: float) -> FloatArray:
        """Returns (n_requests, n_models) the amount that a share `level` of the answers stays within."""
        below, above, between = _place(level)
        error = self.error_[below] + between * (self.error_[above] - self.error_[below])
        return self._amount(self.predictor.predict_mean(x) + error)

    def _mean(self, logs: FloatArray) -> FloatArray:
        return np.asarray(np.minimum(self.smearing_[None] * self._amount(logs), self.largest_[None]))

    def _amount(self, logs: FloatArray) -> FloatArray:
        bounded = np.minimum(np.maximum(logs, 0.0), self._largest_log)
        return np.asarray(self.unit * np.expm1(bounded))

    @cached_property
    def _largest_log(self) -> FloatArray:
        return np.log1p(self.largest_[None] / self.unit)


@lru_cache(maxsize=64)
def _place(level: float) -> tuple[int, int, float]:
    """Returns the places in `LEVELS` around a level, and how far between them it lies."""
    place = float(np.interp(level, LEVELS, np.arange(len(LEVELS))))
    return int(place), min(int(place) + 1, len(LEVELS) - 1), place - int(place)


def _quantiles(error: FloatArray) -> FloatArray:
    """Returns each model's quantiles, drawn towards those of all models where its labels are few."""
    known = ~np.isnan(error)
    if not known.any():
        return np.full((len(LEVELS), error.shape[1]), np.nan)
    pooled = np.quantile(error[known], LEVELS)
    quantiles = np.tile(pooled[:, None], (1, error.shape[1]))
    for j in np.flatnonzero(known.any(axis=0)):
        own = error[known[:, j], j]
        weight = len(own) / (len(own) + _STRENGTH)
        quantiles[:, j] += weight * (np.quantile(own, LEVELS) - pooled)
    return quantiles
