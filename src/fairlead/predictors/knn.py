"""What each model scored on the nearest training prompts, shrunk towards what is expected without looking at them.

Distance is measured in the few directions in which prompts differ most. Where a predictor is given, they are those
in which its predictions differ most, each training prompt taken as it was predicted without its own labels: hundreds of
columns, most of which say nothing of success, become a few that do, and neighbours correct what the predictor bends.

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
from fairlead.predictors.nearness import Near, nearest, relative_distances
from fairlead.statistics.products import by_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.types import FloatArray, IntArray

Float32Array = npt.NDArray[np.float32]

_ROWS_AT_ONCE = 512  # distances are (rows, prompts): bounded memory, whatever the number of prompts
_N_DIMS_OF_PREDICTIONS = 8
_FAR = 1e30


class KNN(Estimator):
    """Predicts the weighted mean score on the `k` nearest prompts.

    Args:
        k: neighbours.
        strength: labels at which neighbours begin to outweigh what is expected without them: the predictor's own
            prediction, or the mean of the model.
        n_dims: directions of the features in which distance is measured, where no predictor is given.
        max_prompts: that may be neighbours, drawn at random from more: it bounds the time of a prediction.
        predictor: says what makes prompts alike; without one, the features do.
        seed: draws them.
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
    origin_: FloatArray
    """(n_features,) or (n_models,): what distances do not depend on, taken away to keep single precision exact."""
    rotation_: FloatArray
    """(n_features, n_dims) or (n_models, n_dims): the directions in which features, or predictions, differ most."""
    noise_: FloatArray
    """(n_models,) mean squared left-out error."""

    def __init__(
        self,
        *,
        k: int = 50,
        strength: float = 10.0,
        n_dims: int = 64,
        max_prompts: int = 4096,
        predictor: Predictor | None = None,
        seed: int = 0,
    ) -> None:
        self.k = k
        self.strength = strength
        self.n_dims = n_dims
        self.max_prompts = max_prompts
        self.predictor = predictor
        self.seed = seed

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Remembers the prompts `x` and their scores `y`."""
        self.fit_left_out(x, y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out predictions: no prompt is its own neighbour."""
        known = ~np.isnan(y)
        self.centre_ = model_means(y)
        expected, points = self._fit_points(x, y)
        chosen = np.random.default_rng(self.seed).permutation(len(x))[: self.max_prompts]
        self.points_ = points[chosen].astype(np.float32)
        self.points_squared_ = np.square(self.points_).sum(axis=1)
        self.labels_ = np.where(known, np.nan_to_num(y - expected), 0.0)[chosen].astype(np.float32)
        self.known_ = known[chosen].astype(np.float32)
        left_out = np.where(known, expected + self._left_out_corrections(points, chosen), np.nan)
        n = known.sum(axis=0)
        self.noise_ = np.where(n > 0, (np.nansum(np.square(left_out - y), axis=0) + 0.25) / (n + 1), np.nan)
        return left_out

    def _fit_points(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns what is expected of each training row without its labels, and where the row lies."""
        if self.predictor is None:
            expected, n_dims = left_out_means(y), self.n_dims
            self.origin_ = x.mean(axis=0)
            away = x - self.origin_
        else:
            left_out, n_dims = self.predictor.fit_left_out(x, y), _N_DIMS_OF_PREDICTIONS
            expected = np.where(np.isnan(y), self.predictor.predict_mean(x), left_out)
            self.origin_ = np.nan_to_num(self.centre_)
            away = np.nan_to_num(expected - self.origin_)
        _, directions = np.linalg.eigh(away.T @ away)
        self.rotation_ = directions[:, -n_dims:]
        return expected, away @ self.rotation_

    def predict(self, x: FloatArray) -> Estimate:
        """Returns mean and spread, (n_requests, n_models) each."""
        expected, rows = self._placed(x)
        correction, n_labels = self._corrections(rows)
        return Estimate(mean=expected + correction, variance=self.noise_ / (n_labels + self.strength))

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models)."""
        expected, rows = self._placed(x)
        return np.asarray(expected + self._corrections(rows)[0])

    def _placed(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns what is expected of each row without neighbours, and where it lies."""
        if self.predictor is None:
            return self.centre_[None], by_row(x - self.origin_[None], self.rotation_)
        expected = self.predictor.predict_mean(x)
        return expected, by_row(np.nan_to_num(expected - self.origin_), self.rotation_)

    def _corrections(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        if len(rows) <= _ROWS_AT_ONCE:
            distance = relative_distances(rows.astype(np.float32), self.points_, self.points_squared_)
            return self._correction(nearest(distance, self.k))
        corrections, n_labels = zip(*map(self._corrections, _parts(rows)), strict=True)
        return np.concatenate(corrections), np.concatenate(n_labels)

    def _left_out_corrections(self, points: FloatArray, chosen: IntArray) -> FloatArray:
        """Returns (n_requests, n_models) what neighbours other than the row itself add."""
        own = np.full(len(points), -1)
        own[chosen] = np.arange(len(chosen))
        corrections = np.empty((len(points), self.labels_.shape[1]))
        for at in range(0, len(points), _ROWS_AT_ONCE):
            rows = np.arange(at, min(at + _ROWS_AT_ONCE, len(points)))
            distance = relative_distances(points[rows].astype(np.float32), self.points_, self.points_squared_)
            among = own[rows] >= 0
            distance[among, own[rows][among]] = _FAR
            corrections[rows] = self._correction(nearest(distance, min(self.k, len(self.points_) - 1)))[0]
        return corrections

    def _correction(self, near: Near) -> tuple[FloatArray, FloatArray]:
        """Returns the shrunk mean deviation of the neighbours, and the labels it rests on, (n, m) each."""
        # k equal neighbours weigh as much as k labels, unequal ones as fewer (Kish's effective number)
        weight = (near.weight / np.vecdot(near.weight, near.weight)[:, None]).astype(np.float32)
        n_labels = by_row(weight, self.known_.take(near.places, axis=0))
        deviation = by_row(weight, self.labels_.take(near.places, axis=0))
        return deviation / (n_labels + self.strength), n_labels


def _parts(rows: FloatArray) -> Iterator[FloatArray]:
    return (rows[at : at + _ROWS_AT_ONCE] for at in range(0, len(rows), _ROWS_AT_ONCE))
