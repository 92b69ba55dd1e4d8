"""What pages are made of: bounded reads of a ledger, kept for a moment so that one look is one read."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from fairlead.certificate import Certificate
from fairlead.dashboard.purses import Purses, purses
from fairlead.dashboard.series import Series, series
from fairlead.learning.road import Road, road, signs_of
from fairlead.ledger.browsing import FILTERS, newest, start_of_newest, words
from fairlead.policies.objectives import MARGIN
from fairlead.proof.pairs import paired
from fairlead.proof.statement import Statement, statement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fairlead.dashboard.question import Installation
    from fairlead.ledger.base import Entry
    from fairlead.ledger.browsing import Cursor, Shelf
    from fairlead.ledger.sql import SqlLedger

PERIODS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
"""Period -> its length."""
DEFAULT_PERIOD = "30d"
MAX_REQUESTS = 20_000
"""A page looks at the newest of a period, no more; `fairlead report` looks at all."""
FRESH_S = 30.0
"""How long what was read is shown again."""
PAGE_ROWS = 50
MAX_CERTIFICATES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A period as it is shown."""

    period: str
    statement: Statement
    series: Series
    road: Road
    cut: bool
    """There are more requests in the period than are looked at."""
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A certificate that served."""

    certificate: Certificate
    since: datetime
    """When it began to."""
    alarms: tuple[datetime, ...]
    """When its monitor raised one."""


class Queries:
    """Reads of one ledger.

    Args:
        ledger: what is read.
        now: the clock; pages of a period end at it.
    """

    def __init__(self, ledger: SqlLedger, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._ledger = ledger
        self._now = now
        self._views: dict[str, tuple[float, View]] = {}

    def view(self, period: str) -> View:
        """Returns a period, read anew where the last look was a while ago."""
        period = period if period in PERIODS else DEFAULT_PERIOD
        read_s, view = self._views.get(period, (0.0, None))
        if view is None or time.monotonic() - read_s > FRESH_S:
            view = self._read(period)
            self._views = {period: (time.monotonic(), view)}  # one at a time: memory is bounded
        return view

    def _read(self, period: str) -> View:
        now = self._now()
        since, first = now - PERIODS[period], start_of_newest(self._ledger, MAX_REQUESTS)
        cut = first is not None and first > since
        entries = sorted(self._ledger.entries(first if cut else since), key=lambda entry: (entry.at, entry.request_id))
        stated = statement(entries, self._ledger.certificate_events())
        said_by = None if stated.quality is None else stated.quality.said_by
        return View(
            period=period,
            statement=stated,
            series=series(paired(entries), said_by),
            road=road(signs_of(entries), margin=MARGIN),
            cut=cut,
            read_at=now,
        )

    def purses(self, installation: Installation) -> Purses:
        """Returns the keys and budgets of an installation."""
        return purses(self._ledger, installation, self._now())

    def decisions(self, query: Mapping[str, str]) -> Shelf:
        """Returns a page of decisions that match a query, the newest first."""
        matching = {name: query[name] for name in FILTERS if query.get(name)}
        return newest(
            self._ledger,
            limit=PAGE_ROWS,
            since=self._since(query),
            before=_cursor(query.get("before", "")),
            matching=matching,
        )

    def decision(self, name: str) -> Entry | None:
        """Returns one request by its decision or request id."""
        return self._ledger.entry(name)

    def promises(self) -> Sequence[Promise]:
        """Returns the certificates that served, the newest first, each with its alarms."""
        events = self._ledger.certificate_events()
        issued = [event for event in events if event.kind == "issued"][-MAX_CERTIFICATES:]
        alarms = [event for event in events if event.kind == "alarm"]
        return [
            Promise(
                certificate=msgspec.json.decode(event.content, type=Certificate),
                since=event.at,
                alarms=tuple(alarm.at for alarm in alarms if alarm.certificate == event.certificate),
            )
            for event in reversed(issued)
        ]

    def choices(self, query: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        """Returns the values that each filter can have in the period of a query."""
        since = self._since(query)
        return {name: words(self._ledger, name, since) for name in ("route", "reason", "served", "kind", "team")}

    def _since(self, query: Mapping[str, str]) -> datetime:
        return self._now() - PERIODS.get(query.get("period", ""), PERIODS[DEFAULT_PERIOD])


def cursor_text(cursor: Cursor | None) -> str:
    """Returns a cursor as it stands in an address; empty for none."""
    return "" if cursor is None else f"{cursor[0].isoformat()}|{cursor[1]}"


def _cursor(text: str) -> Cursor | None:
    at, _, request_id = text.partition("|")
    try:
        return (datetime.fromisoformat(at), request_id) if request_id else None
    except ValueError:
        return None
