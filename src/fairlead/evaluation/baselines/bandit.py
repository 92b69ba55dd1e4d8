"""An online learner: LinUCB with forgetting, one outcome a prompt, as ParetoBandit deploys it.

    score of model j on x = theta_j' x + alpha sqrt(x' A_j^-1 x) - mean cost of j / worth

It goes once over the training prompts in random order and sees the outcome of the model that it chose and of no other:
the only method here that does not learn from a complete table. Every worth of a right answer is a bandit of its own;
all of them walk in step. After that it serves by its means.

References:
    Li et al., A contextual-bandit approach to personalized news article recommendation, 2010. ParetoBandit, 2026,
    arXiv:2604.00136 (26 principal components, forgetting 0.997, forced first pulls).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluation.baselines.base import Sweep, worth_labels

if TYPE_CHECKING:
    from fairlead.evaluation.baselines.base import Exam, Lesson
    from fairlead.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LinUcb:
    """A cost-penalised LinUCB."""

    alpha: float = 0.3
    forgetting: float = 0.997
    n_components: int = 16
    name: str = "LinUCB"
    bound: bool = False
    about: str = "online, one outcome a prompt, with forgetting and a price for cost (arXiv:2604.00136)"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns what each bandit serves after its walk over the training prompts."""
        learned, asked = _components(lesson.x, exam.x, self.n_components)
        walk = _Walk(len(lesson.worths_usd), lesson.score.shape[1], learned.shape[1], self.forgetting)
        for i in np.random.default_rng(lesson.seed).permutation(len(learned)):
            x = learned[i]
            chosen = walk.choose(x, self.alpha, lesson.worths_usd)
            walk.learn(x, chosen, lesson.score[i, chosen], lesson.cost_usd[i, chosen])
        value = np.einsum("kmd,nd->knm", walk.theta(), asked) - walk.price(lesson.worths_usd)[:, None, :]
        columns = value.argmax(axis=2)
        expected = np.clip(np.einsum("md,nd->nm", walk.theta()[-1], asked), 0, 1)
        return Sweep(
            settings=worth_labels(lesson),
            default=len(columns) - 1,
            columns=columns,
            p_success=expected[np.arange(len(asked)), columns[-1]],
        )


def _components(learned: FloatArray, asked: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Returns leading principal components, of unit variance on the training prompts, beside a constant."""
    centre = learned.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((learned - centre).T))
    scaled = vectors[:, -n:] / np.sqrt(np.maximum(values[-n:], 1e-9) * n)
    return tuple(np.column_stack([np.ones(len(x)), (x - centre) @ scaled]) for x in (learned, asked))  # type: ignore[return-value]


class _Walk:
    """The state of k bandits over m models in d dimensions."""

    def __init__(self, k: int, m: int, d: int, forgetting: float) -> None:
        self.forgetting = forgetting
        self.inverse = np.tile(np.eye(d), (k, m, 1, 1))
        self.moment = np.zeros((k, m, d))
        self.cost_total = np.zeros((k, m))
        self.n = np.zeros((k, m))

    def theta(self) -> FloatArray:
        """Returns (k, m, d)."""
        return np.asarray(np.einsum("kmij,kmj->kmi", self.inverse, self.moment))

    def price(self, worths_usd: FloatArray) -> FloatArray:
        """Returns (k, m) the mean cost so far in units of quality; zero where a model was never called."""
        return np.asarray(self.cost_total / np.maximum(self.n, 1) / worths_usd[:, None])

    def choose(self, x: FloatArray, alpha: float, worths_usd: FloatArray) -> IntArray:
        """Returns (k,) the models of highest optimistic value; each is called once before any twice."""
        reach = self.inverse @ x
        mean = (reach * self.moment).sum(axis=2)
        spread = np.sqrt(np.maximum(reach @ x, 0.0))
        value = mean + alpha * spread - self.price(worths_usd)
        chosen: IntArray = np.where(self.n == 0, np.inf, value).argmax(axis=1)
        return chosen

    def learn(self, x: FloatArray, chosen: IntArray, score: FloatArray, cost_usd: FloatArray) -> None:
        """Takes in one outcome for each bandit; what its model knew before counts a little less (Sherman-Morrison)."""
        k = np.arange(len(chosen))
        inverse = self.inverse[k, chosen] / self.forgetting
        reach = inverse @ x
        inverse -= reach[:, :, None] * reach[:, None, :] / (1.0 + reach @ x)[:, None, None]
        self.inverse[k, chosen] = inverse
        self.moment[k, chosen] = self.forgetting * self.moment[k, chosen] + score[:, None] * x
        self.cost_total[k, chosen] += cost_usd
        self.n[k, chosen] += 1
