"""A ledger by its place: the path of a file, or the address of a PostgreSQL database."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from fairlead.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fairlead.ledger.spool import Spool
    from fairlead.ledger.sql import SqlLedger


def open_ledger(
    place: str,
    *,
    durability: Literal["process", "power"] = "process",
    create: bool = True,
    spool: Spool | None = None,
) -> SqlLedger:
    """Returns the ledger at `place`, brought to the newest schema.

    Args:
        place: a file's path, or `postgresql://user@host/database`.
        durability: what a committed row survives.
        create: make it where there is none.
        spool: takes rows while the database cannot; without one they are refused.

    Raises:
        LedgerError: it cannot be read or written, is no ledger, or is a later Fairlead's.
        MissingExtraError: PostgreSQL needs asyncpg.
    """
    from fairlead.ledger.postgres import PostgresLedger, is_url  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.ledger.sqlite import SqliteLedger  # noqa: PLC0415

    if is_url(place):
        return PostgresLedger.open(place, durability=durability, create=create, spool=spool)
    return SqliteLedger.open(place, durability=durability, create=create, spool=spool)


@contextmanager
def glancing(path: Path) -> Iterator[SqlLedger | None]:
    """Gives the ledger in a file as it is, and changes nothing; `None` where there is none, or none of this version."""
    from fairlead.ledger.sqlite import SqliteLedger  # noqa: PLC0415 - heavy, loaded when called

    try:
        ledger = SqliteLedger.open(path, create=False, migrate=False)
    except LedgerError:
        yield None
        return
    try:
        yield ledger
    finally:
        asyncio.run(ledger.close())


@contextmanager
def reading(place: str) -> Iterator[SqlLedger]:
    """Gives the ledger at `place` to a command, outside of any event loop, and lets go of it.

    Raises:
        LedgerError: it is not there, or cannot be read.
    """
    ledger = open_ledger(place, create=False)
    try:
        yield ledger
    finally:
        asyncio.run(ledger.close())
