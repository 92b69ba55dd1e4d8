"""A table of clusters by models, shrunk: what each model scored on the kind of prompt that this one is.

    prompts -k-means-> clusters       cell (cluster, model) -> cluster -> model: few labels stay close to what many say

A prompt belongs to several clusters, near ones more (`nearness`). With residuals r = score - model mean, the effect of
a cluster is its mean residual over all models, shrunk by its prompts; that of a cell is what is left, shrunk by its
labels. Both strengths have the smallest left-out error.

References:
    Zhang et al., Beyond GPT-5: making LLMs cheaper and better via performance-efficiency optimized routing
    (Avengers-Pro), 2025, arXiv:2508.12631. Jitkrittum et al., Universal model routing (UniRoute), 2025,
    arXiv:2502.08773. Neither shrinks; Efron, Morris, Data analysis using Stein's estimator, 1975, says why we do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from fairlead.estimator import Estimator
from fairlead.predictors.base import Estimate
from fairlead.predictors.means import shrunk_mean
from fairlead.predictors.nearness import Near, nearest, relative_distances
from fairlead.statistics.products import by_row

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray

Float32Array = npt.NDArray[np.float32]

STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Labels at which a cluster, or a cell, weighs as much as what it is drawn towards."""

_MAX_PROMPTS = 4096  # that k-means looks at
_N_STEPS = 20
_PROMPTS_PER_CLUSTER = 10


