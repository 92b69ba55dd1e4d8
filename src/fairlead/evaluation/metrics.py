"""The figures of a method, each with its interval: every one is a function of means, resampled together.

A figure compares the method with what others did on the very prompts that it was scored on, so it is paired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.statistics.bootstrap import Interval, interval, lower_limit, resampled_means
from fairlead.statistics.calibration import auc_terms, calibration_errors_by_chance
from fairlead.statistics.hulls import gain_over_hull

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fairlead.evaluation.methods import Chosen
    from fairlead.evaluation.trials import Trial
    from fairlead.types import FloatArray, IntArray

N_BINS = 10  # of equal size, as in `statistics.calibration`

SUCCESS = 0.5
"""From this score on an answer counts as a success where only success and failure are told apart."""


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
    gain_lower: float
    """One-sided lower limit of the gain, with the confidence of the intervals."""
    regret: Interval
    """The oracle's mean score minus its own."""
    misroute: Interval
    """Share of the prompts on which the reference succeeds and the served answer fails."""
    misroute_cost_usd: Interval
    """What asking the reference again on those prompts would add to the mean cost a request."""
    brier: Interval
    """Mean squared error of the score that it predicted for its choice."""
    calibration_error: Interval
    """Expected calibration error of the same; positive by chance alone, so read it beside the next two."""
    calibration_excess: Interval
    """Calibration error minus its mean under perfect calibration: about zero where predictions can be trusted."""
    calibration_limit: float
    """The calibration error that perfect predictions stay below in 95 cases of 100."""
    auc: Interval
    """Chance that it predicted more for a success than for a failure; one half is no information."""
    calls: Mapping[str, float]
    """Model -> calls a prompt, most first; those to models outside the table are missing."""


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
    "misroute": lambda means: means.one("misroute"),
    "misroute_cost_usd": lambda means: means.one("misroute_cost_usd"),
    "brier": lambda means: _over(means.one("squared_error"), means.one("predicted")),
    "calibration_error": lambda means: _over(np.abs(means.many("gap")).sum(axis=-1), means.one("predicted")),
    "auc": lambda means: _over(means.one("ranked"), means.one("predicted")),
}
"""Name -> the figure as a function of means; the names are fields of `Figures`."""


def figures(trial: Trial, name: str, resampling: Resampling) -> Figures:
    """Returns the figures of one method of a trial."""
    chosen = trial.chosen[name]
    scored = np.flatnonzero(chosen.share.sum(axis=1) > 0)
    questions = question_numbers(trial, scored)
    found, resampled = _figures(_columns(trial, chosen, scored), questions, resampling)
    by_chance = calibration_errors_by_chance(chosen.p_success[scored], groups=questions, seed=resampling.seed)
    calls = dict(zip(trial.models, chosen.called.mean(axis=0).tolist(), strict=True))
    return Figures(
        name=name,
        bound=name in trial.bounds,
        n=len(scored),
        n_unscored=len(trial.score) - len(scored),
        n_faults=chosen.n_faults,
        gain_lower=lower_limit(resampled["gain"], confidence=resampling.confidence) if len(scored) else np.nan,
        calibration_excess=_moved(found["calibration_error"], -by_chance.mean() if by_chance.size else np.nan),
        calibration_limit=float(np.quantile(by_chance, 0.95)) if by_chance.size else np.nan,
        calls={model: share for model, share in sorted(calls.items(), key=lambda call: -call[1]) if share > 0},
        **found,
    )


def _moved(given: Interval, by: float) -> Interval:
    return Interval(value=float(given.value + by), low=float(given.low + by), high=float(given.high + by))


def _figures(
    columns: Mapping[str, FloatArray], questions: IntArray, resampling: Resampling
) -> tuple[dict[str, Interval], dict[str, FloatArray]]:
    """Returns each figure with its interval, and what it is in every resample."""
    stacked = np.column_stack(list(columns.values()))
    if not len(stacked):
        return {name: Interval(value=np.nan, low=np.nan, high=np.nan) for name in FIGURES}, {}
    ends = np.cumsum([1 if values.ndim == 1 else values.shape[1] for values in columns.values()]).tolist()
    places = {name: slice(start, end) for name, start, end in zip(columns, [0, *ends], ends, strict=False)}
    drawn = resampled_means(stacked, groups=questions, n_boot=resampling.n_boot, seed=resampling.seed)
    on_data, on_resamples = Means(stacked.mean(axis=0), places), Means(drawn, places)
    resampled = {name: figure(on_resamples) for name, figure in FIGURES.items()}
    return {
        name: interval(float(figure(on_data)), resampled[name], confidence=resampling.confidence)
        for name, figure in FIGURES.items()
    }, resampled


def _columns(trial: Trial, chosen: Chosen, rows: IntArray) -> dict[str, FloatArray]:
    """Returns, for the given rows, the columns whose means all figures are made of."""
    score, cost_usd, share = trial.score[rows], trial.cost_usd[rows], chosen.share[rows]
    own_score = (share * score).sum(axis=1)
    reference = trial.reference[rows]
    reference_score, reference_cost_usd = _picked(score, reference), _picked(cost_usd, reference)
    misroute = misrouted(reference_score, score, share)
    return {
        "score": own_score,
        "cost_usd": (chosen.called[rows] * cost_usd).sum(axis=1),
        "reference_score": reference_score,
        "reference_cost_usd": reference_cost_usd,
        "best_score": score.max(axis=1),
        "fixed_score": score,
        "fixed_cost_usd": cost_usd,
        "misroute": misroute,
        "misroute_cost_usd": misroute * reference_cost_usd,
        **_calibration_columns(chosen.p_success[rows], own_score),
    }


def misrouted(reference_score: FloatArray, score: FloatArray, share: FloatArray) -> FloatArray:
    """Returns (n,) the chance that a failure is served where the reference succeeds; NaN without a reference.

    Args:
        reference_score: (n,).
        score: (n, m) of every model.
        share: (n, m) chance that each model's answer is served.
    """
    chance: FloatArray = (share * (score < SUCCESS)).sum(axis=1) * (reference_score >= SUCCESS)
    return np.where(np.isnan(reference_score), np.nan, chance)


def _calibration_columns(predicted: FloatArray, own_score: FloatArray) -> dict[str, FloatArray]:
    known = ~np.isnan(predicted)
    error = np.where(known, predicted - own_score, 0.0)
    ranked = auc_terms(predicted, own_score)
    return {
        "predicted": known.astype(np.float64),
        "squared_error": error**2,
        "gap": _by_bin(predicted, error),
        "ranked": np.where(known, ranked, 0.0),
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
