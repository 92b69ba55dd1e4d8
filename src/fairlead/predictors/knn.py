"""What each model scored on the nearest training prompts, shrunk towards what is expected without looking at them.

Nearness is a matter of the scores: where another predictor is given, two prompts are near when it predicts the same of
both, each training prompt as it was predicted without its own labels. That turns hundreds of columns, most of which say
nothing of success, into a few that do, and lets neighbours correct what the predictor bends.

References:
    Li, Rethinking predictive modeling for LLM routing: when simple kNN beats complex learned routers, 2025,
    arXiv:2505.12601. Epanechnikov weights: see `nearness`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate, Predictor
from fairlead.predictors.means import left_out_means, model_means
from fairlead.predictors.nearness import Near, nearest, squared_distances

if TYPE_CHECKING:
    from fairlead.types import FloatArray

Float32Array = npt.NDArray[np.float32]

_ROWS_AT_ONCE = 512  # distances are (rows, prompts): bounded memory, whatever the number of prompts
_N_DIMS = 8
_FAR = 1e30


class KNN(Estimator):
    """Predicts the weighted mean score on the `k` nearest prompts.

    Args:
        k: neighbours.
        strength: labels at which neighbours begin to outweigh what is expected without them: the predictor's own
            prediction, or the mean of the model.
        predictor: says what makes prompts alike; without one, all columns do.
    """

    points_: Float32Array
    """(n_prompts, n_dims) training prompts, where nearness is measured."""
    points_squared_: Float32Array
    labels_: Float32Array
    """(n_prompts, n_models) scores minus what is expected without neighbours, 0 where not measured."""
    known_: Float32Array
    """(n_prompts, n_models) 1 where measured."""
    centre_: FloatArray
    """(n_models,) mean score; without a predictor it is what is expected."""
    rotation_: FloatArray
    """(n_models, n_dims) the directions in which predictions differ most."""
    noise_: FloatArray
    """(n_models,) mean squared left-out error."""

    def __init__(self, *, k: int = 100, strength: float = 10.0, predictor: Predictor | None = None) -> None:
        self.k = k
        self.strength = strength
        self.predictor = predictor

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Remembers the prompts `x` and their scores `y`."""
        self.fit_left_out(x, y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out predictions: no prompt is its own neighbour."""
        known = ~np.isnan(y)
        self.centre_ = model_means(y)
        expected, points = self._fit_points(x, y)
        self.points_ = points.astype(np.float32)
        self.points_squared_ = np.square(self.points_).sum(axis=1)
        self.labels_ = np.where(known, np.nan_to_num(y - expected), 0.0).astype(np.float32)
        self.known_ = known.astype(np.float32)
        left_out = np.where(known, expected + self._left_out_corrections(), np.nan)
        n = known.sum(axis=0)
        self.noise_ = np.where(n > 0, (np.nansum(np.square(left_out - y), axis=0) + 0.25) / (n + 1), np.nan)
        return left_out

    def _fit_points(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns what is expected of each training row without its labels, and where the row lies."""
        if self.predictor is None:
            return left_out_means(y), x
        left_out = self.predictor.fit_left_out(x, y)
        expected = np.where(np.isnan(y), self.predictor.predict_mean(x), left_out)
        away = np.nan_to_num(expected - self.centre_)
        _, directions = np.linalg.eigh(away.T @ away)
        self.rotation_ = directions[:, -_N_DIMS:]
        return expected, away @ self.rotation_

    def predict(self, x: FloatArray) -> Estimate:
        """Returns mean and spread, (n_requests, n_models) each."""
        self.check_fitted("points_")
        expected, rows = self._placed(x)
        correction, n_labels = self._correction(self._near(rows))
        return Estimate(mean=expected + correction, sd=np.sqrt(self.noise_ / (n_labels + self.strength)))

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models)."""
        self.check_fitted("points_")
        expected, rows = self._placed(x)
        return np.asarray(expected + self._correction(self._near(rows))[0])

    def _placed(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self.predictor is None:
            return self.centre_, x
        expected = self.predictor.predict_mean(x)
        return expected, np.nan_to_num(expected - self.centre_) @ self.rotation_

    def _near(self, rows: FloatArray) -> Near:
        found = [
            nearest(squared_distances(part.astype(np.float32), self.points_, self.points_squared_), self.k)
            for part in _parts(rows)
        ]
        return _joined(found)

    def _left_out_corrections(self) -> FloatArray:
        corrections = np.empty(self.labels_.shape)
        for at in range(0, len(self.points_), _ROWS_AT_ONCE):
            rows = np.arange(at, min(at + _ROWS_AT_ONCE, len(self.points_)))
            distance = squared_distances(self.points_[rows], self.points_, self.points_squared_)
            distance[np.arange(len(rows)), rows] = _FAR
            near = nearest(distance, min(self.k, len(self.points_) - 1))
            corrections[rows] = self._correction(near)[0]
        return corrections

    def _correction(self, near: Near) -> tuple[FloatArray, FloatArray]:
        """Returns the shrunk mean deviation of the neighbours, and the labels it rests on, (n, m) each."""
        # k equal neighbours weigh as much as k labels, unequal ones as fewer (Kish's effective number)
        weight = near.weight / np.square(near.weight).sum(axis=1, keepdims=True)
        shape = (len(weight), self.labels_.shape[1])
        deviation, n_labels = np.empty(shape), np.empty(shape)
        for i, (index, own) in enumerate(zip(near.index, weight, strict=True)):
            deviation[i] = own @ self.labels_.take(index, axis=0)
            n_labels[i] = own @ self.known_.take(index, axis=0)
        return deviation / (n_labels + self.strength), n_labels


def _parts(rows: FloatArray) -> list[FloatArray]:
    return [rows[at : at + _ROWS_AT_ONCE] for at in range(0, max(len(rows), 1), _ROWS_AT_ONCE)]


def _joined(parts: list[Near]) -> Near:
    if len(parts) == 1:
        return parts[0]
    return Near(
        index=np.concatenate([part.index for part in parts]), weight=np.concatenate([part.weight for part in parts])
    )
