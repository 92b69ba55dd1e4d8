"""What rows are written with: statements worked out once, values handed to the driver as tuples, past SQLAlchemy.

What is written is known to be what the database keeps (`forms.py`), so nothing is gained by SQLAlchemy's work on each
value; alone it took six times as long as SQLite does for the whole transaction.
"""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import insert

from fairlead.ledger.chain import LINK, plain, said

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Dialect, Executable, Table

    Values = Callable[[Mapping[str, Any]], tuple[Any, ...]]


class Statement:
    """A statement of SQLAlchemy's, whose text and order of values are worked out once a kind of database.

    Args:
        clause: its values are all named, and are what the database keeps.
        columns: of an insertion, those that are given.
    """

    __slots__ = ("_clause", "_columns", "_ready")

    def __init__(self, clause: Executable, columns: tuple[str, ...] | None = None) -> None:
        self._clause = clause
        self._columns = columns
        self._ready: dict[str, tuple[str, Values]] = {}

    def on(self, dialect: Dialect) -> tuple[str, Values]:
        """Returns the text, and what takes its values from a row."""
        if (ready := self._ready.get(dialect.name)) is None:
            compiled = self._clause.compile(dialect=dialect, column_keys=self._columns)  # type: ignore[attr-defined]
            constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
            ready = self._ready[dialect.name] = str(compiled), _taking(compiled.positiontup or (), constants)
        return ready


class Pen(Protocol):
    """Writes within a transaction."""

    dialect: Dialect

    def run(self, statement: Statement, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Runs a statement that tells something, and returns its rows."""
        ...

    def run_all(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Runs a statement with each of these, at least one."""
        ...

    def insert(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Puts rows, at least one, into a table: what it says, then its place in the chain where it has one."""
        ...


class ConnectionPen:
    """Writes through a connection of SQLAlchemy's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    def run(self, statement: Statement, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """See `Pen.run`."""
        text, taken = statement.on(self.dialect)
        return self._connection.exec_driver_sql(text, taken(values)).all()

    def run_all(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """See `Pen.run_all`."""
        text, taken = statement.on(self.dialect)
        self._connection.exec_driver_sql(text, [taken(row) for row in rows])

    def insert(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """See `Pen.insert`."""
        text, _ = _insertion(table).on(self.dialect)
        self._connection.exec_driver_sql(text, list(rows))


class SqlitePen:
    """Writes through a connection of SQLite's own driver."""

    def __init__(self, connection: sqlite3.Connection, dialect: Dialect) -> None:
        self.connection = connection
        self.dialect = dialect

    def run(self, statement: Statement, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """See `Pen.run`."""
        text, taken = statement.on(self.dialect)
        return self.connection.execute(text, taken(values)).fetchall()

    def run_all(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """See `Pen.run_all`."""
        text, taken = statement.on(self.dialect)
        self.connection.executemany(text, [taken(row) for row in rows])

    def insert(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """See `Pen.insert`."""
        text, _ = _insertion(table).on(self.dialect)
        self.connection.executemany(text, rows)


@cache
def _insertion(table: Table) -> Statement:
    columns = plain(table).c.keys()
    own_number = {*columns} - {*said(table), *LINK}  # the database gives it
    return Statement(insert(plain(table)), tuple(name for name in columns if name not in own_number))


def _taking(names: Sequence[str], constants: Mapping[str, Any]) -> Values:
    """Returns what takes the values of these names from a row, but for those that the statement itself gives."""
    if not constants and len(names) == 1:
        return lambda row: (row[names[0]],)
    if not constants and names:
        return itemgetter(*names)
    return lambda row: tuple(constants[name] if name in constants else row[name] for name in names)
