"""Bills computed anew from the rows alone: tokens times rates, digit by digit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from fairlead.ledger.inspection import Break

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fairlead.ledger.base import Entry
    from fairlead.types import Attempt, Price

RULES = {
    "intent_missing": "there is a settlement, or an attempt, without what came before it",
    "price_unknown": "an attempt names a price row that the ledger does not hold",
    "cost_differs": "an attempt's cost is not its usage times its price row",
    "cost_without_ground": "an attempt has a cost, but no usage or no price row to compute it from",
    "total_differs": "a settlement's cost is not the sum of its attempts",
}
"""Every rule of a bill that can be broken, in words."""


def rebuilt_usd(attempt: Attempt, prices: Mapping[str, Price]) -> Decimal | None:
    """Returns what an attempt cost by its usage and its price row; `None` where one of them is not known.

    A call that was refused before any output costs nothing, on no ground.
    """
    price = prices.get(attempt.price_id or "")
    if attempt.usage is not None and price is not None:
        return price.cost_usd(attempt.usage)
    return Decimal(0) if attempt.usage is None and attempt.cost_usd == 0 else None


def faults(entry: Entry, prices: Mapping[str, Price]) -> Iterator[Break]:
    """Yields what does not add up in the bill of a request."""
    for attempt in entry.attempts:
        name = f"attempts {entry.request_id}/{attempt.number}"
        for rule, detail in attempt_faults(attempt, prices):
            yield Break(rule, name, detail, entry.request_id)
    total = _total(entry)
    if not _same(entry.cost_usd, total):
        detail = f"the settlement says {usd(entry.cost_usd)}, its attempts sum to {usd(total)}"
        yield Break("total_differs", f"settlements {entry.request_id}", detail, entry.request_id)


def attempt_faults(attempt: Attempt, prices: Mapping[str, Price]) -> Iterator[tuple[str, str]]:
    """Yields (rule, in words) for what does not add up in an attempt."""
    if attempt.price_id is not None and attempt.price_id not in prices:
        yield "price_unknown", f"price row `{attempt.price_id}` is not in the ledger"
    elif attempt.usage is None or attempt.price_id is None:
        if attempt.cost_usd:
            yield "cost_without_ground", f"{usd(attempt.cost_usd)} cannot be computed from anything"
    elif not _same(attempt.cost_usd, expected := rebuilt_usd(attempt, prices)):
        yield "cost_differs", f"kept as {usd(attempt.cost_usd)}, computed anew {usd(expected)}"


def usd(value: Decimal | None) -> str:
    """Returns a sum with every digit."""
    return "unknown" if value is None else f"{value:f} USD"


def _total(entry: Entry) -> Decimal | None:
    known = [attempt.cost_usd for attempt in entry.attempts if attempt.cost_usd is not None]
    complete = len(known) == len(entry.attempts) and entry.status != "unsettled"
    return sum(known, Decimal(0)) if complete else None


def _same(kept: Decimal | None, computed: Decimal | None) -> bool:
    """Tells whether two sums are written alike, digit by digit."""
    return usd(kept) == usd(computed)
