"""How long the answer will be: learned on a log scale, retransformed so that the mean, and so the bill, is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate, Predictor

if TYPE_CHECKING:
    from fairlead.types import FloatArray


class Tokens(Estimator):
    """Wraps a predictor and lets it learn log(1 + tokens).

    The exponential of a mean logarithm lies below the mean, so each model's predictions are multiplied by its own
    smearing factor: tokens seen in all, over tokens predicted in all with each row left out. No prediction exceeds
    the longest answer that was seen.

    Args:
        predictor: what learns the logarithm.

    References:
        Duan, Smearing estimate: a nonparametric retransformation method, 1983; here as a ratio of totals.
    """

    smearing_: FloatArray
    longest_: FloatArray
    """(n_models,) each."""

    def __init__(self, *, predictor: Predictor) -> None:
        self.predictor = predictor

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Learns from tokens `y` (n_requests, n_models), NaN where not known."""
        self.fit_left_out(x, y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out tokens, NaN where not known."""
        self.longest_ = np.fmax.reduce(y, axis=0, initial=0.0)
        log_tokens = self.predictor.fit_left_out(x, np.log1p(y))
        predicted = self._tokens(log_tokens, smearing=1.0)
        seen_total = np.where(np.isnan(predicted), 0.0, y).sum(axis=0)
        predicted_total = np.nansum(predicted, axis=0)
        self.smearing_ = np.divide(seen_total, predicted_total, out=np.ones_like(seen_total), where=predicted_total > 0)
        return self._tokens(log_tokens, smearing=self.smearing_)

    def predict(self, x: FloatArray) -> Estimate:
        """Returns expected tokens, and their spread as far as the exponential is straight (the delta method)."""
        self.check_fitted("smearing_")
        log_tokens = self.predictor.predict(x)
        mean = self._tokens(log_tokens.mean, smearing=self.smearing_)
        return Estimate(mean=mean, sd=(mean + self.smearing_) * log_tokens.sd)

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models) expected tokens."""
        self.check_fitted("smearing_")
        return self._tokens(self.predictor.predict_mean(x), smearing=self.smearing_)

    def _tokens(self, log_tokens: FloatArray, *, smearing: FloatArray | float) -> FloatArray:
        bounded = np.clip(log_tokens, 0.0, np.log1p(self.longest_))
        return np.asarray(np.minimum(smearing * np.expm1(bounded), self.longest_))
