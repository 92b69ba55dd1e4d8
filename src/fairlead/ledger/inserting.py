"""Rows into a table, past SQLAlchemy's work on each value: what is kept is written as it is.

The statement is SQLAlchemy's own for the database, worked out once; the rows are handed to the driver as tuples.
"""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from fairlead.ledger.chain import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Dialect, Table


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Puts rows, of equal columns, into a table."""
    statement, values = _insertion(table, connection.dialect, tuple(rows[0]))
    connection.exec_driver_sql(statement, [values(row) for row in rows])


@cache
def _insertion(
    table: Table, dialect: Dialect, columns: tuple[str, ...]
) -> tuple[str, Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
    """Returns the statement, and what takes its values from a row."""
    compiled = insert(plain(table)).compile(dialect=dialect, column_keys=columns)
    order = compiled.positiontup
    assert order is not None
    assert len(order) > 1
    return str(compiled), itemgetter(*order)