class Clusters(Estimator):
    """Predicts the mean score of each model on the clusters that a prompt is near.

    Args:
        n_clusters: at most; fewer where a cluster would have less than `_PROMPTS_PER_CLUSTER` prompts.
        n_nearest: clusters that a prompt belongs to.
        strength: labels at which a cluster, or a cell, begins to speak for itself; chosen by left-out error where not
            given.
        seed: of the first centres.
    """

    centres_: Float32Array
    """(n_clusters, n_features)."""
    centres_squared_: Float32Array
    """(n_clusters,) their squared lengths."""
    table_: FloatArray
    """(n_clusters, n_models) expected score."""
    variance_: FloatArray
    """(n_clusters, n_models) of the same."""

    def __init__(
        self, *, n_clusters: int = 64, n_nearest: int = 3, strength: float | None = None, seed: int = 0
    ) -> None:
        self.n_clusters = n_clusters
        self.n_nearest = n_nearest
        self.strength = strength
        self.seed = seed

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Learns the clusters from `x`, and the table from `y`."""
        self.fit_left_out(x, y)
        return self

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out predictions; the clusters, which see no label, stay."""
        self.centres_ = _k_means(x.astype(np.float32), self._n_clusters(len(x)), np.random.default_rng(self.seed))
        self.centres_squared_ = np.square(self.centres_).sum(axis=1)
        counts = _Counts.of(self._near(x), y, len(self.centres_))
        strengths = STRENGTHS if self.strength is None else (self.strength,)
        tried = [(counts.left_out(cluster, cell), cluster, cell) for cluster in strengths for cell in strengths]
        left_out, cluster, cell = min(tried, key=lambda attempt: float(np.nansum(np.square(attempt[0] - y))))
        self.table_, weight = counts.table(cluster, cell)
        n = (~np.isnan(y)).sum(axis=0)
        noise = (np.nansum(np.square(left_out - y), axis=0) + 0.25) / (n + 1)
        self.variance_ = np.where(n > 0, noise * (1.0 / weight + 1.0 / np.maximum(n, 1)), np.nan)
        return left_out

    def predict(self, x: FloatArray) -> Estimate:
        """Returns mean and spread, (n_requests, n_models) each."""
        near = self._near(x)
        return Estimate(
            mean=_mixed(self.table_, near.places, near.weight),
            variance=_mixed(self.variance_, near.places, np.square(near.weight)),
        )

    def predict_mean(self, x: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models)."""
        near = self._near(x)
        return _mixed(self.table_, near.places, near.weight)

    def _n_clusters(self, n_prompts: int) -> int:
        return max(min(self.n_clusters, n_prompts // _PROMPTS_PER_CLUSTER), 1)

    def _near(self, x: FloatArray) -> Near:
        return nearest(relative_distances(x.astype(np.float32), self.centres_, self.centres_squared_), self.n_nearest)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """Weighted labels of every cell, and of every row in its own cells."""

    y: FloatArray
    """(n, m), 0 where not measured."""
    known: FloatArray
    """(n, m) 1 where measured."""
    near: Near
    n_clusters: int

    @classmethod
    def of(cls, near: Near, y: FloatArray, n_clusters: int) -> Self:
        known = ~np.isnan(y)
        return cls(y=np.where(known, y, 0.0), known=known.astype(np.float64), near=near, n_clusters=n_clusters)

    def table(self, cluster: float, cell: float) -> tuple[FloatArray, FloatArray]:
        """Returns the shrunk table, and the labels that stand behind each cell."""
        mean = shrunk_mean(self.y.sum(axis=0), self.known.sum(axis=0))
        score, labels, prompts = self._sums()
        return _shrunk(score, labels, prompts, mean, cluster=cluster, cell=cell), labels + cell

    def left_out(self, cluster: float, cell: float) -> FloatArray:
        """Returns (n, m) what the table without a row says of it, NaN where it was not measured."""
        score, labels, prompts = self._sums()
        mean = shrunk_mean(self.y.sum(axis=0) - self.y, self.known.sum(axis=0) - self.known)
        measured = self.known.any(axis=1)
        predicted = np.zeros_like(self.y)
        for index, weight in zip(self.near.places.T, self.near.weight.T, strict=True):
            own = weight[:, None]
            shrunk = _shrunk(
                score[index] - own * self.y,
                labels[index] - own * self.known,
                prompts[index] - weight * measured,
                mean,
                cluster=cluster,
                cell=cell,
            )
            predicted += own * shrunk
        return np.where(self.known > 0, predicted, np.nan)

    def _sums(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        membership = np.zeros((len(self.y), self.n_clusters))
        np.put_along_axis(membership, self.near.places, self.near.weight, axis=1)
        return membership.T @ self.y, membership.T @ self.known, membership.T @ self.known.any(axis=1)


def _shrunk(
    score: FloatArray, labels: FloatArray, prompts: FloatArray, mean: FloatArray, *, cluster: float, cell: float
) -> FloatArray:
    """Returns expected scores (k, m) from sums of scores and labels (k, m) and of prompts (k,)."""
    residual = np.where(labels > 0, score - labels * mean, 0.0)
    n_labels = np.maximum(labels.sum(axis=-1, keepdims=True), 1e-9)
    trust = prompts / (prompts + cluster)
    effect = trust[..., None] * residual.sum(axis=-1, keepdims=True) / n_labels
    return np.asarray(mean + effect + (residual - labels * effect) / (labels + cell))


def _mixed(table: FloatArray, index: IntArray, weight: FloatArray) -> FloatArray:
    """Returns (n, m) the weighted sums of the rows of `table` at `index` (n, k)."""
    return by_row(weight, table.take(index, axis=0))


def _k_means(x: Float32Array, n_clusters: int, rng: np.random.Generator) -> Float32Array:
    """Returns the centres that Lloyd's algorithm finds; one that loses all its prompts stays where it was."""
    x = x[rng.permutation(len(x))[:_MAX_PROMPTS]]
    centres = x[:n_clusters].copy()
    for _ in range(_N_STEPS):
        nearest_centre = (np.square(centres).sum(axis=1) - 2.0 * x @ centres.T).argmin(axis=1)
        membership = (nearest_centre[:, None] == np.arange(n_clusters)).astype(np.float32)
        size = membership.sum(axis=0)[:, None]
        centres = np.where(size > 0, membership.T @ x / np.maximum(size, 1.0), centres)
    return centres
