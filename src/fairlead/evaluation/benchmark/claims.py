"""What is claimed of routing, each with its bar, what was measured, and whether that reaches it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluation.baselines.blind import BestSingle
from fairlead.evaluation.benchmark.ours import DIRECT, NAME, UNGUARDED
from fairlead.statistics.comparisons import mean_ranks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairlead.evaluation.benchmark.results import MethodResult, Operating, PartResult

NEVER_WORSE = -0.005
LEVEL = 0.05
MIN_CALIBRATION = 1000
MAX_EXCESS = 0.015

PARITY_BARS = {"mmlu_pro": 0.85, "zeroeval/gsm8k": 0.22, "zeroeval/math_level5": 0.50}
"""Part -> largest share of the reference's cost at which parity is to be kept, the setting picked beforehand."""
GAIN_BARS = {"mmlu_pro": 0.017}
"""Part -> smallest gain over the reference at no more than its cost, the setting picked beforehand."""
APGR_BARS = {"routellm/mmlu, 1,500 labels": 0.64, "routellm/gsm8k, 660 labels": 0.62}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim on one part."""

    claim: str
    part: str
    bar: str
    measured: str
    n: int
    """Different questions behind it."""
    reached: bool


def claims(parts: Sequence[PartResult]) -> tuple[Claim, ...]:
    """Returns what can be said from these parts."""
    ours = [(part, method) for part in parts if (method := part.method(NAME)) is not None]
    whole = [(part, method) for part, method in ours if not part.few_labels]
    return (
        *(_never_worse(part, method) for part, method in whole),
        *_better([part for part, _ in whole]),
        *(claim for part, method in whole for claim in _beforehand(part, method)),
        *(claim for part, method in whole for claim in _above_direct(part, method)),
        *_few_labels(ours),
        *(claim for part, method in whole for claim in _calibrated(part, method)),
    )


def by_bar(found: Sequence[Claim]) -> dict[tuple[str, str], list[Claim]]:
    """Returns (claim, bar) -> what was measured of it, in order."""
    groups: dict[tuple[str, str], list[Claim]] = {}
    for claim in found:
        groups.setdefault((claim.claim, claim.bar), []).append(claim)
    return groups


def _never_worse(part: PartResult, method: MethodResult) -> Claim:
    point = method.default
    hull = f"{_points(point.gain.value)} over the hull, at least {_points(point.gain_lower)}"
    own = f"over what is picked beforehand {_points(point.gain_beforehand.value)}, "
    own += f"at least {_points(point.gain_beforehand_lower)}"
    return Claim(
        claim="never worse than no router",
        part=part.name,
        bar="one-sided 95 % lower limit of the gain over the hull of fixed candidates above -0.5 point",
        measured=f"{hull}; {own}; over all settings together at least {_points(method.lowest_band)}",
        n=part.n_questions,
        reached=point.gain_lower > NEVER_WORSE,
    )


def _better(parts: Sequence[PartResult]) -> Iterator[Claim]:
    if not parts:
        return
    ranks = ranking(parts)
    place, first = 1 + sum(rank < ranks[NAME] for rank in ranks.values()), next(iter(ranks))
    behind = [
        f"{method.name} on {part.name}"
        for part in parts
        for method in part.methods
        if method.versus and not method.bound and _significantly_ahead(method)
    ]
    n = sum(part.n_questions for part in parts)
    yield Claim(
        claim="better than the field's methods",
        part="all",
        bar="first in mean rank by the main figure",
        measured=f"place {place} of {len(ranks)}, mean rank {ranks[NAME]:.2f}; first is {first}",
        n=n,
        reached=place == 1,
    )
    yield Claim(
        claim="better than the field's methods",
        part="all",
        bar="significantly behind no baseline on any table (Holm)",
        measured="behind none" if not behind else f"behind {', '.join(behind)}",
        n=n,
        reached=not behind,
    )


def _significantly_ahead(method: MethodResult) -> bool:
    """Says whether a baseline is ahead of ours beyond chance."""
    versus = method.versus
    return versus is not None and versus.p_holm < LEVEL and versus.difference.value < 0


def ranking(parts: Sequence[PartResult]) -> dict[str, float]:
    """Returns the mean rank of each method over the parts, by the main figure, best first; bounds apart.

    Where a method does not apply it leaves one with the best single model, so that is what it is ranked by. Our own
    variants beside the one that serves take no place.
    """
    names = list(dict.fromkeys(m.name for part in parts for m in part.methods if not m.bound))
    names = [name for name in names if name == NAME or not name.startswith(NAME)]
    figures = np.full((len(parts), len(names)), np.nan)
    for i, part in enumerate(parts):
        found = {method.name: method.main.value for method in part.methods}
        figures[i] = [found.get(name, found.get(BestSingle().name, np.nan)) for name in names]
    ranks = dict(zip(names, mean_ranks(figures).tolist(), strict=True))
    return dict(sorted(ranks.items(), key=lambda item: item[1]))


def _beforehand(part: PartResult, method: MethodResult) -> Iterator[Claim]:
    if part.name in GAIN_BARS:
        point = method.picked.get("same cost")
        yield Claim(
            claim="better at the same cost, setting picked on training prompts",
            part=part.name,
            bar=f"at least {_points(GAIN_BARS[part.name])} over the reference at no more than its cost",
            measured=_with_and_without_guard(part, point, "same cost"),
            n=part.n_questions,
            reached=point is not None
            and point.difference.value >= GAIN_BARS[part.name]
            and point.cost_ratio.value <= 1.0,
        )
    if part.name in PARITY_BARS:
        point = method.picked.get("parity")
        yield Claim(
            claim="parity for less, setting picked on training prompts",
            part=part.name,
            bar=f"mean difference to the reference of at least zero at {PARITY_BARS[part.name]:.0%} of its cost",
            measured=_with_and_without_guard(part, point, "parity"),
            n=part.n_questions,
            reached=point is not None
            and point.difference.value >= 0
            and point.cost_ratio.value <= PARITY_BARS[part.name],
        )


def _with_and_without_guard(part: PartResult, point: Operating | None, purpose: str) -> str:
    """Returns what serves, and what the policy behind it comes to: with few prompts the guard may refuse either."""
    unguarded = part.method(UNGUARDED)
    behind = None if unguarded is None else unguarded.picked.get(purpose)
    return f"{_against_reference(point)}; without the guard {_against_reference(behind)}"


def _against_reference(point: Operating | None) -> str:
    if point is None:
        return "no setting was expected to reach it"
    difference, ratio = point.difference, point.cost_ratio
    return (
        f"{_points(difference.value)} [{_points(difference.low)}, {_points(difference.high)}] "
        f"at {ratio.value:.0%} [{ratio.low:.0%}, {ratio.high:.0%}] of its cost"
    )


def _above_direct(part: PartResult, method: MethodResult) -> Iterator[Claim]:
    direct = part.method(DIRECT)
    if direct is None or direct.versus is None:
        return
    ahead = direct.versus.difference
    yield Claim(
        claim="cascades never below the direct policies",
        part=part.name,
        bar="area over the hull at least that of the same router without cascades",
        measured=f"{_points(ahead.value)} [{_points(ahead.low)}, {_points(ahead.high)}]",
        n=part.n_questions,
        reached=method.main.value >= direct.main.value,
    )


def _few_labels(ours: Sequence[tuple[PartResult, MethodResult]]) -> Iterator[Claim]:
    for part, method in ours:
        if part.name in APGR_BARS and not math.isnan(method.apgr.value):
            bar = APGR_BARS[part.name]
            yield Claim(
                claim="in-domain with few labels (not RouteLLM's protocol)",
                part=part.name,
                bar=f"APGR of at least {bar}, mean of {part.n_splits} draws",
                measured=f"{method.apgr.value:.3f} [{method.apgr.low:.3f}, {method.apgr.high:.3f}]",
                n=part.n_questions,
                reached=method.apgr.value >= bar,
            )


def _calibrated(part: PartResult, method: MethodResult) -> Iterator[Claim]:
    direct = part.method(DIRECT)
    found = (direct or method).calibration
    if found is None or part.n_test < MIN_CALIBRATION:
        return
    yield Claim(
        claim="calibration of the chosen candidate",
        part=part.name,
        bar=f"error above chance of at most {MAX_EXCESS}, or error within the 95th percentile of chance",
        measured=f"{found.excess:+.4f} above chance, error {found.error:.4f}, 95th percentile {found.limit:.4f}, "
        f"Brier {found.brier:.4f}",
        n=part.n_questions,
        reached=found.excess <= MAX_EXCESS or found.error <= found.limit,
    )


def _points(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{100 * value:+.2f} points"
