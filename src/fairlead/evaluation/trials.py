"""One trial: methods act on a test table; what they did is kept row by row, so that trials can be pooled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.errors import TableError
from fairlead.evaluation.methods import Chosen
from fairlead.outcomes.questions import question_key
from fairlead.statistics.grids import complete_grid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.evaluation.methods import Method
    from fairlead.outcomes import Outcomes
    from fairlead.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What every model scored and every method did, on n prompts and m models without a hole."""

    models: tuple[str, ...]
    questions: tuple[str, ...]
    """(n,) key of the question behind each prompt: equal keys are one piece of evidence."""
    score: FloatArray
    cost_usd: FloatArray
    """(n, m), all NaN where the table knows no cost."""
    reference: IntArray
    """(n,) column of the reference; -1 where it is not among the models."""
    chosen: Mapping[str, Chosen]
    """Method -> its choices, in the order of the list."""
    bounds: frozenset[str]


def run(methods: Sequence[Method], test: Outcomes, *, reference: str | None, seed: int) -> Trial:
    """Returns what the methods do on a complete table; their names must differ."""
    chosen: dict[str, Chosen] = {}
    spent_usd = float("nan")
    for method in methods:
        found = method.choose(test, seed=seed, spent_usd=spent_usd)
        if not chosen:
            spent_usd = _mean_cost_usd(found, test)
        chosen[method.name] = found
    column = -1 if reference is None else test.column_of.get(reference, -1)
    return Trial(
        models=test.models,
        questions=tuple(question_key(prompt) for prompt in test.prompts),
        score=test.score,
        cost_usd=test.cost_usd,
        reference=np.full(len(test), column, dtype=np.int64),
        chosen=chosen,
        bounds=frozenset(method.name for method in methods if method.bound),
    )


def _mean_cost_usd(chosen: Chosen, test: Outcomes) -> float:
    scored = chosen.share.sum(axis=1) > 0
    return float((chosen.called * test.cost_usd)[scored].sum(axis=1).mean()) if scored.any() else float("nan")


def pool(trials: Sequence[Trial]) -> Trial:
    """Returns the trials as one; a prompt that was tested twice stands there twice, under one question."""
    first = trials[0]
    chosen = {
        name: Chosen(
            share=np.concatenate([trial.chosen[name].share for trial in trials]),
            p_success=np.concatenate([trial.chosen[name].p_success for trial in trials]),
            calls=None
            if all(trial.chosen[name].calls is None for trial in trials)
            else np.concatenate([trial.chosen[name].called for trial in trials]),
            n_faults=sum(trial.chosen[name].n_faults for trial in trials),
        )
        for name in first.chosen
    }
    return Trial(
        models=first.models,
        questions=tuple(question for trial in trials for question in trial.questions),
        score=np.concatenate([trial.score for trial in trials]),
        cost_usd=np.concatenate([trial.cost_usd for trial in trials]),
        reference=np.concatenate([trial.reference for trial in trials]),
        chosen=chosen,
        bounds=first.bounds,
    )


def measured_models(outcomes: Outcomes, *, keep: str | None = None) -> tuple[str, ...]:
    """Returns the models of a large sub-table without a hole: scores and, where the table knows any, costs.

    Args:
        outcomes: may have holes; a model without a price counts as one.
        keep: a model that must stay, where anything at all is known of it.

    Raises:
        TableError: no prompt was measured at all.
    """
    known = _known(outcomes)
    column = outcomes.column_of.get(keep, -1) if keep is not None else -1
    grid = complete_grid(known, keep=[column] if column >= 0 and known[:, column].any() else [])
    if grid.rows.size == 0 or grid.columns.size == 0:
        raise TableError(f"table `{outcomes.name}` has no prompt with a score. Measure at least one model.")
    return tuple(outcomes.models[j] for j in grid.columns)


def complete_rows(outcomes: Outcomes) -> Outcomes:
    """Returns the prompts on which nothing about any model is missing.

    Raises:
        TableError: there is no such prompt.
    """
    complete = np.flatnonzero(_known(outcomes).all(axis=1))
    if complete.size == 0:
        listed = ", ".join(f"`{model}`" for model in outcomes.models)
        raise TableError(f"no prompt of table `{outcomes.name}` was measured with all of {listed}. Use fewer models.")
    return outcomes.rows(complete)


def _known(outcomes: Outcomes) -> BoolArray:
    measured = ~np.isnan(outcomes.score)
    costed = ~np.isnan(outcomes.cost_usd)
    return measured & costed if costed.any() else measured
