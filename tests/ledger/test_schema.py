"""What the columns keep, and the way from the oldest ledger to the newest."""

import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select

from fairlead.errors import LedgerError
from fairlead.ledger import migration, schema
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.ledger.verify import verify

OLDEST = Path(__file__).with_name("oldest.sql")
"""A ledger as the first release wrote it: never to be changed."""


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    yield engine
    engine.dispose()


def write(path: Path, script: str) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.commit()
    connection.close()
    return path


def test_the_tables_are_those_that_the_migrations_make(engine):
    with engine.begin() as connection:
        migration.upgrade(connection, "head")
        differences = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), schema.METADATA
        )
    assert differences == []


def test_the_version_in_the_code_is_the_newest_migration(engine):
    with engine.connect() as connection:
        assert ScriptDirectory.from_config(migration.config(connection)).get_heads() == [schema.VERSION]


async def test_the_oldest_ledger_migrates_forward_with_its_rows(tmp_path, records):
    path = write(tmp_path / "oldest.db", OLDEST.read_text(encoding="utf-8"))
    ledger = SqliteLedger.open(path)
    settled, unsettled = ledger.entries()
    assert (settled.status, settled.cost_usd, settled.score) == ("delivered", Decimal("0.0004848"), 1.0)
    assert unsettled.status == "unsettled"
    migrated = verify(ledger)
    assert migrated.ok
    assert migrated.n_rows == len(re.findall(r'INSERT INTO "(?!alembic)', OLDEST.read_text(encoding="utf-8")))
    await ledger.intent(records.intent(9))
    assert verify(ledger, migrated.ends).ok
    await ledger.close()


async def test_a_row_of_the_oldest_ledger_cannot_be_changed_after_it_was_migrated(tmp_path, tamper):
    path = write(tmp_path / "oldest.db", OLDEST.read_text(encoding="utf-8"))
    await SqliteLedger.open(path).close()
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        write(path, "UPDATE attempts SET latency_s = 0.26 WHERE number = 2")
    tamper(path, "UPDATE attempts SET latency_s = 0.26 WHERE number = 2")
    assert [(fault.rule, fault.row) for fault in verify(SqliteLedger.open(path)).faults] == [
        ("row_changed", "attempts req_0001/2")
    ]


def test_a_migrated_ledger_has_the_triggers_of_a_new_one(tmp_path):
    oldest = write(tmp_path / "oldest.db", OLDEST.read_text(encoding="utf-8"))
    assert triggers(oldest) == triggers(tmp_path / "new.db")


def test_a_migrated_ledger_is_laid_out_as_a_new_one(tmp_path):
    oldest = write(tmp_path / "oldest.db", OLDEST.read_text(encoding="utf-8"))
    assert laid_out(oldest) == laid_out(tmp_path / "new.db")


def laid_out(path):
    """Returns which tables have row numbers, and how each index was made."""
    SqliteLedger.open(path)
    connection = sqlite3.connect(path)
    tables = connection.execute("SELECT name, wr FROM pragma_table_list WHERE type = 'table' ORDER BY name")
    indexes = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql > '' ORDER BY name")
    found = tables.fetchall(), indexes.fetchall()
    connection.close()
    return found


def test_what_is_held_and_spent_is_so_after_the_tables_were_made_anew(engine):
    held = ("req_1", 0, "usd/route:auto/total", "usd", "route:auto", "5", "total", "0.25", "1", 7, None)
    spent = ("usd/route:auto/total", "1.5", "0.25")
    with engine.begin() as connection:
        migration.upgrade(connection, "0012")
        connection.exec_driver_sql(f"INSERT INTO holds VALUES ({', '.join('?' * len(held))})", held)
        connection.exec_driver_sql("INSERT INTO counters VALUES (?, ?, ?)", spent)
        migration.upgrade(connection, "head")
        assert connection.exec_driver_sql("SELECT * FROM holds").all() == [held]
        assert connection.exec_driver_sql("SELECT * FROM counters").all() == [spent]


def triggers(path):
    SqliteLedger.open(path)
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name").fetchall()
    connection.close()
    assert len(found) == 2 * (len(schema.ROWS) + 1)
    return found


def test_a_current_ledger_opens_without_alembic(tmp_path):
    script = (
        "import sys; from fairlead.ledger.sqlite import SqliteLedger;"
        "[SqliteLedger.open(sys.argv[1]) for _ in range(2)]; sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script, tmp_path / "new.db"], check=False).returncode == 0


async def test_the_context_of_a_decision_is_kept_whole(tmp_path, records):
    ledger = SqliteLedger.open(tmp_path / "ledger.db")
    await ledger.intent(records.intent())
    with create_engine(f"sqlite:///{ledger.path}").connect() as connection:
        context, plan = connection.execute(select(schema.requests.c.context, schema.requests.c.plan)).one()
    assert context == records.context
    assert plan == records.intent().decision.plan
    await ledger.close()


def test_a_ledger_of_a_later_version_is_refused_and_left_alone(tmp_path):
    path = write(tmp_path / "later.db", OLDEST.read_text(encoding="utf-8"))
    write(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match=r"later\.db` has schema 9999.*upgrade fairlead"):
        SqliteLedger.open(path)


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("CREATE TABLE customers (id INTEGER)", "customers"),
        (
            "CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('0001')",
            "other tables",
        ),
    ],
)
def test_a_database_of_something_else_is_refused(tmp_path, script, complaint):
    with pytest.raises(LedgerError, match=complaint):
        SqliteLedger.open(write(tmp_path / "other.db", script))


def test_money_must_be_decimal():
    with pytest.raises(TypeError, match="expected a Decimal"):
        schema.Money().process_bind_param(0.1, None)


@pytest.mark.parametrize("moment", [datetime(2026, 11, 1, 12, 0, 0, 1, tzinfo=UTC), datetime(1969, 1, 1, tzinfo=UTC)])
def test_instants_are_exact_to_the_microsecond(moment):
    kept = schema.Instant().process_bind_param(moment, None)
    assert schema.Instant().process_result_value(kept, None) == moment
