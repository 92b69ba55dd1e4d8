"""Triggers that refuse to change or delete rows: against mistakes; against malice there is the hash chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.ledger.schema import ROWS, writers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

REFUSAL = "rows of the ledger are never changed"
_GOES_BACK = (
    "NEW.seq <= OLD.seq OR NEW.id <> OLD.id OR NEW.began_at <> OLD.began_at"
    " OR COALESCE(NEW.after_hash, '') <> COALESCE(OLD.after_hash, '')"
)
"""When a change of a `writers` row is none that a commit makes."""


def create(connection: Connection) -> None:
    """Creates all triggers; the tables are there."""
    create_for(connection, [table.name for table in ROWS])
    create_for_writers(connection)


def create_for(connection: Connection, tables: Iterable[str]) -> None:
    """Creates the triggers of these tables: their rows are never changed."""
    for table in tables:
        _create(connection, table, "")


def create_for_writers(connection: Connection) -> None:
    """Creates those of `writers`: the end of a chain only moves on."""
    _create(connection, writers.name, f"WHEN {_GOES_BACK}")


def _create(connection: Connection, table: str, changes: str) -> None:
    for statement in _STATEMENTS[connection.dialect.name](table, changes):
        connection.exec_driver_sql(statement)


def _sqlite(table: str, changes: str) -> Iterator[str]:
    for change, condition in (("DELETE", ""), ("UPDATE", changes)):
        yield (
            f"CREATE TRIGGER {table}_{change.lower()}_refused BEFORE {change} ON {table} {condition}"
            f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )


def _postgres(table: str, changes: str) -> Iterator[str]:
    yield (
        "CREATE OR REPLACE FUNCTION fairlead_refused() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for change, condition in (("DELETE", ""), ("UPDATE", changes)):
        when = condition.replace("WHEN", "WHEN (") + ")" if condition else ""
        yield (
            f"CREATE TRIGGER {table}_{change.lower()}_refused BEFORE {change} ON {table}"
            f" FOR EACH ROW {when} EXECUTE FUNCTION fairlead_refused()"
        )
    yield (
        f"CREATE TRIGGER {table}_truncate_refused BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION fairlead_refused()"
    )


_STATEMENTS = {"sqlite": _sqlite, "postgresql": _postgres}
