"""The figures of a method, each with its interval: every one is a function of means, resampled together.

A figure compares the method with what others did on the very prompts that it was scored on, so it is paired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.statistics.bootstrap import Interval, interval, resampled_means
from fairlead.statistics.hulls import gain_over_hull

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fairlead.evaluation.methods import Chosen
    from fairlead.evaluation.trials import Trial
    from fairlead.types import FloatArray, IntArray

N_BINS = 10  # of equal size, as in `statistics.calibration`


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How intervals are made: percentile bootstrap over questions."""

    n_boot: int = 1000
    seed: int = 0
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one method did on a table, and how it compares; NaN where unknown."""

    name: str
    bound: bool
    """It looked at the outcomes: no method, a bound on all of them."""
    n: int
    """Prompts on which its choice was measured."""
    n_unscored: int
    """Prompts on which it was not: they are in none of the figures."""
    n_faults: int
    """Prompts on which it broke down and the reference served."""
    score: Interval
    """Mean score, in [0, 1]."""
    cost_usd: Interval
    """Mean cost a request."""
    difference: Interval
    """Mean score minus the reference's."""
    cost_ratio: Interval
    """Its cost over the reference's."""
    gain: Interval
    """Mean score minus the hull of fixed models at the same cost: what reading the prompt was worth."""
    regret: Interval
    """The oracle's mean score minus its own."""
    brier: Interval
    """Mean squared error of the score that it predicted for its choice."""
    calibration_error: Interval
    """Expected calibration error of the same; positive by chance alone, so read it beside `n`."""
    calls: Mapping[str, float]
    """Model -> share of the calls, largest first; those to models outside the table are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """What one model scores and costs when it serves everything."""

    model: str
    score: Interval
    cost_usd: Interval


class Means:
    """Means of named groups of columns, on the data or in every resample; the last axis holds the columns."""

    def __init__(self, means: FloatArray, places: Mapping[str, slice]) -> None:
        self._means = means
        self._places = places

    def one(self, name: str) -> FloatArray:
        """Returns (...,) the mean of a single column."""
        return self._means[..., self._places[name].start]

    def many(self, name: str) -> FloatArray:
        """Returns (..., k) the means of a group of columns."""
        return self._means[..., self._places[name]]


def _gain(means: Means) -> FloatArray:
    return gain_over_hull(
        means.one("score"), means.one("cost_usd"), means.many("fixed_cost_usd"), means.many("fixed_score")
    )


def _over(part: FloatArray, whole: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return ratio


FIGURES: Mapping[str, Callable[[Means], FloatArray]] = {
    "score": lambda means: means.one("score"),
    "cost_usd": lambda means: means.one("cost_usd"),
    "difference": lambda means: means.one("score") - means.one("reference_score"),
    "cost_ratio": lambda means: _over(means.one("cost_usd"), means.one("reference_cost_usd")),
    "gain": _gain,
    "regret": lambda means: means.one("best_score") - means.one("score"),
    "brier": lambda means: _over(means.one("squared_error"), means.one("predicted")),
    "calibration_error": lambda means: _over(np.abs(means.many("gap")).sum(axis=-1), means.one("predicted")),
}
"""Name -> the figure as a function of means; the names are the fields of `Figures`."""


def figures(trial: Trial, name: str, resampling: Resampling) -> Figures:
    """Returns the figures of one method of a trial."""
    chosen = trial.chosen[name]
    scored = np.flatnonzero(chosen.share.sum(axis=1) > 0)
    found = _figures(_columns(trial, chosen, scored), question_numbers(trial, scored), resampling)
    calls = dict(zip(trial.models, chosen.share.mean(axis=0).tolist(), strict=True))
    return Figures(
        name=name,
        bound=name in trial.bounds,
        n=len(scored),
        n_unscored=len(trial.score) - len(scored),
        n_faults=chosen.n_faults,
        calls={model: share for model, share in sorted(calls.items(), key=lambda call: -call[1]) if share > 0},
        **found,
    )


def _figures(columns: Mapping[str, FloatArray], questions: IntArray, resampling: Resampling) -> dict[str, Interval]:
    stacked = np.column_stack(list(columns.values()))
    if not len(stacked):
        return {name: Interval(value=np.nan, low=np.nan, high=np.nan) for name in FIGURES}
    ends = np.cumsum([1 if values.ndim == 1 else values.shape[1] for values in columns.values()]).tolist()
    places = {name: slice(start, end) for name, start, end in zip(columns, [0, *ends], ends, strict=False)}
    resampled = resampled_means(stacked, groups=questions, n_boot=resampling.n_boot, seed=resampling.seed)
    on_data, on_resamples = Means(stacked.mean(axis=0), places), Means(resampled, places)
    return {
        name: interval(float(figure(on_data)), figure(on_resamples), confidence=resampling.confidence)
        for name, figure in FIGURES.items()
    }


def _columns(trial: Trial, chosen: Chosen, rows: IntArray) -> dict[str, FloatArray]:
    """Returns, for the given rows, the columns whose means all figures are made of."""
    score, cost_usd, share = trial.score[rows], trial.cost_usd[rows], chosen.share[rows]
    own_score = (share * score).sum(axis=1)
    reference = trial.reference[rows]
    predicted = chosen.p_success[rows]
    known = ~np.isnan(predicted)
    error = np.where(known, predicted - own_score, 0.0)
    return {
        "score": own_score,
        "cost_usd": (share * cost_usd).sum(axis=1),
        "reference_score": _picked(score, reference),
        "reference_cost_usd": _picked(cost_usd, reference),
        "best_score": score.max(axis=1),
        "fixed_score": score,
        "fixed_cost_usd": cost_usd,
        "predicted": known.astype(np.float64),
        "squared_error": error**2,
        "gap": _by_bin(predicted, error),
    }


def _picked(values: FloatArray, column: IntArray) -> FloatArray:
    """Returns one value a row; NaN where the column is -1."""
    return np.where(column >= 0, values[np.arange(len(values)), column], np.nan)


def _by_bin(predicted: FloatArray, error: FloatArray) -> FloatArray:
    """Returns (n, N_BINS): each row's error in the column of its bin, bins of equal size by prediction."""
    gaps = np.zeros((len(predicted), N_BINS))
    order = np.argsort(predicted, kind="stable")[: int((~np.isnan(predicted)).sum())]
    for b, part in enumerate(np.array_split(order, N_BINS)):
        gaps[part, b] = error[part]
    return gaps


def fixed_models(trial: Trial, resampling: Resampling) -> tuple[Fixed, ...]:
    """Returns every model of the trial as if it served everything."""
    stacked = np.column_stack([trial.score, trial.cost_usd])
    questions = question_numbers(trial, np.arange(len(stacked)))
    resampled = resampled_means(stacked, groups=questions, n_boot=resampling.n_boot, seed=resampling.seed)
    means, m = stacked.mean(axis=0), len(trial.models)
    spread = [interval(means[j], resampled[:, j], confidence=resampling.confidence) for j in range(2 * m)]
    return tuple(Fixed(model=model, score=spread[j], cost_usd=spread[m + j]) for j, model in enumerate(trial.models))


def question_numbers(trial: Trial, rows: IntArray) -> IntArray:
    """Returns, for the given rows, a number for the question of each."""
    keys = np.array(trial.questions, dtype=np.object_)[rows]
    numbers: IntArray = np.unique(keys, return_inverse=True)[1]
    return numbers
