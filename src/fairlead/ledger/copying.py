"""A ledger copied whole into one SQLite file: every row at its place in its chain, so the copy verifies by itself.

An auditor needs neither the server nor a word of ours: `fairlead ledger verify` and `fairlead report` read the copy
like any ledger. Payloads go along, as the chain holds their hashes; keys and counters are no part of it and stay.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, text

from fairlead.ledger import schema
from fairlead.ledger.chain import plain
from fairlead.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from fairlead.ledger.base import Ledger
    from fairlead.ledger.chain import ChainedRow, Writer

PAGE = 1_000
"""Rows of a chain that are copied at a time."""

_TABLES = {table.name: plain(table) for table in schema.ROWS}


def copy(ledger: Ledger, path: Path) -> int:
    """Writes all of a ledger to a new file; returns how many requests it holds.

    Rows that are written meanwhile are left out: each chain ends where its writer stood at the start.

    Args:
        ledger: what is read.
        path: of the file, which must not be there yet.

    Raises:
        LedgerError: the ledger cannot be read, or the file cannot be written.
    """
    made = SqliteLedger.open(path)
    try:
        made.filled(lambda connection: _fill(connection, ledger))
        return int(made.scalars(select(func.count()).select_from(schema.requests))[0])
    finally:
        asyncio.run(made.close())


def _fill(connection: Connection, ledger: Ledger) -> None:
    writers = ledger.writers()
    connection.execute(text("PRAGMA defer_foreign_keys = ON"))  # a chain may speak of what stands in a later one
    for page in _pages(ledger, writers):
        _put(connection, page)
        ids = [str(row.content["request_id"]) for row in page if row.table == schema.requests.name]
        kept = [
            {"request_id": name, "kind": payload.kind, "salt": payload.salt, "content": payload.content}
            for name, payloads in ledger.payloads(ids).items()
            for payload in payloads
        ]
        if kept:
            connection.execute(insert(plain(schema.payloads)), kept)
    if writers:
        connection.execute(insert(schema.writers), [_row_of(writer) for writer in writers])


def _pages(ledger: Ledger, writers: Sequence[Writer]) -> Iterator[Sequence[ChainedRow]]:
    for writer in writers:
        for first in range(1, writer.seq + 1, PAGE):
            yield ledger.chained(writer.id, first, min(first + PAGE - 1, writer.seq))
    yield list(ledger.unchained())  # put in from outside: the copy must tell of it, too


def _put(connection: Connection, page: Sequence[ChainedRow]) -> None:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in page:
        own = {"id": row.key[0]} if row.table == schema.feedback.name else {}  # its number is not part of what it says
        rows[row.table].append({**own, **row.content, "writer": row.writer, "seq": row.seq, "hash": row.hash})
    for name, found in rows.items():
        connection.execute(insert(_TABLES[name]), found)


def _row_of(writer: Writer) -> dict[str, Any]:
    after = writer.after
    return {
        "id": writer.id,
        "began_at": writer.began_at,
        "after_writer": None if after is None else after.writer,
        "after_seq": None if after is None else after.seq,
        "after_hash": None if after is None else after.hash,
        "seq": writer.seq,
        "hash": writer.hash,
    }
