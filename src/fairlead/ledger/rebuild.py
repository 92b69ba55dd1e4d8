"""The bill computed anew from usage and price rows alone, model by model, beside the one that was kept."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from fairlead.ledger import bills

if TYPE_CHECKING:
    from datetime import datetime

    from fairlead.ledger.base import Ledger
    from fairlead.ledger.inspection import Break
    from fairlead.types import Attempt

MAX_SHOWN = 100
"""Differences that are listed; all are counted."""


@dataclass(slots=True, kw_only=True)
class Line:
    """One candidate's share of the bill."""

    candidate: str
    n_attempts: int = 0
    n_unknown: int = 0
    """Attempts that cannot be priced, and so are in neither sum."""
    kept_usd: Decimal = Decimal(0)
    rebuilt_usd: Decimal = Decimal(0)


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """What `rebuild` found."""

    lines: tuple[Line, ...] = ()
    """By candidate."""
    n_requests: int = 0
    n_differences: int = 0
    differences: list[Break] = field(default_factory=list)
    """The first `MAX_SHOWN`."""

    @property
    def kept_usd(self) -> Decimal:
        """The sum that was written down."""
        return sum((line.kept_usd for line in self.lines), Decimal(0))

    @property
    def rebuilt_usd(self) -> Decimal:
        """The sum that the rows give."""
        return sum((line.rebuilt_usd for line in self.lines), Decimal(0))


def rebuild(ledger: Ledger, since: datetime | None = None) -> Rebuilt:
    """Computes every bill from `since` on anew, in bounded memory, and compares digit by digit."""
    found, prices = Rebuilt(), ledger.prices()
    lines: defaultdict[str, Line] = defaultdict(lambda: Line(candidate=""))
    for entry in ledger.entries(since):
        found.n_requests += 1
        for attempt in entry.attempts:
            _add(lines[attempt.candidate], attempt, bills.rebuilt_usd(attempt, prices))
        for difference in bills.faults(entry, prices):
            found.n_differences += 1
            if len(found.differences) < MAX_SHOWN:
                found.differences.append(difference)
    for name, line in lines.items():
        line.candidate = name
    found.lines = tuple(lines[name] for name in sorted(lines))
    return found


def _add(line: Line, attempt: Attempt, rebuilt_usd: Decimal | None) -> None:
    line.n_attempts += 1
    line.kept_usd += attempt.cost_usd or 0
    line.rebuilt_usd += rebuilt_usd or 0
    line.n_unknown += rebuilt_usd is None
