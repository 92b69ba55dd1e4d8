"""The table of task kind by model: how good, how dear and how fast each was at what it was asked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from fairlead.ledger.sources import Kind  # noqa: TC001 - msgspec reads the annotations
from fairlead.proof.marks import marks
from fairlead.proof.means import mean_cost
from fairlead.statistics.bootstrap import Interval  # noqa: TC001

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
    """Answers that the kind of source which counts scored."""
    n_more: int
    """Answers that another kind scored alone; they count as far as it follows the first."""
    scored_by: Kind | None
    """The kind of source that counts; `None` where none was scored."""
    helped_by: Kind | None
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
    given = marks(cases)
    latencies = [case.delivered.latency_s for case in cases if case.delivered is not None]
    return KindRow(
        kind=kind,
        model=model,
        n=len(cases),
        n_scored=given.n_scored,
        n_more=given.n_more,
        scored_by=given.scored_by,
        helped_by=given.helped_by,
        score=given.score,
        cost_usd=mean_cost([case for case in cases if case.served_usd is not None]),
        latency_p50_s=median(latencies) if latencies else None,
    )
