"""Which model fits which kind of task: mean score and cost of each on each, from the table alone.

Kinds are the table's own benchmarks and subsets. They are for reports: a router never sees them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.outcomes.questions import question_key
from fairlead.statistics.bootstrap import Interval, interval, resampled_means

if TYPE_CHECKING:
    from fairlead.evaluation.metrics import Resampling
    from fairlead.outcomes import Outcomes
    from fairlead.types import BoolArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCell:
    """One model on one kind of task."""

    kind: str
    model: str
    n: int
    score: Interval
    """Mean score, in [0, 1]."""
    cost_usd: Interval
    """Mean cost a request; NaN where it is not known."""


def task_kinds(table: Outcomes) -> tuple[str, ...]:
    """Returns the kind of each prompt: its benchmark, and its subset where it has one of another name."""
    pairs = zip(table.benchmark, table.subset, strict=True)
    return tuple(
        f"{benchmark} / {subset}" if subset not in {"", benchmark} else benchmark for benchmark, subset in pairs
    )


def fit_table(table: Outcomes, resampling: Resampling) -> tuple[FitCell, ...]:
    """Returns a cell for each kind and model, kinds in the order of the alphabet, models in that of the table.

    Args:
        table: every model was measured on every prompt.
        resampling: of the intervals, over questions.
    """
    kinds = np.array(task_kinds(table), dtype=np.object_)
    return tuple(cell for kind in sorted(set(kinds)) for cell in _row(table, str(kind), kinds == kind, resampling))


def _row(table: Outcomes, kind: str, inside: BoolArray, resampling: Resampling) -> list[FitCell]:
    rows = np.flatnonzero(inside)
    values = np.column_stack([table.score[rows], table.cost_usd[rows]])
    questions = np.unique([question_key(table.prompts[i]) for i in rows], return_inverse=True)[1]
    drawn = resampled_means(values, groups=questions, n_boot=resampling.n_boot, seed=resampling.seed)
    means, m = values.mean(axis=0), len(table.models)
    spread = [interval(means[j], drawn[:, j], confidence=resampling.confidence) for j in range(2 * m)]
    return [
        FitCell(kind=kind, model=model, n=len(rows), score=spread[j], cost_usd=spread[m + j])
        for j, model in enumerate(table.models)
    ]
