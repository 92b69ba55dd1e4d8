"""The table of task kind by model: how good, how dear and how fast each was at what it was asked."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from fairlead.proof.models import mean_score
from fairlead.statistics.bootstrap import Interval
from fairlead.statistics.student import student_t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.proof.cases import Case

UNKNOWN_KIND = "not kept"
"""Rows of before kinds were kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """One model at one kind of task, over the answers that it delivered."""

    kind: str
    model: str
    n: int
    n_scored: int
    score: Interval | None
    """Mean score; `None` where none was scored."""
    cost_usd: Interval | None
    """Mean cost of the answer alone; `None` with fewer than two sessions whose cost is known."""
    latency_p50_s: float | None
    """Median of the delivered call, seconds."""


def kind_rows(cases: Sequence[Case]) -> tuple[KindRow, ...]:
    """Returns a row for each kind and model that met; the kind with the most answers first."""
    cells: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        if case.served is not None:
            cells[case.kind or UNKNOWN_KIND, case.served].append(case)
    sizes: dict[str, int] = defaultdict(int)
    for (kind, _), found in cells.items():
        sizes[kind] += len(found)
    order = sorted(cells, key=lambda cell: (-sizes[cell[0]], cell[0], -len(cells[cell]), cell[1]))
    return tuple(_row(kind, model, cells[kind, model]) for kind, model in order)


def _row(kind: str, model: str, cases: Sequence[Case]) -> KindRow:
    scored = [case for case in cases if case.score is not None]
    latencies = [case.delivered.latency_s for case in cases if case.delivered is not None]
    return KindRow(
        kind=kind,
        model=model,
        n=len(cases),
        n_scored=len(scored),
        score=mean_score(_sessions(scored), [case.score or 0.0 for case in scored]) if scored else None,
        cost_usd=mean_cost([case for case in cases if case.served_usd is not None]),
        latency_p50_s=median(latencies) if latencies else None,
    )


def mean_cost(cases: Sequence[Case]) -> Interval | None:
    """Returns the mean cost of an answer with its 95 % interval, on the logarithm's scale; `None` for one session."""
    usd = np.array([float(case.served_usd or 0) for case in cases])
    _, label = np.unique(_sessions(cases), return_inverse=True)
    n_sessions = int(label.max()) + 1 if len(cases) else 0
    if n_sessions < 2:
        return None
    mean = float(usd.mean())
    residuals = np.bincount(label, weights=usd - mean)
    sd = math.sqrt(float((residuals**2).sum()) * n_sessions / (n_sessions - 1)) / len(cases)
    factor = math.exp(min(student_t(n_sessions - 1) * sd / mean, 700.0)) if mean > 0 else 1.0
    return Interval(value=mean, low=mean / factor, high=mean * factor)


def _sessions(cases: Sequence[Case]) -> list[str]:
    return [case.session or f"request-{i}" for i, case in enumerate(cases)]
