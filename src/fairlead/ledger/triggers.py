"""Triggers that refuse to change or delete rows: against mistakes; against malice there is the hash chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.ledger.schema import ROWS, writers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

REFUSAL = "rows of the ledger are never changed"
_GOES_BACK = (
    "NEW.seq <= OLD.seq OR NEW.id <> OLD.id OR NEW.began_at <> OLD.began_at"
    " OR COALESCE(NEW.after_hash, '') <> COALESCE(OLD.after_hash, '')"
)
"""When a change of a `writers` row is none that a commit makes."""


def create(connection: Connection) -> None:
    """Creates all triggers; the tables are there."""
    for statement in _STATEMENTS[connection.dialect.name]():
        connection.exec_driver_sql(statement)


def _sqlite() -> Iterator[str]:
    for table, change, condition in _cases():
        yield (
            f"CREATE TRIGGER {table}_{change.lower()}_refused BEFORE {change} ON {table} {condition}"
            f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )


def _cases() -> Iterator[tuple[str, str, str]]:
    """Yields (table, what is done, when it is refused)."""
    for table in (*ROWS, writers):
        yield table.name, "DELETE", ""
        yield table.name, "UPDATE", f"WHEN {_GOES_BACK}" if table is writers else ""


def _postgres() -> Iterator[str]:
    yield (
        "CREATE FUNCTION fairlead_refused() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table, change, condition in _cases():
        when = condition.replace("WHEN", "WHEN (") + ")" if condition else ""
        yield (
            f"CREATE TRIGGER {table}_{change.lower()}_refused BEFORE {change} ON {table}"
            f" FOR EACH ROW {when} EXECUTE FUNCTION fairlead_refused()"
        )
    for kept in (*ROWS, writers):
        yield (
            f"CREATE TRIGGER {kept.name}_truncate_refused BEFORE TRUNCATE ON {kept.name}"
            " FOR EACH STATEMENT EXECUTE FUNCTION fairlead_refused()"
        )


_STATEMENTS = {"sqlite": _sqlite, "postgresql": _postgres}
