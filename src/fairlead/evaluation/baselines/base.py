"""The contract of the field's methods: learn from a lesson, then answer an exam at every setting of one knob.

All methods get the same features, the same prompts and the same models, and each has as many settings as any other, so
that no frontier looks better for having been searched more finely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fairlead.evidence import answer_numbers
from fairlead.policies.realised import Recorded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.outcomes import Outcomes
    from fairlead.outcomes.columns import ObjectArray
    from fairlead.types import FloatArray, IntArray

WORTHS = (*np.logspace(-4, 2, 32).tolist(), float("inf"))
"""What a right answer is worth, in mean costs of a call to the dearest model: the settings of methods with that knob.

Not of a reference call, whose cost jumps where two models are about equally good: splits must mean the same by it.
"""

_WEAK_COST = 0.2
"""The cheaper model of a pair is the best of those that cost at most so much of the reference."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """What a method may learn from: every model was measured on every prompt."""

    train: Outcomes
    x: FloatArray
    """(n, n_features), of the training prompts."""
    seed: int

    @property
    def score(self) -> FloatArray:
        """(n, m)."""
        return self.train.score

    @cached_property
    def costed(self) -> bool:
        """Whether costs are known; where they are not, every cost counts as zero and quality alone decides."""
        return not bool(np.isnan(self.train.cost_usd).any())

    @cached_property
    def answered(self) -> bool:
        """Whether final answers are on record, so that they can be compared."""
        return any(answer is not None for answer in self.train.answer.flat)

    @cached_property
    def cost_usd(self) -> FloatArray:
        """(n, m), zeros where no cost is known."""
        return self.train.cost_usd if self.costed else np.zeros_like(self.train.score)

    @cached_property
    def mean_cost_usd(self) -> FloatArray:
        """(m,)."""
        return np.asarray(self.cost_usd.mean(axis=0))

    @cached_property
    def reference(self) -> int:
        """The best model on the training prompts."""
        return int(self.score.mean(axis=0).argmax())

    @cached_property
    def weak(self) -> int:
        """The cheaper model of a pair with the reference: the best of the far cheaper ones, else the cheapest.

        Where no cost is known, or nothing is cheaper, it is the second-best model.
        """
        quality = self.score.mean(axis=0)
        cheaper = self.mean_cost_usd < self.mean_cost_usd[self.reference]
        if not cheaper.any():
            return int(np.argsort(-quality, kind="stable")[min(1, len(quality) - 1)])
        far = self.mean_cost_usd <= _WEAK_COST * self.mean_cost_usd[self.reference]
        return int(np.where(far, quality, -np.inf).argmax()) if far.any() else int(self.mean_cost_usd.argmin())

    @property
    def worths_usd(self) -> FloatArray:
        """(n_settings,) what a right answer is worth, USD; only infinity where no cost is known."""
        worths = np.array(WORTHS if self.costed else (np.inf,))
        return worths * (float(self.mean_cost_usd.max()) or 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Exam:
    """Prompts that nobody has learned from."""

    x: FloatArray
    """(n, n_features)."""
    test: Outcomes
    """A method reads from it what serving would know; its outcomes are for bounds, and for replaying a plan."""

    def __len__(self) -> int:
        return len(self.x)

    def reply(self, column: int) -> tuple[ObjectArray, FloatArray]:
        """Returns (n,) final answers and lengths in characters: what is known of a model once it was paid."""
        return self.test.answer[:, column], self.test.output_chars[:, column]

    @cached_property
    def recorded(self) -> Recorded:
        """What every model did; costs are zero where none is known."""
        costed = not bool(np.isnan(self.test.cost_usd).any())
        answers, answer_form = answer_numbers(self.test)
        return Recorded(
            score=self.test.score,
            cost_usd=self.test.cost_usd if costed else np.zeros_like(self.test.score),
            latency_s=self.test.latency_s,
            output_tokens=self.test.output_tokens,
            answers=answers if (answers >= 0).any() else None,
            answer_form=answer_form,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """What a method does on the n prompts of an exam, at each of k settings of its knob."""

    settings: tuple[str, ...]
    default: int
    """The setting that stands for the method where one point must: the best quality it aims at, unless it says so."""
    columns: IntArray | None = None
    """(k, n) whose answer is served, where that is all that is called."""
    score: FloatArray | None = None
    cost_usd: FloatArray | None = None
    """(k, n) both: what a plan of several calls, or a mix, comes to. Given where `columns` is not."""
    p_success: FloatArray | None = None
    """(n,) expected score of the choice at the default setting; `None` where it predicts none."""
    win_rate: FloatArray | None = None
    """(n,) of two models: a score that rises with what the reference gains over the other."""
    picked: Mapping[str, int] = field(default_factory=dict)
    """Purpose -> the setting that was picked for it on the training prompts; see `PURPOSES`."""

    def outcome(self, recorded: Recorded) -> tuple[FloatArray, FloatArray]:
        """Returns score and cost, (k, n) both."""
        if self.columns is None:
            assert self.score is not None
            assert self.cost_usd is not None
            return self.score, self.cost_usd
        rows = np.arange(self.columns.shape[1])
        return recorded.score[rows, self.columns], recorded.cost_usd[rows, self.columns]

    def at(self, setting: int) -> Sweep:
        """Returns one setting alone."""
        return Sweep(
            settings=(self.settings[setting],),
            default=0,
            columns=None if self.columns is None else self.columns[[setting]],
            score=None if self.score is None else self.score[[setting]],
            cost_usd=None if self.cost_usd is None else self.cost_usd[[setting]],
        )


PURPOSES = {
    "parity": "the cheapest setting that is expected to score as much as the reference",
    "same cost": "the best setting that is expected to cost no more than the reference",
}
"""What a setting may be picked for, beforehand."""


class Contender(Protocol):
    """A method of the table of results."""

    @property
    def name(self) -> str:
        """What it is called there."""
        ...

    @property
    def bound(self) -> bool:
        """It knows what no router can."""
        ...

    @property
    def about(self) -> str:
        """One line: what it is, and its source."""
        ...

    def applies(self, lesson: Lesson) -> bool:
        """Says whether the lesson has what it needs."""
        ...

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns what it does, learned from the lesson."""
        ...


