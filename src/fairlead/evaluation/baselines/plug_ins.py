"""Many-model methods: predict every model's quality, then take the best trade against cost.

They are as the literature defines them: neither shrunk, nor calibrated, nor guarded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluation.baselines.base import Sweep, plug_in, standardised
from fairlead.evaluation.baselines.networks import Perceptron
from fairlead.predictors import ItemResponse, Linear

if TYPE_CHECKING:
    from fairlead.evaluation.baselines.base import Exam, Lesson
    from fairlead.types import FloatArray, IntArray

NEIGHBOURS = (10, 40, 100)
"""To choose from; RouterBench has 5, 10 and 40, CARROT 32."""

_AT_ONCE = 512  # rows whose similarities are held at a time
_N_TUNING = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestNeighbours:
    """kNN of RouterBench: mean outcome of the nearest training prompts, mean cost of each model."""

    name: str = "kNN"
    bound: bool = False
    about: str = "mean score of the k nearest training prompts, k of 10, 40, 100 by left-out error (arXiv:2403.12031)"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns the plug-in rule over what the neighbours scored."""
        nearest = _neighbours(lesson, exam)
        return plug_in(lesson, lesson.score[nearest].mean(axis=1), lesson.mean_cost_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrot:
    """CARROT: both quality and cost of each prompt from its nearest training prompts."""

    name: str = "CARROT"
    bound: bool = False
    about: str = "plug-in rule over quality and cost, both from the k nearest training prompts (arXiv:2502.03261)"

    def applies(self, lesson: Lesson) -> bool:
        """Says whether costs are known: without them it is kNN."""
        return lesson.costed

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns the plug-in rule over what the neighbours scored and cost."""
        nearest = _neighbours(lesson, exam)
        return plug_in(lesson, lesson.score[nearest].mean(axis=1), lesson.cost_usd[nearest].mean(axis=1))


def _neighbours(lesson: Lesson, exam: Exam) -> IntArray:
    """Returns (n, k) the training prompts nearest to each prompt of the exam, by cosine."""
    learned, asked = standardised(lesson.x, lesson.x), standardised(exam.x, lesson.x)
    sample = np.linspace(0, len(learned) - 1, min(_N_TUNING, len(learned))).astype(np.int64)
    most = min(max(NEIGHBOURS), len(learned) - 1)
    left_out = _nearest(learned[sample], learned, most + 1)[:, 1:]  # the first is the prompt itself
    errors = {
        k: np.square(lesson.score[left_out[:, :k]].mean(axis=1) - lesson.score[sample]).mean() for k in NEIGHBOURS
    }
    return _nearest(asked, learned, min(min(errors, key=lambda k: errors[k]), most))


def _nearest(rows: FloatArray, among: FloatArray, k: int) -> IntArray:
    rows, among = rows.astype(np.float32), among.astype(np.float32)
    found = np.empty((len(rows), k), dtype=np.int64)
    for start in range(0, len(rows), _AT_ONCE):
        similarity = rows[start : start + _AT_ONCE] @ among.T
        few = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(similarity, few, axis=1), axis=1, kind="stable")
        found[start : start + _AT_ONCE] = np.take_along_axis(few, order, axis=1)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """A linear regression of each model's score."""

    name: str = "ridge"
    bound: bool = False
    about: str = "ridge regression of each model's score, strength by left-out error; mean costs"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns the plug-in rule over the regressions."""
        return plug_in(lesson, Linear().fit(lesson.x, lesson.score).predict_mean(exam.x), lesson.mean_cost_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mlp:
    """A perceptron with one hidden layer, one output a model."""

    name: str = "MLP"
    bound: bool = False
    about: str = "perceptron with one hidden layer of 128, stopped early; mean costs (arXiv:2403.12031)"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns the plug-in rule over its outputs."""
        network = Perceptron(seed=lesson.seed).fit(lesson.x, lesson.score)
        return plug_in(lesson, network.predict(exam.x), lesson.mean_cost_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirt:
    """IRT-Router's MIRT: ability of each model, discrimination and difficulty of each prompt."""

    name: str = "MIRT"
    bound: bool = False
    about: str = "multidimensional item response, items regressed from features; mean costs (arXiv:2506.01048)"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns the plug-in rule over the chances of success."""
        fitted = ItemResponse(seed=lesson.seed).fit(lesson.x, lesson.score)
        return plug_in(lesson, fitted.predict_mean(exam.x), lesson.mean_cost_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class AvengersPro:
    """Avengers-Pro: in each cluster of prompts, a weighted sum of normalised accuracy and normalised cheapness."""

    n_clusters: int = 60
    n_nearest: int = 3
    name: str = "Avengers-Pro"
    bound: bool = False
    about: str = "k-means clusters, normalised accuracy and cost in each, the nearest three averaged (arXiv:2508.12631)"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns its choice for each weight of accuracy from 0 to 1; of 1 alone where no cost is known."""
        learned, asked = standardised(lesson.x, lesson.x), standardised(exam.x, lesson.x)
        centres, label = _k_means(learned, min(self.n_clusters, len(learned)), np.random.default_rng(lesson.seed))
        accuracy = np.stack([lesson.score[label == c].mean(axis=0) for c in range(len(centres))])
        cost = np.stack([lesson.cost_usd[label == c].mean(axis=0) for c in range(len(centres))])
        low, high = accuracy.min(axis=1, keepdims=True), accuracy.max(axis=1, keepdims=True)
        good = np.where(high > low, (accuracy - low) / np.maximum(high - low, 1e-12), 1.0)
        cheap = 1.0 - cost / np.maximum(cost.max(axis=1, keepdims=True), 1e-300)
        near = _nearest(asked, centres, min(self.n_nearest, len(centres)))
        weights = np.linspace(0, 1, len(lesson.worths_usd)) if lesson.costed else np.array([1.0])
        columns = np.stack(
            [(w * good + (1 - w) * cheap + 1e-9 * cheap)[near].mean(axis=1).argmax(axis=1) for w in weights]
        )
        expected = accuracy[near].mean(axis=1)
        return Sweep(
            settings=tuple(f"weight {w:.3g}" for w in weights),
            default=len(weights) - 1,
            columns=columns,
            p_success=expected[np.arange(len(exam)), columns[-1]],
            win_rate=expected[:, lesson.reference] - expected[:, 1 - lesson.reference] if good.shape[1] == 2 else None,
        )


def _k_means(
    x: FloatArray, n_clusters: int, rng: np.random.Generator, n_steps: int = 25
) -> tuple[FloatArray, IntArray]:
    """Returns centres, none of them empty, and the cluster of each row; it starts as k-means++ does."""
    centres = x[[rng.integers(len(x))]]
    away = np.square(x - centres[0]).sum(axis=1)
    while len(centres) < n_clusters and away.sum() > 0:
        centres = np.vstack([centres, x[rng.choice(len(x), p=away / away.sum())]])
        away = np.minimum(away, np.square(x - centres[-1]).sum(axis=1))
    label = np.zeros(len(x), dtype=np.int64)
    for _ in range(n_steps):
        label = (np.square(centres).sum(axis=1) - 2 * (x @ centres.T)).argmin(axis=1)
        filled, label = np.unique(label, return_inverse=True)
        moved = np.zeros((len(filled), x.shape[1]))
        np.add.at(moved, label, x)
        moved /= np.bincount(label)[:, None]
        if moved.shape == centres.shape and np.allclose(moved, centres):
            break
        centres = moved
    return centres, label
