"""The ledger in one SQLite file: write-ahead log, group commit, in the event loop or by a thread."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeVar

from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from fairlead.errors import LedgerError
from fairlead.ledger.database import NotAtOnceError
from fairlead.ledger.pen import SqlitePen
from fairlead.ledger.sql import RETRY_S, SqlLedger

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine
    from sqlalchemy.pool import PoolProxiedConnection

    from fairlead.ledger.pen import Pen
    from fairlead.ledger.spool import Spool

R = TypeVar("R")

Durability = Literal["process", "power"]
"""What a committed row survives: the death of the process, or of the machine."""

LOG_PAGES = 8_000
"""Counted as below: a write-ahead log that has grown by so many is brought into the file, which waits for the disk: of
requests that come one at a time about every 230th meets it."""
PAGES_PER_COMMIT = 12
"""Beside one a row: the edges of the tables and of their indexes. More than there are, by two thirds of commits of one
request, threefold of those of sixty: so the log is 12 to 20 MB long. A longer one held requests up, as measured."""
SLOW_S = 0.02
"""A commit that takes longer met a slow disk: the event loop does not wait for the next ones."""
RESTS = 10
"""So many times as long such a disk is left to the writer thread: the loop waits for a tenth of the time at most."""

_SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}
_REMEDIES = {
    "full": "Free some space on its disk",
    "not a database": "Give the path of a ledger or of a new file",
    "locked": "Look which other process is writing to it",
    "readonly": "Make the file and its folder writable",
    "unable to open": "Make its folder, and make it writable",
}


class SqliteLedger(SqlLedger):
    """A `Ledger` in one file; any number of processes may read it, and write to it in turn.

    Example:
        ```python
        ledger = SqliteLedger.open("fairlead.db")
        await ledger.intent(intent)
        await ledger.settle(settlement)
        await ledger.close()
        ```
    """

    def __init__(self, path: Path, file: _File, spool: Spool | None = None, *, retry_s: float = RETRY_S) -> None:
        super().__init__(file, spool, retry_s=retry_s)
        self.path = path

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        durability: Durability = "process",
        create: bool = True,
        migrate: bool = True,
        lock_timeout_s: float = 5.0,
        spool: Spool | None = None,
        retry_s: float = RETRY_S,
    ) -> Self:
        """Returns the ledger in the file at `path`, brought to the newest schema.

        Args:
            path: of the file; its folder must exist.
            durability: what a committed row survives.
            create: make the file where there is none.
            migrate: bring an older schema up to date; else it is refused.
            lock_timeout_s: how long to wait for another process that writes, seconds.
            spool: takes rows while the file cannot; without one they are refused.
            retry_s: how long a file that failed is left alone, seconds.

        Raises:
            LedgerError: it cannot be read or written, is no ledger, or is a later Fairlead's.
        """
        path = Path(path)
        if path.is_dir():
            raise LedgerError(f"`{path}` is a folder; expected a ledger or a new file. Give the path of one in it.")
        if not create and not path.exists():
            raise LedgerError(f"there is no ledger at `{path}`. Give the path of one with `--ledger`.")
        file = _File(str(path), _engine(path, durability, lock_timeout_s), durability, lock_timeout_s)
        ledger = cls(path, file, spool, retry_s=retry_s)
        ledger._prepare(migrate=migrate)
        return ledger

    def filled(self, work: Callable[[Connection], R]) -> R:
        """Puts in rows of another ledger as they are, in one transaction; see `copying`."""
        return self._written(work)


class _File:
    """A `Database` in one file.

    Rows of requests go through one connection that is kept, past SQLAlchemy. A commit that survives the death of the
    process waits for no disk, so it is made at once, in the event loop, but for what may take long: another process
    writes, the log is due to be brought into the file, or the disk was slow a moment ago.
    """

    def __init__(self, place: str, engine: Engine, durability: Durability, lock_timeout_s: float) -> None:
        self.place = place
        self._engine = engine
        self._writing = engine.execution_options(begin="IMMEDIATE")
        self._waits_for_disk = durability == "power"
        self._lock_timeout_ms = int(1000 * lock_timeout_s)
        self._pooled: PoolProxiedConnection | None = None
        self._kept: sqlite3.Connection | None = None  # the same, past SQLAlchemy
        self._waits_ms: int | None = None  # what it was told last
        self._pages = 0  # about how many the log has grown by
        self._at_once_s = 0.0  # by the monotonic clock: before it the disk is left to the writer thread

    def read(self, work: Callable[[Connection], R]) -> R:
        with self._engine.begin() as connection:
            return work(connection)

    def write(self, work: Callable[[Connection], R]) -> R:
        with self._writing.begin() as connection:
            return work(connection)

    def commit(self, work: Callable[[Pen], R]) -> R:
        try:
            connection = self._connection(self._lock_timeout_ms)
            if self._pages >= LOG_PAGES:  # before, so that it is this commit that begins the log anew
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                self._pages = 0
            connection.execute("BEGIN IMMEDIATE")
            return self._committed(connection, work)
        except sqlite3.OperationalError as error:
            raise OperationalError("commit", None, error) from error
        except sqlite3.Error as error:
            raise DBAPIError("commit", None, error) from error

    def commit_at_once(self, work: Callable[[Pen], R]) -> R:
        if self._waits_for_disk or self._pages >= LOG_PAGES or time.monotonic() < self._at_once_s:
            raise NotAtOnceError
        try:
            connection = self._connection(lock_timeout_ms=0)
            began_s = time.monotonic()
            connection.execute("BEGIN IMMEDIATE")
            done = self._committed(connection, work)
        except sqlite3.Error as error:
            raise NotAtOnceError from error
        now_s = time.monotonic()
        if now_s - began_s > SLOW_S:
            self._at_once_s = now_s + RESTS * (now_s - began_s)
        return done

    def unavailable(self, error: Exception) -> bool:
        return isinstance(error, OperationalError)

    def remedy(self, cause: str) -> str:
        return next((text for word, text in _REMEDIES.items() if word in cause), "Look at the row and the file")

    def close(self) -> None:
        if self._pooled is not None:
            self._pooled.close()
            self._pooled = self._kept = None
        self._engine.dispose()

    def _connection(self, lock_timeout_ms: int) -> sqlite3.Connection:
        """Returns the connection that is kept, told how long to wait for others."""
        if self._kept is None:
            self._pooled = self._engine.raw_connection()
            self._kept, self._waits_ms = _driver(self._pooled), None
            self._kept.execute("PRAGMA wal_autocheckpoint = 0")  # it waits for the disk: see `commit`
        if lock_timeout_ms != self._waits_ms:
            self._kept.execute(f"PRAGMA busy_timeout = {lock_timeout_ms}")
            self._waits_ms = lock_timeout_ms
        return self._kept

    def _committed(self, connection: sqlite3.Connection, work: Callable[[Pen], R]) -> R:
        """Returns what `work` returned in the transaction that has begun, once it is committed."""
        changed = connection.total_changes
        try:
            done = work(SqlitePen(connection, self._engine.dialect))
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        self._pages += PAGES_PER_COMMIT + connection.total_changes - changed
        return done


def _driver(pooled: PoolProxiedConnection) -> sqlite3.Connection:
    connection = pooled.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection


def _engine(path: Path, durability: Durability, lock_timeout_s: float) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": lock_timeout_s})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions begin where we say
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")

    return engine
