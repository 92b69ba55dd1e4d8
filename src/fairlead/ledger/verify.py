"""Whether a ledger is whole and adds up.

Its chains hold, every bill is what usage and price rows say, and budgets hold what requests in flight hold of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from fairlead.ledger import balance, bills, erasing, inspection
from fairlead.ledger.inspection import Break

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fairlead.ledger.base import Entry, Ledger
    from fairlead.ledger.chain import ChainEnd

MAX_SHOWN = 100
"""Faults that a report lists; it counts all of them."""

RULES = inspection.RULES | bills.RULES | erasing.RULES | balance.RULES
"""Every rule that can be broken, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """A request that may have been called and was not settled: still in flight, or cut off by a crash."""

    request_id: str
    at: datetime
    reserved_usd: Decimal | None
    """What it cost at most; `None` where that is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What `verify` found."""

    n_rows: int
    """Rows in all chains."""
    ends: tuple[ChainEnd, ...]
    """Of every chain: noted elsewhere, they show later that nothing before them was touched."""
    n_requests: int
    n_attempts: int
    cost_usd: Decimal
    """Of all attempts whose cost is known."""
    n_unknown_cost: int
    """Attempts whose cost is not known, and so not in the sum."""
    n_estimated: int
    """Attempts whose usage was estimated, as the provider reported none."""
    unsettled: tuple[Unsettled, ...]
    n_faults: int
    faults: tuple[Break, ...]
    """The first `MAX_SHOWN`."""

    @property
    def ok(self) -> bool:
        """Tells whether everything adds up; an unsettled request is not a fault."""
        return self.n_faults == 0


def verify(ledger: Ledger, noted: Iterable[ChainEnd] = ()) -> Verification:
    """Reads the whole ledger, in bounded memory: follows every chain and computes every bill anew.

    Args:
        ledger: it may be written to meanwhile.
        noted: ends of its chains that were noted before; each must still be where it was.
    """
    tally = _Tally()
    ends = tuple(writer.end for writer in ledger.writers())
    for broken in inspection.breaks(ledger, noted):
        tally.fault(broken)
    for request_id in ledger.orphans():
        tally.fault(Break("intent_missing", f"requests {request_id}", RULES["intent_missing"], request_id))
    prices, payloads = ledger.prices(), erasing.Inspection(ledger)
    for entry in ledger.entries():
        tally.add(entry)
        for broken in (*bills.faults(entry, prices), *payloads.add(entry)):
            tally.fault(broken)
    for broken in (*payloads.rest(), *_of_budgets(ledger)):
        tally.fault(broken)
    return tally.verification(ends)


def _of_budgets(ledger: Ledger) -> Iterable[Break]:
    from fairlead.ledger.sql import SqlLedger  # noqa: PLC0415 - it need not be one

    return balance.faults(ledger) if isinstance(ledger, SqlLedger) else ()


class _Tally:
    """Counts and sums, filled entry by entry."""

    def __init__(self) -> None:
        self._n_requests = self._n_attempts = self._n_unknown_cost = self._n_estimated = self._n_faults = 0
        self._cost_usd = Decimal(0)
        self._unsettled: list[Unsettled] = []
        self._faults: list[Break] = []

    def add(self, entry: Entry) -> None:
        self._n_requests += 1
        if entry.status == "unsettled":
            self._unsettled.append(Unsettled(request_id=entry.request_id, at=entry.at, reserved_usd=entry.reserved_usd))
        for attempt in entry.attempts:
            self._n_attempts += 1
            self._n_unknown_cost += attempt.cost_usd is None
            self._n_estimated += attempt.usage is not None and attempt.usage.estimated
            self._cost_usd += attempt.cost_usd or 0

    def fault(self, fault: Break) -> None:
        self._n_faults += 1
        if len(self._faults) < MAX_SHOWN:
            self._faults.append(fault)

    def verification(self, ends: tuple[ChainEnd, ...]) -> Verification:
        return Verification(
            n_rows=sum(end.seq for end in ends),
            ends=ends,
            n_requests=self._n_requests,
            n_attempts=self._n_attempts,
            cost_usd=self._cost_usd,
            n_unknown_cost=self._n_unknown_cost,
            n_estimated=self._n_estimated,
            unsettled=tuple(self._unsettled),
            n_faults=self._n_faults,
            faults=tuple(self._faults),
        )
