"""Whether a ledger adds up: every bill is computed anew from usage and price rows, digit by digit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from fairlead.ledger.base import Entry, Ledger
    from fairlead.types import Attempt, Price

MAX_SHOWN = 100
"""Faults that a report lists; it counts all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that does not add up."""

    request_id: str
    rule: str
    """One word of `RULES`."""
    detail: str


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
    faults: tuple[Fault, ...]
    """The first `MAX_SHOWN`."""

    @property
    def ok(self) -> bool:
        """Tells whether everything adds up; an unsettled request is not a fault."""
        return self.n_faults == 0


RULES = {
    "intent_missing": "there is a settlement, or an attempt, without what came before it",
    "price_unknown": "an attempt names a price row that the ledger does not hold",
    "cost_differs": "an attempt's cost is not its usage times its price row",
    "cost_without_ground": "an attempt has a cost, but no usage or no price row to compute it from",
    "total_differs": "a settlement's cost is not the sum of its attempts",
}
"""Every rule that can be broken, in words."""


def verify(ledger: Ledger) -> Verification:
    """Reads the whole ledger once, in bounded memory, and computes every bill anew."""
    tally = _Tally(ledger.prices())
    for request_id in ledger.orphans():
        tally.fault(Fault(request_id=request_id, rule="intent_missing", detail=RULES["intent_missing"]))
    for entry in ledger.entries():
        tally.add(entry)
    return tally.verification()


class _Tally:
    """Counts and sums, filled entry by entry."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._prices = prices
        self._n_requests = self._n_attempts = self._n_unknown_cost = self._n_estimated = self._n_faults = 0
        self._cost_usd = Decimal(0)
        self._unsettled: list[Unsettled] = []
        self._faults: list[Fault] = []

    def add(self, entry: Entry) -> None:
        self._n_requests += 1
        if entry.status == "unsettled":
            self._unsettled.append(Unsettled(request_id=entry.request_id, at=entry.at, reserved_usd=entry.reserved_usd))
        for attempt in entry.attempts:
            self._n_attempts += 1
            self._n_unknown_cost += attempt.cost_usd is None
            self._n_estimated += attempt.usage is not None and attempt.usage.estimated
            self._cost_usd += attempt.cost_usd or 0
        for fault in _faults(entry, self._prices):
            self.fault(fault)

    def fault(self, fault: Fault) -> None:
        self._n_faults += 1
        if len(self._faults) < MAX_SHOWN:
            self._faults.append(fault)

    def verification(self) -> Verification:
        return Verification(
            n_requests=self._n_requests,
            n_attempts=self._n_attempts,
            cost_usd=self._cost_usd,
            n_unknown_cost=self._n_unknown_cost,
            n_estimated=self._n_estimated,
            unsettled=tuple(self._unsettled),
            n_faults=self._n_faults,
            faults=tuple(self._faults),
        )


def _faults(entry: Entry, prices: Mapping[str, Price]) -> Iterator[Fault]:
    for attempt in entry.attempts:
        for rule, detail in _attempt_faults(attempt, prices):
            yield Fault(request_id=entry.request_id, rule=rule, detail=f"attempt {attempt.number}: {detail}")
    total = _total(entry)
    if not _same(entry.cost_usd, total):
        detail = f"the settlement says {_usd(entry.cost_usd)}, its attempts sum to {_usd(total)}"
        yield Fault(request_id=entry.request_id, rule="total_differs", detail=detail)


def _total(entry: Entry) -> Decimal | None:
    known = [attempt.cost_usd for attempt in entry.attempts if attempt.cost_usd is not None]
    complete = len(known) == len(entry.attempts) and entry.status != "unsettled"
    return sum(known, Decimal(0)) if complete else None


def _attempt_faults(attempt: Attempt, prices: Mapping[str, Price]) -> Iterator[tuple[str, str]]:
    if attempt.price_id is not None and attempt.price_id not in prices:
        yield "price_unknown", f"price row `{attempt.price_id}` is not in the ledger"
    elif attempt.usage is None or attempt.price_id is None:
        if attempt.cost_usd:  # a call that was refused before any output costs nothing, on no ground
            yield "cost_without_ground", f"{_usd(attempt.cost_usd)} cannot be computed from anything"
    else:
        expected = prices[attempt.price_id].cost_usd(attempt.usage)
        if not _same(attempt.cost_usd, expected):
            yield "cost_differs", f"kept as {_usd(attempt.cost_usd)}, computed anew {_usd(expected)}"


def _same(kept: Decimal | None, computed: Decimal | None) -> bool:
    """Tells whether two sums are written alike, digit by digit."""
    return _usd(kept) == _usd(computed)


def _usd(value: Decimal | None) -> str:
    return "unknown" if value is None else f"{value:f} USD"
