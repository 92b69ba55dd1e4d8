"""Two-model methods: RouteLLM's pair, decided on the prompt, and FrugalGPT's cascade, decided on the cheap answer."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluation.baselines.base import WORTHS, Sweep
from fairlead.evaluation.baselines.networks import BattleFactors, Perceptron
from fairlead.statistics.frontiers import area_over_hull
from fairlead.statistics.hulls import hull

if TYPE_CHECKING:
    from fairlead.evaluation.baselines.base import Exam, Lesson
    from fairlead.outcomes.columns import ObjectArray
    from fairlead.types import BoolArray, FloatArray, IntArray

_N_BUCKETS = 16


def _cuts(score: FloatArray) -> FloatArray:
    """Returns (n_settings,) cuts between equal parts of the scores of training prompts, all of them included."""
    cuts = np.quantile(score, np.linspace(0, 1, len(WORTHS)))
    cuts[0], cuts[-1] = -np.inf, np.inf
    return cuts


def _labels(n: int) -> tuple[str, ...]:
    return tuple(f"cut above {part:.0%}" for part in np.linspace(0, 1, n)) if n > 1 else ("even chance",)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLlm:
    """RouteLLM's matrix factorisation over the reference and a far cheaper model."""

    name: str = "RouteLLM MF"
    bound: bool = False
    about: str = (
        "matrix factorisation of battles, threshold between the reference and a far cheaper model (arXiv:2406.18665)"
    )

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns the pair at thresholds that cut the training prompts into equal parts; without costs at one half."""
        factors = BattleFactors(seed=lesson.seed).fit(lesson.x, lesson.score)
        strong, weak = lesson.reference, lesson.weak
        rate = factors.win_rate(exam.x, strong, weak)
        cuts = _cuts(factors.win_rate(lesson.x, strong, weak)) if lesson.costed else np.array([0.5])
        return Sweep(
            settings=_labels(len(cuts)),
            default=0,  # everything to the strong model
            columns=np.where(rate >= cuts[:, None], strong, weak).astype(np.int64),
            win_rate=rate if lesson.score.shape[1] == 2 else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FrugalGpt:
    """FrugalGPT: ask a cheap model, score its answer, and go on to the reference where the score is low."""

    name: str = "FrugalGPT"
    bound: bool = False
    about: str = "two-model cascade: a learned scorer of the cheap answer, threshold, the reference (arXiv:2305.05176)"

    def applies(self, lesson: Lesson) -> bool:
        """Says whether there are answers to score, and costs."""
        return lesson.costed and lesson.answered

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns the cascade, with the cheap model that did best on left-out training prompts, at many cuts."""
        weak = max(self._first_models(lesson), key=lambda column: _rehearsed(lesson, column))
        rows = np.arange(len(lesson.x))
        scorer = _Scorer.fitted(lesson, weak, rows)
        cuts = _cuts(scorer.score(lesson.x, lesson.train.answer[:, weak], lesson.train.output_chars[:, weak]))
        goes_on = scorer.score(exam.x, *exam.reply(weak)) < cuts[:, None]
        recorded = exam.recorded
        return _cascade(goes_on, recorded.score, recorded.cost_usd, weak, lesson.reference)

    @staticmethod
    def _first_models(lesson: Lesson, n_most: int = 4) -> list[int]:
        corners = hull(lesson.mean_cost_usd, lesson.score.mean(axis=0))
        cheaper = [int(c) for c in corners if lesson.mean_cost_usd[c] < lesson.mean_cost_usd[lesson.reference]]
        return cheaper[-n_most:] or [lesson.weak]


def _cascade(goes_on: BoolArray, score: FloatArray, cost_usd: FloatArray, weak: int, strong: int) -> Sweep:
    return Sweep(
        settings=_labels(len(goes_on)),
        default=len(goes_on) - 1,  # everything goes on
        score=np.where(goes_on, score[:, strong], score[:, weak]),
        cost_usd=cost_usd[:, weak] + goes_on * cost_usd[:, strong],
    )


def _rehearsed(lesson: Lesson, weak: int) -> float:
    """Returns the area over the hull that a cascade from this model reaches on a third of the training prompts."""
    order = np.random.default_rng(lesson.seed).permutation(len(lesson.x))
    learned, asked = order[: 2 * len(order) // 3], order[2 * len(order) // 3 :]
    scorer = _Scorer.fitted(lesson, weak, learned)
    trust = scorer.score(lesson.x, lesson.train.answer[:, weak], lesson.train.output_chars[:, weak])
    cuts = _cuts(trust[learned])
    score, cost_usd = lesson.score[asked], lesson.cost_usd[asked]
    sweep = _cascade(trust[asked] < cuts[:, None], score, cost_usd, weak, lesson.reference)
    assert sweep.score is not None
    assert sweep.cost_usd is not None
    points = sweep.cost_usd.mean(axis=1), sweep.score.mean(axis=1)
    return float(area_over_hull(*points, cost_usd.mean(axis=0), score.mean(axis=0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scorer:
    """Predicts from prompt and answer whether the answer is right, in the place of the paper's DistilBERT."""

    network: Perceptron

    @classmethod
    def fitted(cls, lesson: Lesson, column: int, rows: IntArray) -> _Scorer:
        answer, chars = lesson.train.answer[rows, column], lesson.train.output_chars[rows, column]
        seen = np.hstack([lesson.x[rows], _of_answer(answer, chars)])
        return cls(network=Perceptron(n_hidden=32, seed=lesson.seed).fit(seen, lesson.score[rows, [column]][:, None]))

    def score(self, x: FloatArray, answer: ObjectArray, chars: FloatArray) -> FloatArray:
        return self.network.predict(np.hstack([x, _of_answer(answer, chars)]))[:, 0]


def _of_answer(answer: ObjectArray, chars: FloatArray) -> FloatArray:
    """Returns (n, ...) what is seen of an answer: whether there is one, its lengths, whether it is a number, a hash."""
    texts = ["" if given is None else str(given) for given in answer]
    seen = np.zeros((len(texts), 5 + _N_BUCKETS))
    for row, text in zip(seen, texts, strict=True):
        row[0] = text == ""
        row[1] = np.log1p(len(text))
        row[2] = text.replace(".", "", 1).lstrip("-").isdigit()
        row[3] = "." in text
        row[5 + zlib.crc32(text.encode()) % _N_BUCKETS] = text != ""
    seen[:, 4] = (np.log1p(np.nan_to_num(chars)) - 6.0) / 2.0  # answers of a few hundred characters come out near zero
    return seen
