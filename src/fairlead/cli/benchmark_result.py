"""The JSON of `fairlead benchmark`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.cli.evaluate import FitCell, Spread  # noqa: TC001 - msgspec reads the types of fields
from fairlead.cli.output import Result, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.evaluation.benchmark.provenance import Provenance
    from fairlead.evaluation.benchmark.results import PartResult


class BenchmarkPoint(msgspec.Struct, kw_only=True, frozen=True):
    """One operating point."""

    setting: str
    """Of the method's knob; several where splits picked different ones."""
    score: Spread
    """Mean score, in [0, 1]."""
    cost: Spread
    """Mean a request: USD, or share of strong calls; 0 where no cost is known."""
    difference: Spread
    """Mean score minus the reference's."""
    cost_ratio: Spread
    """Its cost over the reference's."""
    gain: Spread
    """Mean score minus the hull of fixed models at the same cost, picked in hindsight."""
    gain_lower: float | None
    """One-sided 95 % lower limit of that."""
    gain_beforehand: Spread
    """Mean score minus the mixes at the same cost that were picked on training prompts."""
    gain_beforehand_lower: float | None
    """One-sided 95 % lower limit of that."""
    misroute: Spread
    """Share of the prompts on which the reference succeeds and the served answer fails."""
    misroute_cost: Spread
    """What asking the reference again on them would add to the mean cost."""


class BenchmarkCalibration(msgspec.Struct, kw_only=True, frozen=True):
    """How far the expected score of the chosen candidate can be trusted, at the default point."""

    n: int
    brier: float
    error: float
    """Expected calibration error over ten bins of equal size."""
    excess: float
    """The same minus its mean under perfect calibration."""
    limit: float
    """What perfect calibration stays below in 95 cases of 100."""
    auc: Spread


class BenchmarkVersus(msgspec.Struct, kw_only=True, frozen=True):
    """How far Fairlead's main figure is ahead of the method's."""

    difference: Spread
    p: float
    """Two-sided, alone."""
    p_holm: float | None
    """Corrected for the comparisons with all baselines of the part; `null` for bounds."""


class BenchmarkMethod(msgspec.Struct, kw_only=True, frozen=True):
    """One method on one part."""

    name: str
    bound: bool
    """It knows what no router can: a ceiling, no competitor."""
    about: str
    took_s: float
    """To learn and to decide at every setting, mean over splits."""
    main: Spread
    """What methods are ranked by: area over the hull, or the score at the default point where no cost is known."""
    aiq: Spread
    """Mean height of its hull over the cost range of the fixed models."""
    default: BenchmarkPoint
    parity: BenchmarkPoint | None
    """The cheapest setting, picked in hindsight, that scores as much as the reference."""
    picked: dict[str, BenchmarkPoint]
    """Purpose -> the settings that the splits picked for it on their training prompts."""
    best: BenchmarkPoint
    """The setting of the highest score, picked in hindsight."""
    perf_gain: Spread
    """Largest gain in score, relative to the reference's."""
    regret: Spread
    """The oracle's mean score minus its best."""
    pareto_distance: float | None
    """Mean distance of its points to the Pareto frontier of everybody's."""
    at_cost: dict[str, Spread]
    """Share of the reference's cost -> the score that its hull reaches there."""
    apgr: Spread
    cpt50: Spread
    cpt80: Spread
    """Of two models, by RouteLLM's definitions; `null` elsewhere."""
    calibration: BenchmarkCalibration | None
    points: tuple[tuple[str, float, float], ...]
    """Setting, cost, score."""
    lowest_band: float | None
    """The lowest end, over all settings, of a band that holds all their gains over the hull at once."""
    versus: BenchmarkVersus | None
    """Fairlead against it."""


class BenchmarkFixed(msgspec.Struct, kw_only=True, frozen=True):
    """One model that serves everything."""

    model: str
    score: Spread
    cost: Spread


class BenchmarkFlip(msgspec.Struct, kw_only=True, frozen=True):
    """What one change of the wording does to the choices of Fairlead without its guard."""

    change: str
    adversarial: bool
    n: int
    flipped: float
    dearer: float


class BenchmarkPart(msgspec.Struct, kw_only=True, frozen=True):
    """All methods on one part of the benchmark."""

    name: str
    cost: str
    """`usd`, `strong share` or `none`."""
    data_hash: str
    """SHA-256 of the judged outcomes."""
    n_prompts: int
    n_judged: int
    """Over all splits: a prompt that is tested in two counts twice."""
    n_questions: int
    n_splits: int
    n_train: int
    n_test: int
    n_prompts_left_out: int
    models_left_out: tuple[str, ...]
    references: tuple[str, ...]
    fixed: tuple[BenchmarkFixed, ...]
    methods: tuple[BenchmarkMethod, ...]
    """Best first, bounds last."""
    not_applicable: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    """Method and what went wrong."""
    few_labels: bool
    flips: tuple[BenchmarkFlip, ...]
    fit_table: tuple[FitCell, ...]


class BenchmarkClaim(msgspec.Struct, kw_only=True, frozen=True):
    """A bar and whether it is reached."""

    claim: str
    part: str
    bar: str
    measured: str
    n: int
    """Different questions behind it."""
    reached: bool


class BenchmarkResult(Result, kw_only=True, frozen=True):
    """What `fairlead benchmark` found."""

    schema: str = "fairlead.benchmark/1"
    command: str
    version: str
    """Of Fairlead, with a hash of the code that decides."""
    python: str
    numpy: str
    n_seeds: int
    first_seed: int
    n_boot: int
    took_s: float
    """Work in all cells, fits included."""
    lacking: tuple[str, ...]
    """Known tables that were not there."""
    claims: tuple[BenchmarkClaim, ...]
    ranking: dict[str, float]
    """Method -> mean rank over the parts, first the best."""
    parts: tuple[BenchmarkPart, ...]


def written(found: Sequence[PartResult], provenance: Provenance) -> BenchmarkResult:
    """Returns the results as JSON has them; what is unknown is `null`."""
    from fairlead.evaluation.benchmark.claims import claims, ranking  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.evaluation.benchmark.ours import NAME  # noqa: PLC0415

    whole = [part for part in found if not part.few_labels and part.method(NAME)]
    named = ("command", "version", "python", "numpy", "n_seeds", "first_seed", "n_boot", "took_s", "lacking")
    return BenchmarkResult(
        **{name: getattr(provenance, name) for name in named},
        claims=told(claims(found), BenchmarkClaim),
        ranking=ranking(whole) if whole else {},
        parts=told(found, BenchmarkPart),
    )
