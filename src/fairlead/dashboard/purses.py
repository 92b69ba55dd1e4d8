"""Who may spend how much, and has: virtual keys and routes with their budgets, as the ledger's counters have it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from fairlead.ledger.budget import Limit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fairlead.dashboard.question import Installation
    from fairlead.ledger.keys import Key
    from fairlead.ledger.sql import SqlLedger

MAX_KEYS = 200
"""Of many keys the newest are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """A budget in the period that runs."""

    name: str
    most_usd: Decimal
    per: str
    spent_usd: Decimal
    held_usd: Decimal
    """Set aside for requests that are not settled yet."""

    @property
    def left_usd(self) -> Decimal:
        """What may still be claimed; negative where a call cost more than was set aside for it."""
        return self.most_usd - self.spent_usd - self.held_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A virtual key; of the key itself nothing is kept."""

    key: Key
    state: str
    """`active`, `expired` or `revoked`."""
    purse: Purse | None
    """`None` without a budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purses:
    """All that may be spent."""

    keys: tuple[KeyRow, ...]
    """The newest first."""
    routes: tuple[Purse, ...]


def purses(ledger: SqlLedger, installation: Installation, now: datetime) -> Purses:
    """Returns the keys and budgets of an installation at a moment."""
    keys = ledger.keys.all()[-MAX_KEYS:][::-1]
    of_keys = {key.id: _usd(key.terms.limits(key.id)) for key in keys}
    of_routes = {
        route.name: Limit(kind="usd", owner=route.budget.owner, most=route.budget.usd, per=route.budget.per)
        for route in installation.routes
        if route.budget is not None
    }
    limits = [limit for limit in (*of_keys.values(), *of_routes.values()) if limit is not None]
    used = ledger.keys.used([limit.account(now) for limit in limits]) if limits else {}

    def purse(name: str, limit: Limit | None) -> Purse | None:
        if limit is None:
            return None
        spent, held = used.get(limit.account(now), (Decimal(0), Decimal(0)))
        return Purse(name=name, most_usd=limit.most, per=str(limit.per), spent_usd=spent, held_usd=held)

    rows = [KeyRow(key=key, state=key.ended(now) or "active", purse=purse(key.name, of_keys[key.id])) for key in keys]
    routes = (purse(name, limit) for name, limit in of_routes.items())
    return Purses(keys=tuple(rows), routes=tuple(found for found in routes if found is not None))


def _usd(limits: Sequence[Limit]) -> Limit | None:
    return next((limit for limit in limits if limit.kind == "usd"), None)
