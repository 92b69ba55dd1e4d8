"""What came out of the benchmark, as values: parts, methods, operating points; each figure with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.evaluation.benchmark.cells import Flip
    from fairlead.evaluation.fit_table import FitCell
    from fairlead.statistics.bootstrap import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Operating:
    """One operating point."""

    setting: str
    score: Interval
    cost: Interval
    """Mean a request, USD or share of strong calls; zero where no cost is known."""
    difference: Interval
    """Mean score minus the reference's."""
    cost_ratio: Interval
    """Its cost over the reference's."""
    gain: Interval
    """Mean score minus the hull of fixed candidates at the same cost."""
    gain_lower: float
    """One-sided 95 % lower limit of that."""
    gain_beforehand: Interval
    """Mean score minus what the mixes reach at the same cost that were picked on the training prompts."""
    gain_beforehand_lower: float
    misroute: Interval
    """Share of the prompts on which the reference succeeds and the served answer fails."""
    misroute_cost: Interval
    """What asking the reference again on them would add to the mean cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How far the expected score of the chosen candidate can be trusted, at the default point."""

    n: int
    brier: float
    error: float
    """Expected calibration error over ten bins of equal size."""
    excess: float
    """The same minus its mean under perfect calibration."""
    limit: float
    """What perfect calibration stays below in 95 cases of 100."""
    auc: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus:
    """How far our main figure is ahead of another method's, on the same resamples."""

    difference: Interval
    p: float
    """Two-sided, alone."""
    p_holm: float
    """Corrected for the comparisons with all baselines of the part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodResult:
    """One method on one part."""

    name: str
    bound: bool
    about: str
    took_s: float
    """To learn and to decide at every setting, mean over splits."""
    main: Interval
    """What methods are ranked by: area over the hull, or the score at the default point where no cost is known."""
    aiq: Interval
    """Mean height of its hull over the cost range of the fixed candidates."""
    default: Operating
    parity: Operating | None
    """The cheapest setting, picked in hindsight, that scores at least as much as the reference; `None` without one."""
    picked: Mapping[str, Operating]
    """Purpose -> the setting that each split picked for it on its training prompts, judged on the others."""
    best: Operating
    """The setting of the highest score, picked in hindsight."""
    perf_gain: Interval
    regret: Interval
    """The oracle's best mean score minus its own."""
    pareto_distance: float
    at_cost: Mapping[float, Interval]
    """Share of the reference's cost -> the score that its hull reaches there."""
    apgr: Interval
    cpt50: Interval
    cpt80: Interval
    """Of two models; NaN elsewhere."""
    calibration: Calibration | None
    points: tuple[tuple[str, float, float], ...]
    """Setting, cost, score."""
    lowest_band: float
    """The lowest end, over all settings, of a band that holds the gains over the hull of all of them at once."""
    versus: Versus | None = None
    """Ours against it; `None` for ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedResult:
    """One candidate that serves everything."""

    model: str
    score: Interval
    cost: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult:
    """All methods on one part."""

    name: str
    cost: str
    data_hash: str
    n_prompts: int
    """In the part."""
    n_judged: int
    """Over all splits: a prompt that is tested in two counts twice."""
    n_questions: int
    n_splits: int
    n_train: int
    """Prompts that the first split was fitted on."""
    n_test: int
    """Prompts of the smallest test side."""
    n_prompts_left_out: int
    models_left_out: tuple[str, ...]
    references: tuple[str, ...]
    fixed: tuple[FixedResult, ...]
    methods: tuple[MethodResult, ...]
    """In the order of the main figure, bounds last."""
    not_applicable: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    """Method and what went wrong, or that a split is missing."""
    few_labels: bool
    flips: tuple[Flip, ...]
    """Of our router without its guard, on the first split."""
    fit_table: tuple[FitCell, ...]
    """Each model on each kind of task, over all prompts of the part."""

    @property
    def costed(self) -> bool:
        """Whether there are costs to compare."""
        return self.cost != "none"

    def method(self, name: str) -> MethodResult | None:
        """Returns the method of that name, if it is there."""
        return next((method for method in self.methods if method.name == name), None)
