"""The table by model: what each was asked, what it answered, what it cost, how good and how fast it was."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING

from fairlead.ledger.sources import Kind  # noqa: TC001 - msgspec reads the annotations
from fairlead.proof.marks import marks
from fairlead.statistics.bootstrap import Interval  # noqa: TC001

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
    """Answers that the kind of source which counts scored."""
    n_more: int
    """Answers that another kind scored alone; they count as far as it follows the first."""
    scored_by: Kind | None
    """The kind of source that counts; `None` where none was scored."""
    helped_by: Kind | None
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
    given = marks(served)
    return ModelRow(
        model=model,
        n_calls=len(calls),
        n_served=len(served),
        share=len(served) / n_delivered if n_delivered else 0.0,
        cost_usd=sum(known, Decimal(0)),
        n_unknown_cost=len(calls) - len(known),
        n_scored=given.n_scored,
        n_more=given.n_more,
        scored_by=given.scored_by,
        helped_by=given.helped_by,
        score=given.score,
        latency_p50_s=median(latencies) if latencies else None,
    )
