"""Brings a ledger to the newest schema; refuses what it does not know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import insert, inspect, select

from fairlead.errors import LedgerError
from fairlead.ledger import schema, triggers

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

LOCK = 0x6661_6972_6C65_6164
"""Of PostgreSQL: held by the one process that makes or migrates the tables; "fairlead" in ASCII."""
MIGRATIONS = Path(__file__).with_name("migrations")


def is_current(connection: Connection) -> bool:
    """Tells whether the schema is the newest, by one cheap query.

    Raises:
        LedgerError: it is a later Fairlead's, or no ledger at all.
    """
    return _version(connection) == schema.VERSION


def is_empty(connection: Connection) -> bool:
    """Tells whether the database holds nothing at all."""
    return _version(connection) is None


def bring_up_to_date(connection: Connection) -> None:
    """Creates the tables, or migrates them, within the caller's transaction.

    Alembic, which costs half a second to import, is needed for an old ledger only: a new one gets the newest schema
    at once, and a test holds that both ways lead to the same tables.
    """
    if connection.dialect.name == "postgresql":  # SQLite's transaction holds the whole file
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    version = _version(connection)
    if version is None:
        schema.METADATA.create_all(connection)
        triggers.create(connection)
        connection.execute(insert(schema.alembic_version).values(version_num=schema.VERSION))
    elif version < schema.VERSION:
        upgrade(connection, schema.VERSION)


def upgrade(connection: Connection, version: str) -> None:
    """Runs the migrations up to `version`."""
    from alembic import command  # noqa: PLC0415 - heavy, and seldom needed

    command.upgrade(config(connection), version)


def config(connection: Connection) -> Config:
    """Returns Alembic's configuration for our migrations on `connection`."""
    from alembic.config import Config  # noqa: PLC0415 - heavy, and seldom needed

    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return settings


def _version(connection: Connection) -> str | None:
    """Returns the schema's version; `None` for an empty database."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    place = f"`{connection.engine.url.database}`"
    known = {schema.alembic_version.name, schema.requests.name} <= set(tables)
    version: str | None = connection.scalar(select(schema.alembic_version.c.version_num)) if known else None
    if version is None:
        raise LedgerError(
            f"{place} holds other tables, such as `{tables[0]}`; expected a ledger or a new file. Give another path."
        )
    if version > schema.VERSION:
        raise LedgerError(
            f"{place} has schema {version}, of a later Fairlead; this one knows {schema.VERSION}. "
            "Run `pip install --upgrade fairlead`."
        )
    return version
