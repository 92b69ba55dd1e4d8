"""The ledger in PostgreSQL: many gateways over one database, each with a chain of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from fairlead.errors import LedgerError, MissingExtraError
from fairlead.ledger.database import NotAtOnceError
from fairlead.ledger.pen import ConnectionPen
from fairlead.ledger.sql import RETRY_S, SqlLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sqlalchemy import URL, Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fairlead.ledger.pen import Pen
    from fairlead.ledger.spool import Spool

R = TypeVar("R")

SCHEMES = ("postgresql", "postgres")
DRIVER = "postgresql+asyncpg"
PASSWORD = "Give it by `PGPASSWORD` or `~/.pgpass`, as to `psql`"  # noqa: S105 - where one comes from

_TRANSIENT = ("08", "40", "53", "55", "57", "25006")
"""SQLSTATEs, or their classes, at which the database is at fault: the network, a deadlock, the disk, locks, a stop."""
_REMEDIES = {
    "password": PASSWORD,
    "authentication": PASSWORD,
    "permission denied": "Grant its user the right to create tables and to write to them",
    'database "': "Make it with `createdb`",
    "No space left": "Free some space on its disk",
    "Connect call failed": "Start the server, or correct the address",
    "Name or service not known": "Correct the name of its host",
    "timeout": "Look who holds a lock on its tables",
}


class PostgresLedger(SqlLedger):
    """A `Ledger` in a PostgreSQL database, version 12 or later; any number of processes may write to it at once.

    Example:
        ```python
        ledger = PostgresLedger.open("postgresql://fairlead@db.internal/fairlead")
        await ledger.intent(intent)
        await ledger.settle(settlement)
        await ledger.close()
        ```
    """

    @classmethod
    def open(
        cls,
        url: str,
        *,
        durability: Literal["process", "power"] = "process",
        create: bool = True,
        wait_s: float = 5.0,
        spool: Spool | None = None,
        retry_s: float = RETRY_S,
    ) -> Self:
        """Returns the ledger in the database at `url`, brought to the newest schema.

        Args:
            url: `postgresql://user@host:port/database`; the password comes from where `psql` takes it.
            durability: `power` asks the server to wait for its disk, whatever its own setting.
            create: make the tables where there are none.
            wait_s: how long to wait for a connection, and for another process' lock, seconds.
            spool: takes rows while the server cannot; without one they are refused.
            retry_s: how long a server that failed is left alone, seconds.

        Raises:
            LedgerError: it cannot be reached, read or written, holds something else, or is a later Fairlead's.
            MissingExtraError: asyncpg is not there.
        """
        parsed = _parsed(url)
        ledger = cls(_Server(parsed, durability, wait_s), spool, retry_s=retry_s)
        try:
            ledger._prepare(create=create)
        except BaseException:
            ledger._database.close()
            raise
        return ledger


def is_url(place: str) -> bool:
    """Tells whether a place is the address of a database, not a file."""
    return place.partition("://")[0] in SCHEMES


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername not in SCHEMES or not parsed.database:
        raise LedgerError("the ledger's `url` is no address; expected `postgresql://user@host/database`.")
    if parsed.password is not None:
        raise LedgerError(f"the ledger's `url` holds a password, which everybody would see. {PASSWORD}.")
    return parsed.set(drivername=DRIVER)


class _Server:
    """A `Database` on a server; asyncpg lives in an event loop of its own, in a thread of its own."""

    def __init__(self, url: URL, durability: Literal["process", "power"], wait_s: float) -> None:
        self.place = url.set(drivername=SCHEMES[0]).render_as_string()
        self._engine = _engine(url, durability, wait_s)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fairlead-postgres", daemon=True)
        self._thread.start()

    def read(self, work: Callable[[Connection], R]) -> R:
        return self._wait(self._within(self._engine.execution_options(isolation_level="REPEATABLE READ"), work))

    def write(self, work: Callable[[Connection], R]) -> R:
        return self._wait(self._within(self._engine, work))

    def commit(self, work: Callable[[Pen], R]) -> R:
        return self.write(lambda connection: work(ConnectionPen(connection)))

    def commit_at_once(self, work: Callable[[Pen], R]) -> R:  # noqa: ARG002 - a server is always waited for
        raise NotAtOnceError

    def unavailable(self, error: Exception) -> bool:
        state = str(getattr(getattr(error, "orig", None), "sqlstate", "") or "")
        gone = isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
        return gone or state.startswith(_TRANSIENT)

    def remedy(self, cause: str) -> str:
        return next((text for word, text in _REMEDIES.items() if word in cause), "Look at the row and the server")

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._wait(self._engine.dispose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _within(self, engine: AsyncEngine, work: Callable[[Connection], R]) -> R:
        from asyncpg.exceptions import InterfaceError, PostgresError  # noqa: PLC0415 - an extra

        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        except (PostgresError, InterfaceError, OSError, TimeoutError) as error:  # raw where no connection came about
            raise OperationalError("connect", None, error) from error


def _engine(url: URL, durability: Literal["process", "power"], wait_s: float) -> AsyncEngine:
    try:
        import asyncpg  # noqa: F401, PLC0415 - an extra
        from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("asyncpg", "postgres") from error
    settings = {"application_name": "fairlead", "lock_timeout": f"{int(wait_s * 1000)}"}
    if durability == "power":
        settings["synchronous_commit"] = "on"
    return create_async_engine(
        url,
        pool_size=2,  # the writer and one reader
        max_overflow=4,
        pool_pre_ping=True,  # a server that was restarted is not a failure
        connect_args={"timeout": wait_s, "command_timeout": 60, "server_settings": settings},
    )