def worth_labels(lesson: Lesson) -> tuple[str, ...]:
    """Returns a name for each setting of the worth of a right answer."""
    return tuple(f"worth {worth:.3g}" for worth in (WORTHS if lesson.costed else WORTHS[-1:]))


def plug_in(lesson: Lesson, quality: FloatArray, cost_usd: FloatArray, *, calibrated: bool = True) -> Sweep:
    """Returns the sweep of `argmax quality - cost / worth`.

    Args:
        lesson: gives the settings.
        quality: (n, m) expected score.
        cost_usd: (n, m) or (m,) expected cost.
        calibrated: `quality` is meant as an expected score, not only as a ranking.
    """
    rows = np.arange(len(quality))
    smallest = 1e-9 / max(float(lesson.mean_cost_usd.max()), 1e-300)  # among equals the cheapest
    columns = np.stack([(quality - cost_usd * (1 / worth + smallest)).argmax(axis=1) for worth in lesson.worths_usd])
    return Sweep(
        settings=worth_labels(lesson),
        default=len(columns) - 1,
        columns=columns,
        p_success=np.clip(quality[rows, columns[-1]], 0, 1) if calibrated else None,
        win_rate=win_rate(lesson, quality),
    )


def win_rate(lesson: Lesson, quality: FloatArray) -> FloatArray | None:
    """Returns how far the reference is expected to be ahead, where there are two models."""
    if quality.shape[1] != 2:
        return None
    ahead: FloatArray = quality[:, lesson.reference] - quality[:, 1 - lesson.reference]
    return ahead


def standardised(x: FloatArray, like: FloatArray) -> FloatArray:
    """Returns rows of unit length, each column first centred and scaled by what it is in `like`."""
    sd = like.std(axis=0)
    z = (x - like.mean(axis=0)) / np.where(sd > 1e-9, sd, 1.0)
    return np.asarray(z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9))
