"""When sessions were last seen, and who answered them: so that a start does not break off what is under way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from fairlead.ledger.schema import requests, settlements

if TYPE_CHECKING:
    from datetime import datetime

    from fairlead.ledger.sql import SqlLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One request of a session."""

    session_id: str
    at: datetime
    served: str | None
    """Who answered; `None` where nobody did."""
    opted_out: bool


def sightings(ledger: SqlLedger, *, since: datetime, limit: int) -> list[Sighting]:
    """Returns the newest requests that somebody made in a session, the oldest of them first.

    Args:
        ledger: what to read, over its index by time.
        since: none that are older.
        limit: what this may cost, however large the ledger is.
    """
    newest = (
        select(requests.c.session_id, requests.c.at, requests.c.opted_out, settlements.c.served)
        .select_from(requests.outerjoin(settlements))
        .where(requests.c.at >= since, requests.c.session_id.is_not(None), requests.c.purpose.is_(None))
        .order_by(requests.c.at.desc())
        .limit(limit)
    )
    found = [
        Sighting(session_id=row.session_id, at=row.at, served=row.served, opted_out=bool(row.opted_out))
        for row in ledger.tuples(newest)
    ]
    return found[::-1]
