"""The ledger in one SQLite file: write-ahead log, one writer thread, group commit."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from sqlalchemy import URL, create_engine, event, exists, insert, select, tuple_, union
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from fairlead.errors import LedgerError, MissingRowError
from fairlead.ledger import migration, rows
from fairlead.ledger.group_commit import GroupCommit
from fairlead.ledger.schema import attempts, feedback, prices, requests, settlements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Select

    from fairlead.ledger.base import Entry, Feedback, Intent, Settlement
    from fairlead.ledger.rows import Change
    from fairlead.types import Attempt, Price

Durability = Literal["process", "power"]
"""What a committed row survives: the death of the process, or of the machine."""

PAGE = 500
"""Requests that are read in one transaction."""

_SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}
_INSERTS = {
    prices: sqlite_insert(prices).on_conflict_do_nothing(),
    requests: insert(requests),
    settlements: insert(settlements),
    attempts: insert(attempts),
    feedback: insert(feedback),
}
"""In the order in which a batch is written: what is referred to comes first."""

_BAD_ROW = (SQLAlchemyError, ValueError, TypeError, ArithmeticError)
"""What a row raises that breaks a constraint, holds what SQLite cannot hold, or was tampered with."""

_REQUESTS = (
    select(
        requests,
        settlements.c.status,
        settlements.c.served,
        settlements.c.cost_usd,
        settlements.c.reference_cost_usd,
        settlements.c.dropped,
    )
    .outerjoin(settlements)
    .order_by(requests.c.at, requests.c.request_id)
    .limit(PAGE)
)
_ORPHANS = union(
    select(settlements.c.request_id).where(~exists().where(requests.c.request_id == settlements.c.request_id)),
    select(attempts.c.request_id).where(~exists().where(settlements.c.request_id == attempts.c.request_id)),
)

_WRITE = "write to"
_REMEDIES = {
    "full": "Free some space on its disk",
    "not a database": "Give the path of a ledger or of a new file",
    "locked": "Look which other process is writing to it",
    "readonly": "Make the file and its folder writable",
    "unable to open": "Make its folder, and make it writable",
}


class SqliteLedger:
    """A `Ledger` in one file; any number of processes may read it, and write to it in turn.

    Example:
        ```python
        ledger = SqliteLedger.open("fairlead.db")
        await ledger.intent(intent)
        await ledger.settle(settlement)
        await ledger.close()
        ```
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine
        self._writing = engine.execution_options(begin="IMMEDIATE")
        self._commits: GroupCommit[Change] = GroupCommit(self._write, name="fairlead-ledger")

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        durability: Durability = "process",
        create: bool = True,
        lock_timeout_s: float = 5.0,
    ) -> Self:
        """Returns the ledger in the file at `path`, brought to the newest schema.

        Args:
            path: of the file; its folder must exist.
            durability: what a committed row survives.
            create: make the file where there is none.
            lock_timeout_s: how long to wait for another process that writes, seconds.

        Raises:
            LedgerError: it cannot be read or written, is no ledger, or is a later Fairlead's.
        """
        path = Path(path)
        if path.is_dir():
            raise LedgerError(f"`{path}` is a folder; expected a ledger or a new file. Give the path of one in it.")
        if not create and not path.exists():
            raise LedgerError(f"there is no ledger at `{path}`. Give the path of one with `--ledger`.")
        ledger = cls(path, _engine(path, durability, lock_timeout_s))
        ledger._prepare()
        return ledger

    async def register(self, prices: Iterable[Price]) -> None:
        """See `Ledger.register`; an id that already names another price raises LedgerError."""
        wanted = {price.id: price for price in prices}
        for price in wanted.values():
            await self._commits.commit(rows.of_price(price))
        kept = await asyncio.to_thread(self.prices)
        if changed := [name for name, price in wanted.items() if kept[name] != price]:
            raise LedgerError(
                f"price `{changed[0]}` is not the one that `{self.path}` keeps under this id. "
                "Give a price that changed an id of its own."
            )

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
        with self._reading() as connection:
            return _prices(connection)

    def orphans(self) -> Iterator[str]:
        """See `Ledger.orphans`."""
        with self._reading() as connection:
            yield from connection.scalars(_ORPHANS)

    async def close(self) -> None:
        """See `Ledger.close`."""
        await self._commits.close()
        self._engine.dispose()

    def _prepare(self) -> None:
        with self._reading() as connection:
            if migration.is_current(connection):
                return
        with self._explained("prepare"), self._writing.begin() as connection:
            migration.bring_up_to_date(connection)

    def _write(self, changes: Sequence[Change]) -> list[Exception | None]:
        """Commits all changes, or tells why not; runs in the writer thread."""
        try:
            self._commit(changes)
        except OperationalError as error:  # the disk, a lock: none could be kept
            return [self._explain(error, _WRITE) for _ in changes]
        except _BAD_ROW as error:  # one of them is at fault: keep the others
            if len(changes) == 1:
                return [self._explain(error, _WRITE)]
            return [answer for change in changes for answer in self._write([change])]
        return [None] * len(changes)

    def _commit(self, changes: Sequence[Change]) -> None:
        gathered = defaultdict(list)
        for table, row in chain.from_iterable(changes):
            gathered[table].append(row)
        with self._writing.begin() as connection:
            for table, statement in _INSERTS.items():
                if table in gathered:
                    connection.execute(statement, gathered[table])

    def _page(self, page: Select[Any]) -> list[Entry]:
        with self._reading() as connection:
            found = connection.execute(page).mappings().all()
            tried = _attempts(connection, [row["request_id"] for row in found])
            scores = _scores(connection, [row["decision_id"] for row in found])
            known = _prices(connection)
        return [rows.entry(row, tried[row["request_id"]], scores.get(row["decision_id"]), known) for row in found]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One read transaction: what it sees does not move."""
        with self._explained("read"), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except _BAD_ROW as error:
            raise self._explain(error, doing) from error

    def _explain(self, error: Exception, doing: str) -> LedgerError:
        cause = str(getattr(error, "orig", None) or error)
        lost = " These rows were not kept." if doing == _WRITE else ""
        if "FOREIGN KEY" in cause:
            return MissingRowError(f"the ledger `{self.path}` does not hold what this row speaks of. It was not kept.")
        remedy = next((text for word, text in _REMEDIES.items() if word in cause), "Look at the row and the file")
        return LedgerError(f"cannot {doing} the ledger `{self.path}`: {cause}.{lost} {remedy}, then try again.")


def _engine(path: Path, durability: Durability, lock_timeout_s: float) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": lock_timeout_s})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions begin where we say
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")

    return engine


def _prices(connection: Connection) -> dict[str, Price]:
    return {row["id"]: rows.price(row) for row in connection.execute(select(prices)).mappings()}


def _attempts(connection: Connection, request_ids: Sequence[str]) -> dict[str, list[Attempt]]:
    query = select(attempts).where(attempts.c.request_id.in_(request_ids)).order_by(attempts.c.number)
    found = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["request_id"]].append(rows.attempt(row))
    return found


def _scores(connection: Connection, decision_ids: Sequence[str]) -> dict[str, float]:
    query = select(feedback.c.decision_id, feedback.c.score).where(feedback.c.decision_id.in_(decision_ids))
    latest_last = query.order_by(feedback.c.at, feedback.c.id)
    return {row.decision_id: row.score for row in connection.execute(latest_last)}
