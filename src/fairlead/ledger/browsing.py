"""Pages of a ledger for people who look around: the newest requests first, bounded, over the index by time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, tuple_

from fairlead.ledger.schema import requests, settlements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from fairlead.ledger.base import Entry
    from fairlead.ledger.sql import SqlLedger

FILTERS = ("route", "reason", "arm", "served", "status", "kind", "session_id", "team")
"""What requests can be looked for by; each must be equal."""

Cursor = tuple["datetime", str]
"""Time and id of the last request of a page: the next one begins behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One page of requests, the newest first."""

    entries: tuple[Entry, ...]
    more: Cursor | None
    """Where the next page begins; `None` where this is the last."""


def newest(
    ledger: SqlLedger,
    *,
    limit: int,
    since: datetime | None = None,
    before: Cursor | None = None,
    matching: Mapping[str, str] | None = None,
) -> Shelf:
    """Returns the newest requests.

    Args:
        ledger: what to read.
        limit: how many at most.
        since: none that are older.
        before: only what is older than this one.
        matching: words of `FILTERS` -> what it must be.
    """
    conditions = [_equals(name, value) for name, value in (matching or {}).items()]
    if since is not None:
        conditions.append(requests.c.at >= since)
    if before is not None:
        conditions.append(tuple_(requests.c.at, requests.c.request_id) < before)
    query = select(requests.c.request_id).outerjoin(settlements).where(*conditions)
    found = ledger.picked(query.order_by(requests.c.at.desc(), requests.c.request_id.desc()).limit(limit + 1))
    shown = found[:limit]
    more = (shown[-1].at, shown[-1].request_id) if len(found) > limit else None
    return Shelf(entries=tuple(shown), more=more)


def start_of_newest(ledger: SqlLedger, n: int) -> datetime | None:
    """Returns the time of the n-th newest request; `None` where there are not as many."""
    query = select(requests.c.at).order_by(requests.c.at.desc()).offset(n - 1).limit(1)
    return next(iter(ledger.scalars(query)), None)


def words(ledger: SqlLedger, name: str, since: datetime | None, *, limit: int = 50) -> Sequence[str]:
    """Returns the different values of a filter, in order of their text."""
    column = _column(name)
    query = select(column).select_from(requests.outerjoin(settlements)).where(column.is_not(None)).distinct()
    if since is not None:
        query = query.where(requests.c.at >= since)
    return ledger.scalars(query.order_by(column).limit(limit))


def _column(name: str) -> ColumnElement[str]:
    return requests.c[name] if name in requests.c else settlements.c[name]


def _equals(name: str, value: str) -> ColumnElement[bool]:
    if name not in FILTERS:
        raise ValueError(f"there is no filter `{name}`; expected one of {', '.join(FILTERS)}")
    if (name, value) == ("status", "unsettled"):
        return settlements.c.status.is_(None)
    return _column(name) == value
