"""The ledger in a SQL database, whichever: what is read and written, and how rows enter the chain."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import and_, bindparam, exists, insert, literal_column, or_, select, tuple_, union, update
from sqlalchemy.exc import SQLAlchemyError

from fairlead.errors import LedgerError, MissingRowError
from fairlead.ledger import certifying, erasing, migration, reading, rows
from fairlead.ledger.accounts import Accounts, Answer, Standings, claims_something, of_claims
from fairlead.ledger.base import Erasure
from fairlead.ledger.chain import ChainedRow, ChainEnd, Writer, begin, plain, stored
from fairlead.ledger.group_commit import GroupCommit
from fairlead.ledger.ids import new_id
from fairlead.ledger.inserting import insert_rows
from fairlead.ledger.keys import KeyStore
from fairlead.ledger.schema import (
    ROWS,
    UNCHAINED,
    Instant,
    attempts,
    erasures,
    feedback,
    prices,
    requests,
    settlements,
    writers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from sqlalchemy import Connection, Row, Select

    from fairlead.ledger.base import CertificateEvent, Entry, Feedback, Intent, Payload, Scored, Settlement
    from fairlead.ledger.budget import Claim
    from fairlead.ledger.chain import Kept
    from fairlead.ledger.rows import Change
    from fairlead.ledger.spool import Spool
    from fairlead.types import Price

R = TypeVar("R")

RETRY_S = 5.0
"""How long a database that failed is left alone before it is tried anew, seconds."""
PAGE = 500
"""Requests that are read in one transaction."""

_BAD_ROW = (SQLAlchemyError, ValueError, TypeError, ArithmeticError)
"""What a row raises that breaks a constraint, holds what the database cannot hold, or was tampered with."""

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
_NEWEST_WRITER = select(writers).order_by(writers.c.id.desc()).limit(1)
_MOVE_ON = (
    update(writers)
    .where(writers.c.id == bindparam("writer"))
    .values(seq=bindparam("last_seq"), hash=bindparam("last_hash"))
)


class Database(Protocol):
    """Where a `SqlLedger` lives. Work runs in one transaction, which what it raises rolls back."""

    place: str
    """What messages call it."""

    def read(self, work: Callable[[Connection], R]) -> R:
        """Returns what `work` finds; what it sees does not move."""
        ...

    def write(self, work: Callable[[Connection], R]) -> R:
        """Returns what `work` returned, once it is committed."""
        ...

    def unavailable(self, error: Exception) -> bool:
        """Tells whether the database is at fault, not what was written."""
        ...

    def remedy(self, cause: str) -> str:
        """Returns what to do about a failure, in words."""
        ...

    def close(self) -> None:
        """Lets go of every connection."""
        ...


class SqlLedger:
    """A `Ledger` in a SQL database; each object that writes is a writer with a chain of its own."""

    def __init__(self, database: Database, spool: Spool | None = None, *, retry_s: float = RETRY_S) -> None:
        self._database = database
        self._spool = spool
        self._retry_s = retry_s
        self._retry_at = 0.0  # by the monotonic clock
        self._accounts = Accounts()
        self.keys = KeyStore(self._read, self._written)
        """Virtual keys, and what is held of their budgets."""
        self._end: ChainEnd | None = None  # of our chain; only the writer thread reads or moves it
        self._commits: GroupCommit[Change, Standings] = GroupCommit(
            self._write, name="fairlead-ledger", idle=self._replayed, pause=self._pause
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
            await self._commits.commit(rows.of_price(price))
        except LedgerError:
            if price.id not in await asyncio.to_thread(self.prices):  # else another process was faster
                raise

    async def intent(self, row: Intent, claims: Sequence[Claim] = ()) -> Standings:
        """See `Ledger.intent`."""
        change = rows.of_intent(row)
        return await self._commits.commit((*change, *of_claims(row.request_id, claims)) if claims else change)

    async def claim(self, request_id: str, claims: Sequence[Claim], number: int) -> Standings:
        """See `Ledger.claim`."""
        return await self._commits.commit(of_claims(request_id, claims, number))

    async def settle(self, row: Settlement) -> None:
        """See `Ledger.settle`."""
        await self._commits.commit(rows.of_settlement(row))

    async def feedback(self, *scores: Feedback) -> None:
        """See `Ledger.feedback`."""
        if scores:
            await self._commits.commit(rows.of_feedback(*scores))

    async def erase(self, before: datetime, *, team: str | None, reason: Literal["retention", "asked_for"]) -> Erasure:
        """See `Ledger.erase`."""
        now = datetime.now(UTC)
        asked = Erasure(id=new_id("ers"), at=now, before=min(before, now), team=team, n_erased=0, reason=reason)
        await self._commits.commit(rows.of_erasure(asked))
        done = await asyncio.to_thread(self.erasures)
        return next((erasure for erasure in done if erasure.id == asked.id), asked)  # it may wait in the spool

    async def certificate(self, row: CertificateEvent) -> bool:
        """See `Ledger.certificate`."""
        kept = await asyncio.to_thread(self.certificate_events, row.certificate)
        if any(event.id == row.id for event in kept):
            return False
        try:
            await self._commits.commit(rows.of_certificate(row))
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

    def _prepare(self, *, create: bool = True, migrate: bool = True) -> None:
        if not self._read(migration.is_current):
            if not migrate:
                raise LedgerError(
                    f"the ledger `{self.place}` has an older schema. Open it to write, and it is migrated."
                )
            if not create and self._read(migration.is_empty):
                raise LedgerError(f"there is no ledger at `{self.place}`. Give the address of one with `--ledger`.")
            self._explained("prepare", lambda: self._database.write(migration.bring_up_to_date))
        self._replayed()

    def _write(self, changes: Sequence[Change]) -> list[Answer]:
        """Keeps all changes, or tells why not; runs in the writer thread."""
        answers: list[Answer] = [()] * len(changes)
        fitting: dict[int, Kept] = {}
        for i, change in enumerate(changes):
            try:
                fitting[i] = tuple((table, stored(table, row)) for table, row in change)
            except _BAD_ROW as error:
                answers[i] = self._explain(error, _WRITE)
        for i, answer in zip(fitting, self._keep_all(list(fitting.values())), strict=True):
            answers[i] = answer
        return answers

    def _keep_all(self, changes: Sequence[Kept]) -> list[Answer]:
        if not self._replayed():  # what waits goes first
            return self._spooled(changes, None)
        return self._commit(changes)

    def _commit(self, changes: Sequence[Kept]) -> list[Answer]:
        try:
            self._end, answers = self._database.write(lambda connection: self._posted(connection, changes))
        except _BAD_ROW as error:
            if self._database.unavailable(error):  # the disk, a lock, the network: none could be kept
                self._broke_off()
                return self._spooled(changes, error)
            if len(changes) == 1:
                return [self._explain(error, _WRITE)]
            return [answer for change in changes for answer in self._commit([change])]  # one is at fault
        return answers

    def _posted(
        self, connection: Connection, changes: Sequence[Kept], *, others: bool = False
    ) -> tuple[ChainEnd | None, list[Answer]]:
        """Writes what no limit forbids; returns the new end of our chain, and what came of each change."""
        written, answers = self._accounts.post(connection, changes, others=others)
        return self._append(connection, written), answers

    def _broke_off(self) -> None:
        """Notes a failure: the commit may have been made all the same, so a new chain starts behind it."""
        self._end = None
        self._retry_at = time.monotonic() + self._retry_s

    def _spooled(self, changes: Sequence[Kept], error: Exception | None) -> list[Answer]:
        """Puts aside what the database cannot take now; without a spool, or where it is full, that is refused."""
        if self._spool is None:
            assert error is not None
            return [self._explain(error, _WRITE) for _ in changes]
        waiting = [change for change in changes if not claims_something(change)]
        try:
            self._spool.add(waiting)
        except LedgerError as full:
            return [full for _ in changes]
        return [self._cannot_grant() if claims_something(change) else () for change in changes]

    def _cannot_grant(self) -> LedgerError:
        return LedgerError(f"the ledger `{self.place}` is not available, and a limit cannot be kept without it.")

    def _replayed(self) -> bool:
        """Writes what waits in the spool, and tells whether nothing waits any more."""
        if self._spool is None or not self._spool.n_waiting:
            return True
        if time.monotonic() < self._retry_at:
            return False
        try:
            for batch in self._spool.batches():
                self._replay(batch)
        except _BAD_ROW:
            self._broke_off()
            return False
        return True

    def _replay(self, batch: Sequence[Kept]) -> None:
        """Writes a batch of the spool: what a replay that broke off has written already is passed over.

        Raises:
            SQLAlchemyError: the database is not available.
        """
        try:
            self._end, _ = self._database.write(
                lambda connection: self._posted(connection, _absent(connection, batch), others=True)
            )
        except _BAD_ROW as error:
            if self._database.unavailable(error):
                raise
            if len(batch) == 1 and self._spool is not None:
                self._spool.reject(batch[0], self._explain(error, _WRITE))
                return
            for change in batch:
                self._replay([change])

    def _pause(self) -> float | None:
        return self._retry_s if self.n_spooled else None

    def _append(self, connection: Connection, changes: Sequence[Kept]) -> ChainEnd | None:
        """Puts rows at the end of our chain; returns its new end."""
        if not (fresh := _new(connection, changes)):
            return self._end
        end = self._end
        gathered = defaultdict(list)
        for table, content in chain.from_iterable(fresh):
            if table in UNCHAINED:  # is deleted one day, and so is no link of the chain
                gathered[table].append(content)
                continue
            if table is erasures:
                content = erasing.erased(connection, content)  # noqa: PLW2901 - with how many there were
                if not erasing.says_something(content):
                    continue
            end = (end or _begun(connection)).next(table.name, content)
            gathered[table].append({**content, "writer": end.writer, "seq": end.seq, "hash": end.hash})
        for table in (*ROWS, *UNCHAINED):
            if table in gathered:
                insert_rows(connection, table, gathered[table])
        if end is not None and end is not self._end:
            connection.execute(_MOVE_ON, {"writer": end.writer, "last_seq": end.seq, "last_hash": end.hash})
        return end

    def _page(self, page: Select[Any]) -> list[Entry]:
        return self._read(lambda connection: reading.entries(connection, page))

    def _read(self, work: Callable[[Connection], R]) -> R:
        return self._explained("read", lambda: self._database.read(work))

    def _written(self, work: Callable[[Connection], R]) -> R:
        return self._explained(_WRITE, lambda: self._database.write(work))

    def _explained(self, doing: str, work: Callable[[], R]) -> R:
        try:
            return work()
        except _BAD_ROW as error:
            raise self._explain(error, doing) from error

    def _explain(self, error: Exception, doing: str) -> LedgerError:
        cause = str(getattr(error, "orig", None) or error)
        lost = " These rows were not kept." if doing == _WRITE else ""
        if "foreign key" in cause.lower():
            return MissingRowError(f"the ledger `{self.place}` does not hold what this row speaks of. It was not kept.")
        remedy = self._database.remedy(cause)
        return LedgerError(f"cannot {doing} the ledger `{self.place}`: {cause}.{lost} {remedy}, then try again.")


_WRITE = "write to"
_WRITERS = select(writers).order_by(writers.c.id)


def _begun(connection: Connection) -> ChainEnd:
    """Returns the start of a new chain, which names the one that began before it."""
    before = connection.execute(_NEWEST_WRITER).mappings().first()
    after = None if before is None else reading.writer_of(before).end
    began_at = Instant().process_bind_param(datetime.now(UTC), connection.dialect)
    assert began_at is not None
    start = begin(new_id("wrt"), began_at, after)
    named = ("after_writer", "after_seq", "after_hash")
    seen = dict(zip(named, (after.writer, after.seq, after.hash), strict=True)) if after else {}
    connection.execute(
        insert(writers), {"id": start.writer, "began_at": began_at, "seq": 0, "hash": start.hash, **seen}
    )
    return start


def _absent(connection: Connection, changes: Sequence[Kept]) -> list[Kept]:
    """Returns the changes whose first row is not there; feedback has no id of its own, so all of it counts."""
    found = []
    for change in changes:
        ((table, content), *_) = change
        columns = plain(table).c
        names = [c.name for c in table.primary_key] if table is not feedback else list(content)
        same = and_(*(columns[name] == content[name] for name in names))
        if connection.scalar(select(literal_column("1")).where(same).limit(1)) is None:
            found.append(change)
    return found


def _new(connection: Connection, changes: Sequence[Kept]) -> Sequence[Kept]:
    """Returns the changes without prices that are kept already, each price once."""
    wanted = {row["id"] for change in changes for table, row in change if table is prices}
    if not wanted:
        return changes
    known = set(connection.scalars(select(prices.c.id).where(prices.c.id.in_(wanted))))
    fresh: list[Kept] = []
    for change in changes:
        ((table, row), *_) = change
        if table is not prices:
            fresh.append(change)
        elif row["id"] not in known:
            known.add(row["id"])
            fresh.append(change)
    return fresh
