"""Do the budgets hold what the requests in flight hold of them? Both are moved in one transaction, so they must."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from fairlead.ledger.budget import EXACT
from fairlead.ledger.inspection import Break
from fairlead.ledger.schema import counters, holds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.ledger.sql import SqlLedger

RULES = {"held_differs": "a budget says that other sums are set aside than the requests in flight hold of it"}

_HELD = (
    select(counters.c.account, counters.c.held, holds.c.amount)
    .select_from(counters.outerjoin(holds, and_(holds.c.account == counters.c.account, holds.c.kind == "usd")))
    .where(counters.c.account.startswith("usd/"))
)
"""Both at one moment, since it is one statement: the ledger may be written to meanwhile."""


def faults(ledger: SqlLedger) -> Iterator[Break]:
    """Yields every budget that holds too much, so that it pays for less than it could, or too little."""
    said: dict[str, Decimal] = {}
    summed: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in ledger.tuples(_HELD):
        said[row.account] = Decimal(row.held)
        summed[row.account] = EXACT.add(summed[row.account], Decimal(row.amount or 0))
    for account, held in said.items():
        if held != summed[account]:
            detail = f"{RULES['held_differs']}: ${held:f}, and requests in flight ${summed[account]:f}"
            yield Break("held_differs", f"counters {account}", detail)
