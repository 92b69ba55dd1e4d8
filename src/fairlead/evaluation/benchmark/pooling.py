"""From cells to figures: all splits of a part pooled by question, the same resamples for every method.

A method has a whole frontier and one default operating point. Frontiers are compared by the area over the hull of fixed
candidates; where no cost is known, the default point alone counts, by its score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluation.baselines.base import PURPOSES
from fairlead.evaluation.baselines.blind import RandomMixes
from fairlead.evaluation.benchmark.ours import NAME
from fairlead.evaluation.benchmark.results import (
    Calibration,
    FixedResult,
    MethodResult,
    Operating,
    PartResult,
    Versus,
)
from fairlead.evaluation.fit_table import fit_table
from fairlead.evaluation.metrics import SUCCESS, Resampling
from fairlead.outcomes.questions import question_key
from fairlead.policies.realised import Recorded
from fairlead.statistics.bootstrap import Interval, Resampler, interval, lower_limit
from fairlead.statistics.calibration import (
    auc_terms,
    brier,
    calibration_errors_by_chance,
    expected_calibration_error,
)
from fairlead.statistics.comparisons import centred_interval, holm, simultaneous_band, two_sided_p
from fairlead.statistics.frontiers import (
    aiq_in_range,
    area_over_hull,
    gains_over_hull,
    pareto_distance,
    perf_gain,
)
from fairlead.statistics.hulls import value_at
from fairlead.statistics.strong_weak import apgr, calls_to_strong, cpt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.evaluation.baselines.base import Sweep
    from fairlead.evaluation.benchmark.cells import Cell
    from fairlead.evaluation.benchmark.running import Task
    from fairlead.evaluation.benchmark.tables import Judged
    from fairlead.types import FloatArray, IntArray

COST_FRACTIONS = (0.25, 0.5, 1.0)
"""Of the reference's cost: where the score that a frontier reaches is told."""

