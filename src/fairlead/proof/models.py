"""The table by model: what each was asked, what it answered, what it cost, how good and how fast it was."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist, median
from typing import TYPE_CHECKING

import numpy as np

from fairlead.statistics.bootstrap import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.proof.cases import Case
    from fairlead.types import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One candidate over all requests of a statement."""

    model: str
    n_calls: int
    """Attempts, failed ones included."""
    n_served: int
    """Answers that were delivered."""
    share: float
    """Of all delivered answers."""
    cost_usd: Decimal
    """Exact, over the calls whose cost is known."""
    n_unknown_cost: int
    """Calls whose cost is not known: in no sum."""
    n_scored: int
    score: Interval | None
    """Mean score of the answers it served; `None` where none was scored."""
    latency_p50_s: float | None
    """Median over its successful calls, seconds."""


def model_rows(cases: Sequence[Case]) -> tuple[ModelRow, ...]:
    """Returns one row a model, the one that answered most first."""
    calls: dict[str, list[Attempt]] = defaultdict(list)
    served: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        for attempt in case.attempts:
            calls[attempt.candidate].append(attempt)
        if case.served is not None:
            served[case.served].append(case)
    n_delivered = sum(len(answers) for answers in served.values())
    rows = [_row(model, calls[model], served[model], n_delivered) for model in sorted(calls)]
    return tuple(sorted(rows, key=lambda row: -row.n_served))


def _row(model: str, calls: Sequence[Attempt], served: Sequence[Case], n_delivered: int) -> ModelRow:
    known = [call.cost_usd for call in calls if call.cost_usd is not None]
    latencies = [call.latency_s for call in calls if call.status == "ok"]
    scored = [(case.session or f"request-{i}", case.score) for i, case in enumerate(served) if case.score is not None]
    return ModelRow(
        model=model,
        n_calls=len(calls),
        n_served=len(served),
        share=len(served) / n_delivered if n_delivered else 0.0,
        cost_usd=sum(known, Decimal(0)),
        n_unknown_cost=len(calls) - len(known),
        n_scored=len(scored),
        score=mean_score([session for session, _ in scored], [score for _, score in scored]) if scored else None,
        latency_p50_s=median(latencies) if latencies else None,
    )


def mean_score(sessions: Sequence[str], scores: Sequence[float]) -> Interval:
    """Returns the mean of scores in [0, 1] with its 95 % interval; answers of one session count as related.

    Wilson's interval at the effective sample size: the number of independent answers whose mean would vary as much.
    It stays inside [0, 1] and does not shrink to nothing where all scores are equal.

    References:
        Korn and Graubard, Confidence intervals for proportions with small expected number of positive counts
        estimated from survey data, Survey Methodology, 1998.
    """
    y = np.array(scores)
    _, label = np.unique(sessions, return_inverse=True)
    mean, n_sessions = float(y.mean()), int(label.max()) + 1
    residuals = np.bincount(label, weights=y - mean)
    variance = float((residuals**2).sum()) / len(y) ** 2
    n = min(mean * (1 - mean) / variance, len(y)) if variance > 0 else n_sessions
    z = NormalDist().inv_cdf(0.975)
    centre = (mean + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(mean * (1 - mean), 0.0) / n + z * z / (4 * n * n))
    return Interval(value=mean, low=max(0.0, centre - half), high=min(1.0, centre + half))
