"""The ledger in a SQL database, whichever: what it is asked, and what it is told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import exists, or_, select, tuple_, union

from fairlead.errors import LedgerError
from fairlead.ledger import certifying, changes, erasing, migration, reading
from fairlead.ledger.base import Erasure
from fairlead.ledger.claimed import Change, Claimed
from fairlead.ledger.database import BAD_ROW, WRITE, explained
from fairlead.ledger.group_commit import GroupCommit
from fairlead.ledger.ids import new_id
from fairlead.ledger.keys import KeyStore
from fairlead.ledger.schema import attempts, requests, settlements, writers
from fairlead.ledger.scribe import Scribe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from sqlalchemy import Connection, Row, Select

    from fairlead.ledger.accounts import Standings
    from fairlead.ledger.base import CertificateEvent, Entry, Feedback, Intent, Payload, Scored, Settlement
    from fairlead.ledger.budget import Claim
    from fairlead.ledger.chain import ChainedRow, Writer
    from fairlead.ledger.database import Database
    from fairlead.ledger.spool import Spool
    from fairlead.types import Price

R = TypeVar("R")

RETRY_S = 5.0
"""How long a database that failed is left alone before it is tried anew, seconds."""
PAGE = 500
"""Requests that are read in one transaction."""

_SETTLED = [
    column.label(f"settled_{column.name}") if column.name in {"writer", "seq", "hash"} else column
    for column in settlements.c
    if column.name not in {"request_id", "at"}
]
_REQUESTS = (
    select(requests, *_SETTLED).outerjoin(settlements).order_by(requests.c.at, requests.c.request_id).limit(PAGE)
)
_ORPHANS = union(
    select(settlements.c.request_id).where(~exists().where(requests.c.request_id == settlements.c.request_id)),
    select(attempts.c.request_id).where(~exists().where(settlements.c.request_id == attempts.c.request_id)),
)


class SqlLedger:
    """A `Ledger` in a SQL database; each object that writes is a writer with a chain of its own."""

    def __init__(self, database: Database, spool: Spool | None = None, *, retry_s: float = RETRY_S) -> None:
        self._database = database
        self._spool = spool
        self.keys = KeyStore(self._read, self._written)
        """Virtual keys, and what is held of their budgets."""
        self._scribe = Scribe(database, spool, retry_s=retry_s)
        self._commits: GroupCommit[Change, Standings] = GroupCommit(
            self._scribe.write,
            at_once=self._scribe.write_at_once,
            name="fairlead-ledger",
            idle=self._scribe.replayed,
            pause=lambda: retry_s if self.n_spooled else None,
        )

    @property
    def place(self) -> str:
        """What messages call the database."""
        return self._database.place

    @property
    def spools(self) -> bool:
        """Tells whether rows are put aside while the database is not available, and not refused."""
        return self._spool is not None

    @property
    def n_waiting(self) -> int:
        """Changes that wait to be committed."""
        return self._commits.n_waiting

    @property
    def n_spooled(self) -> int:
        """Changes that wait in the spool for the database."""
        return 0 if self._spool is None else self._spool.n_waiting

    @property
    def n_rejected(self) -> int:
        """Spooled changes that the database refused for good; they lie beside the spool, with the reason."""
        return 0 if self._spool is None else self._spool.n_rejected

    async def register(self, prices: Iterable[Price]) -> None:
        """See `Ledger.register`; an id that already names another price raises LedgerError."""
        wanted = {price.id: price for price in prices}
        for price in wanted.values():
            await self._keep(price)
        kept = {} if self.n_spooled else await asyncio.to_thread(self.prices)  # what waits is compared when it is read
        if changed := [name for name, price in wanted.items() if kept.get(name, price) != price]:
            raise LedgerError(
                f"price `{changed[0]}` is not the one that `{self.place}` keeps under this id. "
                "Give a price that changed an id of its own."
            )

    async def _keep(self, price: Price) -> None:
        try:
            await self._commit(changes.of_price, price)
        except LedgerError:
            if price.id not in await asyncio.to_thread(self.prices):  # else another process was faster
                raise

    async def intent(self, row: Intent, claims: Sequence[Claim] = ()) -> Standings:
        """See `Ledger.intent`."""
        return await self._commit(changes.of_intent, row, claims)

    async def claim(self, request_id: str, claims: Sequence[Claim], number: int) -> Standings:
        """See `Ledger.claim`."""
        return await self._commits.commit(Change(claimed=Claimed(request_id, claims, number)))

    async def settle(self, row: Settlement) -> None:
        """See `Ledger.settle`."""
        await self._commit(changes.of_settlement, row)

    async def feedback(self, *scores: Feedback) -> None:
        """See `Ledger.feedback`."""
        if scores:
            await self._commit(changes.of_feedback, *scores)

    async def erase(self, before: datetime, *, team: str | None, reason: Literal["retention", "asked_for"]) -> Erasure:
        """See `Ledger.erase`."""
        now = datetime.now(UTC)
        asked = Erasure(id=new_id("ers"), at=now, before=min(before, now), team=team, n_erased=0, reason=reason)
        await self._commit(changes.of_erasure, asked)
        done = await asyncio.to_thread(self.erasures)
        return next((erasure for erasure in done if erasure.id == asked.id), asked)  # it may wait in the spool

    async def certificate(self, row: CertificateEvent) -> bool:
        """See `Ledger.certificate`."""
        kept = await asyncio.to_thread(self.certificate_events, row.certificate)
        if any(event.id == row.id for event in kept):
            return False
        try:
            await self._commit(changes.of_certificate, row)
        except LedgerError:
            kept = await asyncio.to_thread(self.certificate_events, row.certificate)
            if any(event.id == row.id for event in kept):  # another process was faster
                return False
            raise
        return True

    def certificate_events(self, certificate: str | None = None) -> Sequence[CertificateEvent]:
        """See `Ledger.certificate_events`."""
        return self._read(lambda connection: certifying.events(connection, certificate))

    def scored(self, certificate: str, since: datetime | None = None) -> Sequence[Scored]:
        """See `Ledger.scored`."""
        return self._read(lambda connection: certifying.scored(connection, certificate, since))

    def entries(self, since: datetime | None = None) -> Iterator[Entry]:
        """See `Ledger.entries`; what is written meanwhile is read, too."""
        page = _REQUESTS if since is None else _REQUESTS.where(requests.c.at >= since)
        while entries := self._page(page):
            yield from entries
            page = _REQUESTS.where(
                tuple_(requests.c.at, requests.c.request_id) > (entries[-1].at, entries[-1].request_id)
            )

    def entry(self, name: str) -> Entry | None:
        """See `Ledger.entry`."""
        named = _REQUESTS.where(or_(requests.c.decision_id == name, requests.c.request_id == name))
        return next(iter(self._page(named)), None)

    def picked(self, request_ids: Select[Any]) -> list[Entry]:
        """Returns the requests whose ids a statement selects, the newest first; it bounds how many."""
        picked = _REQUESTS.order_by(None).limit(None).where(requests.c.request_id.in_(request_ids))
        return self._page(picked.order_by(requests.c.at.desc(), requests.c.request_id.desc()))

    def scalars(self, query: Select[Any]) -> Sequence[Any]:
        """Returns the values that a statement selects; it bounds how many."""
        return self._read(lambda connection: connection.scalars(query).all())

    def tuples(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """Returns the rows that a statement selects; it bounds how many."""
        return self._read(lambda connection: connection.execute(query).all())

    def prices(self) -> Mapping[str, Price]:
        """See `Ledger.prices`."""
        return self._read(reading.prices_by_id)

    def decided(self, decision_ids: Sequence[str]) -> Mapping[str, Sequence[Feedback]]:
        """See `Ledger.decided`."""
        return self._read(lambda connection: reading.decided(connection, decision_ids))

    def payloads(self, request_ids: Sequence[str]) -> Mapping[str, Sequence[Payload]]:
        """See `Ledger.payloads`."""
        return self._read(lambda connection: erasing.left(connection, request_ids))

    def erasures(self) -> Sequence[Erasure]:
        """See `Ledger.erasures`."""
        return self._read(erasing.done)

    def orphans(self) -> Iterator[str]:
        """See `Ledger.orphans`."""
        yield from self._read(lambda connection: connection.scalars(_ORPHANS).all())

    def writers(self) -> Sequence[Writer]:
        """See `Ledger.writers`."""
        return self._read(lambda connection: [reading.writer_of(r) for r in connection.execute(_WRITERS).mappings()])

    def chained(self, writer: str, first: int, last: int) -> Sequence[ChainedRow]:
        """See `Ledger.chained`."""
        return self._read(lambda connection: reading.between(connection, writer, first, last))

    def unchained(self) -> Iterator[ChainedRow]:
        """See `Ledger.unchained`."""
        yield from self._read(reading.unchained)

    async def close(self) -> None:
        """See `Ledger.close`."""
        await self._commits.close()
        self._database.close()
        if self._spool is not None:
            self._spool.close()

    async def _commit(self, of_record: Callable[..., Change], *record: Any) -> Standings:
        """Returns when what is kept of a record is committed.

        Raises:
            LedgerError: it was not kept.
        """
        try:
            change = of_record(*record)
        except BAD_ROW as error:  # a value that no column of the database can hold
            raise explained(self._database, error, WRITE) from error
        return await self._commits.commit(change)

    def _prepare(self, *, create: bool = True, migrate: bool = True) -> None:
        if not self._read(migration.is_current):
            if not migrate:
                raise LedgerError(
                    f"the ledger `{self.place}` has an older schema. Open it to write, and it is migrated."
                )
            if not create and self._read(migration.is_empty):
                raise LedgerError(f"there is no ledger at `{self.place}`. Give the address of one with `--ledger`.")
            self._explained("prepare", lambda: self._database.write(migration.bring_up_to_date))
        self._scribe.replayed()

    def _page(self, page: Select[Any]) -> list[Entry]:
        return self._read(lambda connection: reading.entries(connection, page))

    def _read(self, work: Callable[[Connection], R]) -> R:
        return self._explained("read", lambda: self._database.read(work))

    def _written(self, work: Callable[[Connection], R]) -> R:
        return self._explained(WRITE, lambda: self._database.write(work))

    def _explained(self, doing: str, work: Callable[[], R]) -> R:
        try:
            return work()
        except BAD_ROW as error:
            raise explained(self._database, error, doing) from error


_WRITERS = select(writers).order_by(writers.c.id)
