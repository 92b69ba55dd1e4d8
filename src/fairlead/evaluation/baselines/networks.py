"""Two small networks in numpy, trained by Adam: a perceptron, and RouteLLM's factorisation of battles.

References:
    Kingma, Ba, Adam: a method for stochastic optimization, 2015.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.statistics.calibration import sigmoid

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray

    Weights = dict[str, FloatArray]

_BATCH = 256


@dataclass(slots=True, kw_only=True)
class _Adam:
    """Steps against the gradient, each weight at its own pace; weights decay apart from that."""

    rate: float = 1e-3
    decay: float = 1e-4
    n: int = 0
    mean: Weights = field(default_factory=dict)
    square: Weights = field(default_factory=dict)

    def step(self, weights: Weights, gradients: Weights) -> None:
        """Changes the weights in place."""
        self.n += 1
        for name, gradient in gradients.items():
            mean = self.mean[name] = 0.9 * self.mean.get(name, 0.0) + 0.1 * gradient
            square = self.square[name] = 0.999 * self.square.get(name, 0.0) + 0.001 * gradient**2
            pace = self.rate / (np.sqrt(square / (1 - 0.999**self.n)) + 1e-8)
            weights[name] -= pace * mean / (1 - 0.9**self.n) + self.rate * self.decay * weights[name]


@dataclass(slots=True, kw_only=True)
class Perceptron:
    """One hidden layer of rectified units, one sigmoid output a column; stopped when left-out rows get worse."""

    n_hidden: int = 128
    n_epochs: int = 40
    patience: int = 4
    seed: int = 0
    weights: Weights = field(default_factory=dict)

    def fit(self, x: FloatArray, y: FloatArray) -> Self:
        """Learns `y` (n, m) in [0, 1] from `x` (n, n_features)."""
        rng = np.random.default_rng(self.seed)
        scale = np.sqrt(2.0 / x.shape[1])
        mean = np.clip(y.mean(axis=0), 0.01, 0.99)
        self.weights = {
            "in": rng.normal(0, scale, (x.shape[1], self.n_hidden)),
            "bias": np.zeros(self.n_hidden),
            "out": rng.normal(0, 0.1 / np.sqrt(self.n_hidden), (self.n_hidden, y.shape[1])),
            "bias_out": np.log(mean / (1 - mean)),
        }
        order = rng.permutation(len(x))
        n_left_out = max(1, len(x) // 10)
        left_out, learned = order[:n_left_out], order[n_left_out:]
        self._train(x, y, learned, left_out, rng)
        return self

    def _train(
        self, x: FloatArray, y: FloatArray, learned: IntArray, left_out: IntArray, rng: np.random.Generator
    ) -> None:
        adam, best, best_error, waited = _Adam(), self._copy(), np.inf, 0
        for _ in range(self.n_epochs):
            for start in range(0, len(learned), _BATCH):
                rows = learned[start : start + _BATCH]
                adam.step(self.weights, self._gradients(x[rows], y[rows]))
            learned = rng.permutation(learned)
            error = float(np.square(self.predict(x[left_out]) - y[left_out]).mean())
            waited += 1
            if error < best_error:
                best, best_error, waited = self._copy(), error, 0
            if waited > self.patience:
                break
        self.weights = best

    def _copy(self) -> Weights:
        return {name: weight.copy() for name, weight in self.weights.items()}

    def _gradients(self, x: FloatArray, y: FloatArray) -> Weights:
        hidden = np.maximum(x @ self.weights["in"] + self.weights["bias"], 0.0)
        error = (sigmoid(hidden @ self.weights["out"] + self.weights["bias_out"]) - y) / len(x)
        back = (error @ self.weights["out"].T) * (hidden > 0)
        return {"in": x.T @ back, "bias": back.sum(axis=0), "out": hidden.T @ error, "bias_out": error.sum(axis=0)}

    def predict(self, x: FloatArray) -> FloatArray:
        """Returns (n, m) in (0, 1)."""
        hidden = np.maximum(x @ self.weights["in"] + self.weights["bias"], 0.0)
        return sigmoid(hidden @ self.weights["out"] + self.weights["bias_out"])


@dataclass(slots=True, kw_only=True)
class BattleFactors:
    """RouteLLM's matrix factorisation: P(a beats b on x) = sigmoid((v_a - v_b) . (x W + w_0)).

    The paper's last layer is linear and is contained in v. Battles are pairs of models on one prompt; a draw counts
    half for either.
    """

    n_dims: int = 64
    n_epochs: int = 15
    battles_per_prompt: int = 8
    seed: int = 0
    weights: Weights = field(default_factory=dict)

    def fit(self, x: FloatArray, score: FloatArray) -> Self:
        """Learns from battles between the models, whose scores are (n, m)."""
        rng = np.random.default_rng(self.seed)
        m = score.shape[1]
        self.weights = {
            "models": rng.normal(0, 0.1, (m, self.n_dims)),
            "in": rng.normal(0, 1 / np.sqrt(x.shape[1]), (x.shape[1], self.n_dims)),
            "bias": np.ones(self.n_dims),
        }
        row, a, b = self._battles(len(x), m, rng)
        won = 0.5 + 0.5 * np.sign(score[row, a] - score[row, b])
        adam = _Adam(decay=1e-2)
        for _ in range(self.n_epochs):
            order = rng.permutation(len(row))
            for start in range(0, len(row), _BATCH):
                at = order[start : start + _BATCH]
                adam.step(self.weights, self._gradients(x[row[at]], a[at], b[at], won[at]))
        return self

    def _battles(self, n: int, m: int, rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
        n_each = min(self.battles_per_prompt, m * (m - 1) // 2)
        row = np.repeat(np.arange(n), n_each)
        a = rng.integers(m, size=len(row))
        return row, a, (a + rng.integers(1, m, size=len(row))) % m

    def _gradients(self, x: FloatArray, a: IntArray, b: IntArray, won: FloatArray) -> Weights:
        models = self.weights["models"]
        inside, apart = x @ self.weights["in"] + self.weights["bias"], models[a] - models[b]
        error = ((sigmoid((apart * inside).sum(axis=1)) - won) / len(x))[:, None]
        sign = np.zeros((len(models), len(x)))
        sign[a, np.arange(len(x))] += 1
        sign[b, np.arange(len(x))] -= 1
        back = error * apart
        return {"models": sign @ (error * inside), "in": x.T @ back, "bias": back.sum(axis=0)}

    def win_rate(self, x: FloatArray, a: int, b: int) -> FloatArray:
        """Returns (n,) the chance that model `a` beats model `b`."""
        apart = self.weights["models"][a] - self.weights["models"][b]
        return sigmoid((x @ self.weights["in"] + self.weights["bias"]) @ apart)
