"""Several predictors as one, weighed by what they were worth on rows that they had not learned.

    prediction = mean of the model + how hard the prompt is for all + what sets this model apart

Predictors differ in which of the two they are good at, and choosing between models rests on the second alone, which is
faint. So each has two weights: one for the prompt's mean over the models, one for the deviations from it. Weights are
not negative and need not add up to 1: what does not hold on left-out rows is shrunk towards the mean of the model.

References:
    Wolpert, Stacked generalization, 1992. Breiman, Stacked regressions, 1996, on weights that are not negative.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate, Predictor
from fairlead.predictors.means import model_means

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import FloatArray

_N_STEPS = 500
_BELIEF_APART = 0.85
"""Whoever is chosen looks best, and so is overrated. With this factor on the second weights predictions are as good and
choices better: see design/predictors.md."""

_STRENGTH = 20.0  # labels' worth of belief in equal weights


class Ensemble(Estimator):
    """Predicts the weighted mean of its members.

    Args:
        members: predictors of one quantity.
    """

    mean_: FloatArray
    """(n_models,)."""
    weight_: FloatArray
    """(3, n_members): for what a prompt means to all models, for what sets them apart; and shares, that add up to 1."""

    def __init__(self, *, members: Sequence[Predictor]) -> None:
        self.members = tuple(members)

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Fits the members, and weighs them."""
        self.fit_left_out(x, y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out predictions, NaN where not measured."""
        self.forget()
        left_out = np.stack([member.fit_left_out(x, y) for member in self.members])
        self.mean_ = model_means(y)
        target = np.where(np.isnan(left_out).any(axis=0), np.nan, y)
        away = np.where(np.isnan(target), np.nan, left_out - self.mean_)
        common, apart = _parted(away)
        wanted_common, wanted_apart = _parted(target - self.mean_)
        shared, own = _weights(common, wanted_common), _BELIEF_APART * _weights(apart, wanted_apart)
        trust = shared + own + 1e-9
        self.weight_ = np.stack([shared, own, trust / trust.sum()])
        return np.asarray(self.mean_ + np.tensordot(shared, common, axes=1) + np.tensordot(own, apart, axes=1))

    def predict(self, x: FloatArray) -> Estimate:
        """Returns mean and spread: what the members do not know, and how far they disagree."""
        means, variances = map(np.array, zip(*[member.predict(x) for member in self.members], strict=True))
        away = means - self.mean_
        shared, own, mixed = _mixed(self.weight_, away)
        # what members do not know, and how far they disagree: E[sd^2] + E[away^2] - E[away]^2 over their shares
        variance = _mixed(self.weight_[2], variances + np.square(away)) - np.square(mixed)
        return Estimate(mean=self._combined(shared, own), variance=np.maximum(variance, 0.0))

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models)."""
        away = np.array([member.predict_mean(x) for member in self.members]) - self.mean_
        return self._combined(*_mixed(self.weight_[:2], away))

    def _combined(self, shared: FloatArray, own: FloatArray) -> FloatArray:
        """Returns the prediction from what the members expect beyond the mean, weighed in both ways."""
        beyond = shared - own
        known = beyond if self._all_known else beyond[:, ~np.isnan(self.mean_)]
        common = known.sum(axis=1, keepdims=True) / max(known.shape[1], 1)
        return np.asarray(self.mean_[None] + own + common)

    @cached_property
    def _all_known(self) -> bool:
        """Whether every model was measured."""
        return not np.isnan(self.mean_).any()


def _mixed(weight: FloatArray, parts: FloatArray) -> FloatArray:
    """Returns (..., n, m) the sums of `parts` (n_members, n, m), weighted by `weight` (..., n_members)."""
    return np.asarray((weight[..., None, None] * parts).sum(axis=-3))


def _parted(away: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns the mean over the known models (..., n, 1), and the deviations from it (..., n, m)."""
    known = ~np.isnan(away)
    common = np.where(known, away, 0.0).sum(axis=-1, keepdims=True) / np.maximum(known.sum(axis=-1, keepdims=True), 1)
    return common, away - common


def _weights(predicted: FloatArray, wanted: FloatArray) -> FloatArray:
    """Returns (k,) the non-negative weights of `predicted` (k, ...) that come closest to `wanted`, by coordinates."""
    known = ~np.isnan(wanted)
    columns = np.stack([part[known] for part in predicted])
    k = len(columns)
    gram, right = columns @ columns.T, columns @ wanted[known]
    prior = _STRENGTH * np.trace(gram) / max(k * known.sum(), 1)
    gram, right = gram + prior * np.eye(k), right + prior / k
    weights = np.full(k, 1.0 / k)
    for _ in range(_N_STEPS):
        for i in range(k):
            rest = right[i] - gram[i] @ weights + gram[i, i] * weights[i]
            weights[i] = max(rest, 0.0) / max(gram[i, i], 1e-12)
    return weights