UNKNOWN = Interval(value=float("nan"), low=float("nan"), high=float("nan"))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pool:
    """The judged rows of all splits."""

    score: FloatArray
    cost: FloatArray
    reference: IntArray
    question: IntArray
    mixes: tuple[Sequence[FloatArray], Sequence[FloatArray]]
    """Scores and costs, (n, k) or nothing, of the mixes that each split picked on its training prompts."""
    resampler: Resampler

    @classmethod
    def of(cls, splits: Sequence[tuple[Task, Mapping[str, Cell]]], *, n_boot: int) -> _Pool:
        tests = [task.judged.split(task.seed)[1] for task, _ in splits]
        keys = np.array([question_key(prompt) for test in tests for prompt in test.prompts], dtype=np.object_)
        question = np.unique(keys, return_inverse=True)[1]
        reference = [
            np.full(len(test), test.column_of[next(iter(cells.values())).reference])
            for test, (_, cells) in zip(tests, splits, strict=True)
        ]
        cost = np.concatenate([test.cost_usd for test in tests])
        return cls(
            score=np.concatenate([test.score for test in tests]),
            cost=np.zeros_like(cost) if np.isnan(cost).any() else cost,
            reference=np.concatenate(reference),
            question=question,
            mixes=_mixes([cells.get(RandomMixes().name) for _, cells in splits]),
            resampler=Resampler(question, n_boot=n_boot),
        )

    def both(self, values: FloatArray, rows: slice = slice(None)) -> tuple[FloatArray, FloatArray]:
        """Returns (k,) means of (n, k) values, and (n_boot, k) those of the resamples; of all rows, or of some."""
        return values.mean(axis=0), self.resampler.means(values, rows)

    @cached_property
    def fixed(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Cost and score of each candidate: means, then those of the resamples."""
        cost, score = self.both(self.cost), self.both(self.score)
        return cost[0], score[0], cost[1], score[1]

    @cached_property
    def beforehand(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Cost and score of what is picked on training prompts: the reference, and the mixes at each budget."""
        cost, score = (
            self.both(np.column_stack([rows, *more]))
            for rows, more in zip(reversed(self.reference_rows), reversed(self.mixes), strict=True)
        )
        return cost[0], score[0], cost[1], score[1]

    @cached_property
    def reference_rows(self) -> tuple[FloatArray, FloatArray]:
        """(n,) score and cost of the reference."""
        rows = np.arange(len(self.score))
        return self.score[rows, self.reference], self.cost[rows, self.reference]

    @cached_property
    def reference_means(self) -> tuple[FloatArray, FloatArray]:
        """Score and cost of the reference: (2,) means, and (n_boot, 2) of the resamples."""
        return self.both(np.column_stack(self.reference_rows))


def _mixes(cells: Sequence[Cell | None]) -> tuple[Sequence[FloatArray], Sequence[FloatArray]]:
    sweeps = [cell.sweep for cell in cells if cell is not None and cell.score is not None]
    if len(sweeps) < len(cells):
        return [], []
    score, cost = (np.hstack([getattr(sweep, name) for sweep in sweeps]).T for name in ("score", "cost_usd"))
    return [score], [cost]


def part_result(splits: Sequence[tuple[Task, Mapping[str, Cell]]], *, n_boot: int = 1000) -> PartResult:
    """Returns the figures of all methods on one part.

    Args:
        splits: its tasks and their cells; a method that lacks one is named as failed.
        n_boot: resamples behind each interval.
    """
    judged, pool = splits[0][0].judged, _Pool.of(splits, n_boot=n_boot)
    present = {name: [cells.get(name) for _, cells in splits] for name in splits[0][0].methods}
    failed = tuple((name, why) for name, cells in present.items() if (why := _failure(cells)))
    idle = tuple(name for name, cells in present.items() if all(cell and not cell.applies for cell in cells))
    whole = {n: [c for c in cells if c] for n, cells in present.items() if n not in {*dict(failed), *idle}}
    frontiers = {name: _Frontier(cells, pool) for name, cells in whole.items()}
    everybody = _everybody(frontiers, pool)
    results = [frontier.result(everybody) for frontier in frontiers.values()]
    return PartResult(
        name=judged.part.name,
        cost=judged.part.cost if pool.cost.any() else "none",
        data_hash=splits[0][0].data_hash,
        n_prompts=len(judged.outcomes),
        n_judged=len(pool.score),
        n_questions=int(pool.question.max()) + 1,
        n_splits=len(splits),
        n_train=len(judged.outcomes) - max(cell.n for cells in whole.values() for cell in cells[:1]),
        n_test=min(cell.n for cells in whole.values() for cell in cells),
        n_prompts_left_out=judged.n_prompts_left_out,
        models_left_out=judged.models_left_out,
        references=tuple(dict.fromkeys(cell.reference for cells in whole.values() for cell in cells)),
        fixed=_fixed(judged, pool),
        methods=_ranked(results, frontiers),
        not_applicable=idle,
        failed=failed,
        few_labels=judged.part.n_labels is not None,
        flips=next((cell.flips for _, cells in splits if (cell := cells.get(NAME)) and cell.flips), ()),
        fit_table=fit_table(judged.outcomes, Resampling(n_boot=n_boot)),
    )


def _failure(cells: Sequence[Cell | None]) -> str:
    if any(cell is None for cell in cells):
        return f"{sum(cell is None for cell in cells)} of {len(cells)} splits are missing"
    return next((cell.error for cell in cells if cell and cell.error), "")


def _fixed(judged: Judged, pool: _Pool) -> tuple[FixedResult, ...]:
    cost, score, cost_drawn, score_drawn = pool.fixed
    return tuple(
        FixedResult(model=model, score=interval(score[j], score_drawn[:, j]), cost=interval(cost[j], cost_drawn[:, j]))
        for j, model in enumerate(judged.outcomes.models)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Everybody:
    """What a method is compared with: all points, and the oracle's best score."""

    cost: FloatArray
    score: FloatArray
    oracle: FloatArray
    oracle_drawn: FloatArray


def _everybody(frontiers: Mapping[str, _Frontier], pool: _Pool) -> _Everybody:
    real = [frontier for frontier in frontiers.values() if not frontier.bound]
    best = pool.both(pool.score.max(axis=1, keepdims=True))
    return _Everybody(
        cost=np.concatenate([pool.fixed[0], *(frontier.cost[0] for frontier in real)]),
        score=np.concatenate([pool.fixed[1], *(frontier.score[0] for frontier in real)]),
        oracle=best[0][0],
        oracle_drawn=best[1][:, 0],
    )


class _Frontier:
    """All operating points of one method, pooled over splits."""

    def __init__(self, cells: Sequence[Cell], pool: _Pool) -> None:
        self.pool, self.cells, self.sweeps = pool, cells, [cell.sweep for cell in cells]
        self.name, self.bound = cells[0].method, cells[0].bound
        self.settings, self.at_default = self.sweeps[0].settings, self.sweeps[0].default
        score, cost = self._outcomes(self.sweeps)
        self.score, self.cost = pool.both(score), pool.both(cost)

    def _outcomes(self, sweeps: Sequence[Sweep]) -> tuple[FloatArray, FloatArray]:
        """Returns score and cost, (n, k) both, of all splits one below the other; too large to be kept."""
        found, start = [], 0
        for cell, sweep in zip(self.cells, sweeps, strict=True):
            part = slice(start, start + cell.n)
            found.append(sweep.outcome(Recorded(score=self.pool.score[part], cost_usd=self.pool.cost[part])))
            start += cell.n
        score, cost = (np.hstack(arrays).T for arrays in zip(*found, strict=True))
        return score, cost

    def rows(self, settings: Sequence[int]) -> tuple[FloatArray, FloatArray]:
        """Returns (n,) score and cost, each split at a setting of its own."""
        alone = [sweep.at(setting) for sweep, setting in zip(self.sweeps, settings, strict=True)]
        score, cost = self._outcomes(alone)
        return score[:, 0], cost[:, 0]

    @cached_property
    def costed(self) -> bool:
        return bool(self.pool.cost.any())

    @cached_property
    def main(self) -> tuple[float, FloatArray]:
        """What methods are ranked by: the value, and that of each resample."""
        cost, score, cost_drawn, score_drawn = self.pool.fixed
        if not self.costed:
            return float(self.score[0][self.at_default]), self.score[1][:, self.at_default]
        value = area_over_hull(self.cost[0], self.score[0], cost, score)
        return float(value), area_over_hull(self.cost[1], self.score[1], cost_drawn, score_drawn)

    def result(self, everybody: _Everybody) -> MethodResult:
        best = int(self.score[0].argmax())
        reference = self.pool.reference_means
        apgr_, cpt50, cpt80 = self._strong_weak()
        regret = everybody.oracle - self.score[0][best], everybody.oracle_drawn - self.score[1][:, best]
        return MethodResult(
            name=self.name,
            bound=self.bound,
            about=self.cells[0].about,
            took_s=float(np.mean([cell.took_s for cell in self.cells])),
            main=centred_interval(*self.main),
            aiq=self._aiq(),
            default=self.operating(self.at_default),
            parity=self._parity(),
            picked=self._picked(),
            best=self.operating(best),
            perf_gain=centred_interval(
                float(perf_gain(self.score[0], reference[0][0])), perf_gain(self.score[1], reference[1][:, 0])
            ),
            regret=interval(float(regret[0]), regret[1]),
            pareto_distance=self._pareto_distance(everybody),
            at_cost=self._at_cost(),
            apgr=apgr_,
            cpt50=cpt50,
            cpt80=cpt80,
            calibration=self._calibration(),
            points=tuple(zip(self.settings, self.cost[0].tolist(), self.score[0].tolist(), strict=True)),
            lowest_band=float(simultaneous_band(*self.gains)[0].min()),
        )

    def operating(self, k: int) -> Operating:
        """Returns the figures of one setting."""
        return _operating(self.settings[k], *self.rows([k] * len(self.cells)), self.pool, blind=self.blind)

    def _picked(self) -> dict[str, Operating]:
        """Returns, for each purpose that every split picked a setting for, what these settings came to together."""
        found = {}
        for purpose in PURPOSES:
            settings = [sweep.picked.get(purpose, -1) for sweep in self.sweeps]
            if min(settings) >= 0:
                words = ", ".join(dict.fromkeys(self.settings[setting] for setting in settings))
                found[purpose] = _operating(words, *self.rows(settings), self.pool, blind=self.blind)
        return found

    @property
    def blind(self) -> bool:
        """It serves a mixture, in expectation: no answer of its own can fail."""
        return self.name in {"random", "random mix"}

    @cached_property
    def gains(self) -> tuple[FloatArray, FloatArray]:
        """(k,) how far each setting lies over the hull of fixed candidates, and that of each resample."""
        cost, score, cost_drawn, score_drawn = self.pool.fixed
        on_data = gains_over_hull(self.score[0], self.cost[0], cost, score)
        return on_data, gains_over_hull(self.score[1], self.cost[1], cost_drawn, score_drawn)

    def _aiq(self) -> Interval:
        if not self.costed:
            return UNKNOWN
        cost, score, cost_drawn, score_drawn = self.pool.fixed
        value = aiq_in_range(self.cost[0], self.score[0], cost, score)
        return centred_interval(float(value), aiq_in_range(self.cost[1], self.score[1], cost_drawn, score_drawn))

    def _parity(self) -> Operating | None:
        reached = self.score[0] >= self.pool.reference_means[0][0]
        if not (reached.any() and self.costed):
            return None
        return self.operating(int(np.where(reached, self.cost[0], np.inf).argmin()))

    def _pareto_distance(self, everybody: _Everybody) -> float:
        if not self.costed:
            return float("nan")
        return pareto_distance(self.cost[0], self.score[0], everybody.cost, everybody.score)

    def _at_cost(self) -> dict[float, Interval]:
        if not self.costed:
            return {}
        reference, drawn = self.pool.reference_means
        (cost, score), (cost_drawn, score_drawn) = self._with_cheapest
        return {
            part: centred_interval(
                float(value_at(cost, score, part * reference[1])),
                value_at(cost_drawn, score_drawn, part * drawn[:, 1]),
            )
            for part in COST_FRACTIONS
        }

    @property
    def _with_cheapest(self) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
        """Returns costs and scores beside those of the cheapest fixed candidate, which needs no method."""
        cost, score, cost_drawn, score_drawn = self.pool.fixed
        j = [int(cost.argmin())]
        on_data = np.append(self.cost[0], cost[j]), np.append(self.score[0], score[j])
        return on_data, (np.hstack([self.cost[1], cost_drawn[:, j]]), np.hstack([self.score[1], score_drawn[:, j]]))

    def _strong_weak(self) -> tuple[Interval, Interval, Interval]:
        """Returns APGR, CPT50 and CPT80, the mean of them over splits; each split has thresholds of its own."""
        if not self.costed or any(sweep.win_rate is None for sweep in self.sweeps):
            return UNKNOWN, UNKNOWN, UNKNOWN
        figures, start = [], 0
        for sweep in self.sweeps:
            assert sweep.win_rate is not None
            figures.append(self._of_split(sweep.win_rate, slice(start, start + len(sweep.win_rate))))
            start += len(sweep.win_rate)
        values = np.mean([value for value, _ in figures], axis=0)
        drawn = np.mean([drawn for _, drawn in figures], axis=0)
        return tuple(interval(values[i], drawn[:, i]) for i in range(3))  # type: ignore[return-value]

    def _of_split(self, win_rate: FloatArray, part: slice) -> tuple[FloatArray, FloatArray]:
        strong = int(self.pool.reference[part.start])
        score = self.pool.score[part]
        calls = calls_to_strong(win_rate).T
        quality = np.where(calls, score[:, [strong]], score[:, [1 - strong]])
        columns = np.hstack([calls, quality, score[:, [1 - strong]], score[:, [strong]]])
        mean, drawn = self.pool.both(columns, part)
        return _pair_figures(mean), _pair_figures(drawn)

    def _calibration(self) -> Calibration | None:
        predicted = [sweep.p_success for sweep in self.sweeps]
        if any(p is None or np.isnan(p).any() for p in predicted):
            return None
        p = np.concatenate([p for p in predicted if p is not None])
        own = self.rows([self.at_default] * len(self.cells))[0]
        by_chance = calibration_errors_by_chance(p, groups=self.pool.question)
        error = expected_calibration_error(p, own)
        terms = auc_terms(p, own)[:, None]
        mean, drawn = self.pool.both(terms)
        return Calibration(
            n=len(p),
            brier=brier(p, own),
            error=error,
            excess=error - float(by_chance.mean()),
            limit=float(np.quantile(by_chance, 0.95)),
            auc=interval(mean[0], drawn[:, 0]),
        )


def _operating(setting: str, score: FloatArray, cost: FloatArray, pool: _Pool, *, blind: bool) -> Operating:
    """Returns the figures of one operating point from (n,) scores and costs."""
    reference_score, reference_cost = pool.reference_rows
    missed = ((score < SUCCESS) & (reference_score >= SUCCESS)).astype(np.float64)
    columns = np.column_stack([score, cost, score - reference_score, missed, missed * reference_cost])
    mean, drawn = pool.both(columns)
    figures = [interval(mean[i], drawn[:, i]) for i in range(columns.shape[1])]
    gain, beforehand = (_gains(mean, drawn, marks) for marks in (pool.fixed, pool.beforehand))
    reference = pool.reference_means
    return Operating(
        setting=setting,
        score=figures[0],
        cost=figures[1],
        difference=figures[2],
        cost_ratio=interval(float(_over(mean[1], reference[0][1])), _over(drawn[:, 1], reference[1][:, 1])),
        gain=interval(*gain),
        gain_lower=lower_limit(gain[1]),
        gain_beforehand=interval(*beforehand),
        gain_beforehand_lower=lower_limit(beforehand[1]),
        misroute=UNKNOWN if blind else figures[3],
        misroute_cost=UNKNOWN if blind else figures[4],
    )


def _gains(mean: FloatArray, drawn: FloatArray, marks: tuple[FloatArray, ...]) -> tuple[float, FloatArray]:
    """Returns how far a point (score and cost first) lies over the hull of the marks: the value, and its resamples."""
    cost, score, cost_drawn, score_drawn = marks
    on_data = gains_over_hull(mean[:1], mean[1:2], cost, score)
    return float(on_data[0]), gains_over_hull(drawn[:, :1], drawn[:, 1:2], cost_drawn, score_drawn)[:, 0]


def _pair_figures(means: FloatArray) -> FloatArray:
    """Returns (..., 3) APGR, CPT50, CPT80 from (..., 2 k + 2) means: shares, qualities, weak, strong."""
    k = (means.shape[-1] - 2) // 2
    share, quality = means[..., :k], means[..., k : 2 * k]
    weak, strong = means[..., 2 * k], means[..., 2 * k + 1]
    cpts = [cpt(share, quality, weak, strong, recovered=recovered) for recovered in (0.5, 0.8)]
    return np.stack([apgr(share, quality, weak, strong), *cpts], axis=-1)


def _over(part: FloatArray, whole: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)
    return ratio


def _ranked(results: Sequence[MethodResult], frontiers: Mapping[str, _Frontier]) -> tuple[MethodResult, ...]:
    """Returns the results in order, each compared with ours; corrected for all comparisons with baselines."""
    if NAME in frontiers:
        value, drawn = frontiers[NAME].main
        rivals = [result.name for result in results if not result.bound and not result.name.startswith(NAME)]
        versus = {
            name: (value - frontiers[name].main[0], drawn - frontiers[name].main[1])
            for name in (result.name for result in results if result.name != NAME)
        }
        p = {name: two_sided_p(*found) for name, found in versus.items()}
        corrected = dict(zip(rivals, holm(np.array([p[name] for name in rivals])).tolist(), strict=True))
        results = [
            result
            if result.name == NAME
            else replace(
                result,
                versus=Versus(
                    difference=centred_interval(*versus[result.name]),
                    p=p[result.name],
                    p_holm=corrected.get(result.name, float("nan")),
                ),
            )
            for result in results
        ]
    return tuple(sorted(results, key=lambda result: (result.bound, -np.nan_to_num(result.main.value, nan=-9.0))))
