"""The ledger in one SQLite file: write-ahead log, one writer thread, group commit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeVar

from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import OperationalError

from fairlead.errors import LedgerError
from fairlead.ledger.sql import RETRY_S, SqlLedger

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

    from fairlead.ledger.spool import Spool

R = TypeVar("R")

Durability = Literal["process", "power"]
"""What a committed row survives: the death of the process, or of the machine."""

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

    def __init__(self, path: Path, engine: Engine, spool: Spool | None = None, *, retry_s: float = RETRY_S) -> None:
        super().__init__(_File(str(path), engine), spool, retry_s=retry_s)
        self.path = path
        self._engine = engine

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
        ledger = cls(path, _engine(path, durability, lock_timeout_s), spool, retry_s=retry_s)
        ledger._prepare(migrate=migrate)
        return ledger

    def filled(self, work: Callable[[Connection], R]) -> R:
        """Puts in rows of another ledger as they are, in one transaction; see `copying`."""
        return self._written(work)


class _File:
    """A `Database` in one file."""

    def __init__(self, place: str, engine: Engine) -> None:
        self.place = place
        self._engine = engine
        self._writing = engine.execution_options(begin="IMMEDIATE")

    def read(self, work: Callable[[Connection], R]) -> R:
        with self._engine.begin() as connection:
            return work(connection)

    def write(self, work: Callable[[Connection], R]) -> R:
        with self._writing.begin() as connection:
            return work(connection)

    def unavailable(self, error: Exception) -> bool:
        return isinstance(error, OperationalError)

    def remedy(self, cause: str) -> str:
        return next((text for word, text in _REMEDIES.items() if word in cause), "Look at the row and the file")

    def close(self) -> None:
        self._engine.dispose()


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
