"""The ledger in a SQL database, whichever: what is read and written, and how rows enter the chain."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import and_, bindparam, exists, insert, literal_column, select, tuple_, union, update
from sqlalchemy.exc import SQLAlchemyError

from fairlead.errors import LedgerError, MissingRowError
from fairlead.ledger import migration, rows
from fairlead.ledger.chain import ChainedRow, ChainEnd, Writer, begin, chained, plain, stored
from fairlead.ledger.group_commit import GroupCommit
from fairlead.ledger.ids import new_id
from fairlead.ledger.schema import ROWS, Instant, attempts, feedback, prices, requests, settlements, writers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping, Select

    from fairlead.ledger.base import Entry, Feedback, Intent, Settlement
    from fairlead.ledger.rows import Change
    from fairlead.types import Price

R = TypeVar("R")

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
_MOVE_ON = update(writers).where(writers.c.id == bindparam("writer"))
_INSERTS = {table: insert(plain(table)) for table in ROWS}


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

    def __init__(self, database: Database) -> None:
        self._database = database
        self._end: ChainEnd | None = None  # of our chain; only the writer thread reads or moves it
        self._commits: GroupCommit[Change] = GroupCommit(self._write, name="fairlead-ledger")

    @property
    def place(self) -> str:
        """What messages call the database."""
        return self._database.place

    async def register(self, prices: Iterable[Price]) -> None:
        """See `Ledger.register`; an id that already names another price raises LedgerError."""
        wanted = {price.id: price for price in prices}
        for price in wanted.values():
            await self._keep(price)
        kept = await asyncio.to_thread(self.prices)
        if changed := [name for name, price in wanted.items() if kept[name] != price]:
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

    async def intent(self, row: Intent) -> None:
        """See `Ledger.intent`."""
        await self._commits.commit(rows.of_intent(row))

    async def settle(self, row: Settlement) -> None:
        """See `Ledger.settle`."""
        await self._commits.commit(rows.of_settlement(row))

    async def feedback(self, row: Feedback) -> None:
        """See `Ledger.feedback`."""
        await self._commits.commit(rows.of_feedback(row))

    def entries(self, since: datetime | None = None) -> Iterator[Entry]:
        """See `Ledger.entries`; what is written meanwhile is read, too."""
        page = _REQUESTS if since is None else _REQUESTS.where(requests.c.at >= since)
        while entries := self._page(page):
            yield from entries
            page = _REQUESTS.where(
                tuple_(requests.c.at, requests.c.request_id) > (entries[-1].at, entries[-1].request_id)
            )

    def prices(self) -> Mapping[str, Price]:
        """See `Ledger.prices`."""
        return self._read(_prices)

    def orphans(self) -> Iterator[str]:
        """See `Ledger.orphans`."""
        yield from self._read(lambda connection: connection.scalars(_ORPHANS).all())

    def writers(self) -> Sequence[Writer]:
        """See `Ledger.writers`."""
        return self._read(lambda connection: [_writer(r) for r in connection.execute(_WRITERS).mappings()])

    def chained(self, writer: str, first: int, last: int) -> Sequence[ChainedRow]:
        """See `Ledger.chained`."""
        return self._read(lambda connection: _between(connection, writer, first, last))

    def unchained(self) -> Iterator[ChainedRow]:
        """See `Ledger.unchained`."""
        yield from self._read(_unchained)

    async def close(self) -> None:
        """See `Ledger.close`."""
        await self._commits.close()
        self._database.close()

    def _prepare(self, *, create: bool = True) -> None:
        if not self._read(migration.is_current):
            if not create and self._read(migration.is_empty):
                raise LedgerError(f"there is no ledger at `{self.place}`. Give the address of one with `--ledger`.")
            self._explained("prepare", lambda: self._database.write(migration.bring_up_to_date))

    def _write(self, changes: Sequence[Change]) -> list[Exception | None]:
        """Commits all changes, or tells why not; runs in the writer thread."""
        try:
            self._end = self._database.write(lambda connection: self._append(connection, changes))
        except _BAD_ROW as error:
            if self._database.unavailable(error):  # the disk, a lock, the network: none could be kept
                self._end = None  # a commit that broke off may have been made: a new chain starts behind it
                return [self._explain(error, _WRITE) for _ in changes]
            if len(changes) == 1:
                return [self._explain(error, _WRITE)]
            return [
                answer for change in changes for answer in self._write([change])
            ]  # one is at fault: keep the others
        return [None] * len(changes)

    def _append(self, connection: Connection, changes: Sequence[Change]) -> ChainEnd | None:
        """Puts rows at the end of our chain; returns its new end."""
        if not (fresh := _new(connection, changes)):
            return self._end
        end = self._end or _begun(connection)
        gathered = defaultdict(list)
        for table, row in chain.from_iterable(fresh):
            content = stored(table, row)
            end = end.next(table.name, content)
            gathered[table].append({**content, "writer": end.writer, "seq": end.seq, "hash": end.hash})
        for table in ROWS:
            if table in gathered:
                connection.execute(_INSERTS[table], gathered[table])
        connection.execute(_MOVE_ON.values(seq=end.seq, hash=end.hash), {"writer": end.writer})
        return end

    def _page(self, page: Select[Any]) -> list[Entry]:
        return self._read(lambda connection: _entries(connection, page))

    def _read(self, work: Callable[[Connection], R]) -> R:
        return self._explained("read", lambda: self._database.read(work))

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
    after = None if before is None else _writer(before).end
    began_at = Instant().process_bind_param(datetime.now(UTC), connection.dialect)
    assert began_at is not None
    start = begin(new_id("wrt"), began_at, after)
    named = ("after_writer", "after_seq", "after_hash")
    seen = dict(zip(named, (after.writer, after.seq, after.hash), strict=True)) if after else {}
    connection.execute(
        insert(writers), {"id": start.writer, "began_at": began_at, "seq": 0, "hash": start.hash, **seen}
    )
    return start


def _new(connection: Connection, changes: Sequence[Change]) -> Sequence[Change]:
    """Returns the changes without prices that are kept already, each price once."""
    wanted = {row["id"] for change in changes for table, row in change if table is prices}
    if not wanted:
        return changes
    known = set(connection.scalars(select(prices.c.id).where(prices.c.id.in_(wanted))))
    fresh: list[Change] = []
    for change in changes:
        ((table, row), *_) = change
        if table is not prices:
            fresh.append(change)
        elif row["id"] not in known:
            known.add(row["id"])
            fresh.append(change)
    return fresh


def _writer(row: Any) -> Writer:
    after = None
    if row["after_writer"] is not None:
        after = ChainEnd(row["after_writer"], row["after_seq"], row["after_hash"])
    return Writer(row["id"], row["began_at"], after, row["seq"], row["hash"])


def _between(connection: Connection, writer: str, first: int, last: int) -> list[ChainedRow]:
    found = []
    for table in ROWS:
        columns = plain(table).c
        query = select(plain(table)).where(columns.writer == writer, columns.seq.between(first, last))
        found += [chained(table, row) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda row: row.seq or 0)


def _unchained(connection: Connection) -> list[ChainedRow]:
    found = []
    for table in ROWS:
        columns = plain(table).c
        held = exists(literal_column("1")).where(and_(writers.c.id == columns.writer, writers.c.seq >= columns.seq))
        query = select(plain(table)).where(~held)
        found += [chained(table, row) for row in connection.execute(query).mappings()]
    return found


def _entries(connection: Connection, page: Select[Any]) -> list[Entry]:
    found = connection.execute(page).mappings().all()
    tried = _attempts(connection, [row["request_id"] for row in found])
    scores = _scores(connection, [row["decision_id"] for row in found])
    known = _prices(connection)
    return [rows.entry(row, tried[row["request_id"]], scores.get(row["decision_id"]), known) for row in found]


def _prices(connection: Connection) -> dict[str, Price]:
    return {row["id"]: rows.price(row) for row in connection.execute(select(prices)).mappings()}


def _attempts(connection: Connection, request_ids: Sequence[str]) -> dict[str, list[RowMapping]]:
    query = select(attempts).where(attempts.c.request_id.in_(request_ids)).order_by(attempts.c.number)
    found = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["request_id"]].append(row)
    return found


def _scores(connection: Connection, decision_ids: Sequence[str]) -> dict[str, float]:
    query = select(feedback.c.decision_id, feedback.c.score).where(feedback.c.decision_id.in_(decision_ids))
    latest_last = query.order_by(feedback.c.at, feedback.c.writer, feedback.c.seq)
    return {row.decision_id: row.score for row in connection.execute(latest_last)}
