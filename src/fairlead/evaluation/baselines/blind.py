"""Methods that read no prompt, and bounds that know what no prompt tells, as contenders with a whole frontier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluation.baselines.base import WORTHS, Sweep, plug_in, worth_labels
from fairlead.evaluation.fit_table import task_kinds
from fairlead.statistics.hulls import mix_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.evaluation.baselines.base import Exam, Lesson
    from fairlead.statistics.hulls import Mix
    from fairlead.types import FloatArray, IntArray


def _always(columns: Sequence[int], lesson: Lesson, exam: Exam, default: int = -1) -> Sweep:
    """Returns one setting for each of these models."""
    chosen: IntArray = np.repeat(np.array(columns, dtype=np.int64)[:, None], len(exam), axis=1)
    return Sweep(
        settings=tuple(lesson.train.models[column] for column in columns),
        default=default % len(columns),
        columns=chosen,
        p_success=np.full(len(exam), lesson.score[:, columns[default]].mean()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSingle:
    """The best model on the training prompts serves everything: the reference."""

    name: str = "best single"
    bound: bool = False
    about: str = "the best model on the training prompts, for every prompt"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns that model everywhere."""
        return _always([lesson.reference], lesson, exam)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheapestModel:
    """The cheapest model on the training prompts serves everything."""

    name: str = "cheapest"
    bound: bool = False
    about: str = "the model with the lowest mean cost on the training prompts, for every prompt"

    def applies(self, lesson: Lesson) -> bool:
        """Says whether costs are known."""
        return lesson.costed

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns that model everywhere."""
        return _always([int(lesson.mean_cost_usd.argmin())], lesson, exam)


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomModel:
    """Every model equally often, in expectation: nothing is drawn."""

    name: str = "random"
    bound: bool = False
    about: str = "every model equally often, in expectation"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:  # noqa: ARG002 - part of the contract
        """Returns the means over all models."""
        recorded = exam.recorded
        return Sweep(
            settings=("uniform",),
            default=0,
            score=recorded.score.mean(axis=1)[None],
            cost_usd=recorded.cost_usd.mean(axis=1)[None],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cyclic:
    """The models take turns."""

    name: str = "cyclic"
    bound: bool = False
    about: str = "the models take turns, in the order of the table"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns one model after the other."""
        columns = np.arange(len(exam)) % lesson.score.shape[1]
        return Sweep(settings=("in turn",), default=0, columns=columns[None])


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomMixes:
    """The mixes of two models that are best on the training prompts: the corners of their hull, and all between."""

    name: str = "random mix"
    bound: bool = False
    about: str = (
        "the best mixes of two models on the training prompts (the zero router of RouterBench, picked beforehand)"
    )

    def applies(self, lesson: Lesson) -> bool:
        """Says whether costs are known."""
        return lesson.costed

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns the best mix of the training prompts at each of many budgets, in expectation: nothing is drawn."""
        cost_usd, quality = lesson.mean_cost_usd, lesson.score.mean(axis=0)
        low, high = float(cost_usd.min()), float(cost_usd.max())
        spread = np.geomspace if low > 0 else np.linspace
        mixes = [mix_at(cost_usd, quality, budget) for budget in spread(low, high, len(WORTHS))]
        recorded = exam.recorded
        return Sweep(
            settings=tuple(f"budget {part + 1} of {len(WORTHS)}" for part in range(len(WORTHS))),
            default=len(mixes) - 1,
            score=np.stack([_mixed(recorded.score, mix) for mix in mixes]),
            cost_usd=np.stack([_mixed(recorded.cost_usd, mix) for mix in mixes]),
        )


def _mixed(values: FloatArray, mix: Mix) -> FloatArray:
    return np.asarray((1 - mix.share) * values[:, mix.first] + mix.share * values[:, mix.other])


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleFrontier:
    """The best trade of score against cost on every prompt, with its outcomes known."""

    name: str = "oracle"
    bound: bool = True
    about: str = "knows every outcome beforehand"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns, for each worth of a right answer, the best model of each prompt."""
        return plug_in(lesson, exam.recorded.score, exam.recorded.cost_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class BestPerSubset:
    """The best model of each kind of task on the training prompts, with the kind of every prompt known."""

    name: str = "best per subset"
    bound: bool = True
    about: str = "knows the benchmark and subset of every prompt, and serves the best model of its training prompts"

    def applies(self, lesson: Lesson) -> bool:  # noqa: ARG002 - part of the contract
        """Always."""
        return True

    def sweep(self, lesson: Lesson, exam: Exam) -> Sweep:
        """Returns, for each worth of a right answer, the best model of each prompt's kind."""
        learned, asked = np.array(task_kinds(lesson.train)), np.array(task_kinds(exam.test))
        quality = np.tile(lesson.score.mean(axis=0), (len(exam), 1))
        cost_usd = np.tile(lesson.mean_cost_usd, (len(exam), 1))
        for kind in np.unique(asked):
            if (inside := learned == kind).any():
                quality[asked == kind] = lesson.score[inside].mean(axis=0)
                cost_usd[asked == kind] = lesson.cost_usd[inside].mean(axis=0)
        sweep = plug_in(lesson, quality, cost_usd)
        return Sweep(settings=worth_labels(lesson), default=sweep.default, columns=sweep.columns)
