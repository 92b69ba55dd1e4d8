"""What PostgreSQL must do when the server, the network or another session is in the way."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from fairlead.errors import LedgerError, MissingExtraError
from fairlead.ledger import migration, schema
from fairlead.ledger.opening import open_ledger
from fairlead.ledger.postgres import PostgresLedger, _parsed, _Server
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.ledger.verify import verify
from tests.ledger.test_sqlite import WRITER


@pytest.fixture
def url(postgres):
    """An empty database."""
    return postgres.database()


@pytest.fixture
async def ledger(postgres):
    ledger = PostgresLedger.open(postgres.ledger(), wait_s=0.2)
    yield ledger
    await ledger.close()


async def test_two_processes_write_at_once_and_a_killed_one_loses_nothing_that_it_acknowledged(url, request):
    await PostgresLedger.open(url).close()
    writers = [start_writer(url, request, first=first) for first in (1, 1_000_000)]
    lines = [[process.stdout.readline() for _ in range(60)] for process in writers]
    os.kill(writers[0].pid, signal.SIGKILL)
    writers[1].terminate()
    for process in writers:
        lines.append(process.stdout.readlines())
        process.stdout.close()
        process.wait()
    acknowledged = [line.split() for known in lines for line in known if line.endswith("\n")]

    ledger = PostgresLedger.open(url)
    status = {entry.request_id: entry.status for entry in ledger.entries()}
    found = verify(ledger)
    await ledger.close()

    assert len(acknowledged) >= 120
    assert {f"req_{int(n):04}" for what, n in acknowledged if what == "intent"} <= status.keys()
    assert all(status[f"req_{int(n):04}"] == "delivered" for what, n in acknowledged if what == "settled")
    assert found.ok
    assert len(found.ends) == 2


def start_writer(url, request, *, first):
    script = WRITER.replace("SqliteLedger.open", "open_ledger").replace(
        "from fairlead.ledger.sqlite import SqliteLedger", "from fairlead.ledger.opening import open_ledger"
    )
    script = script.replace("records.intent(0)", f"records.intent({first - 1})").replace("range(1,", f"range({first},")
    script = script.replace("100_000", "10_000_000")
    conftest = request.config.rootpath / "tests" / "conftest.py"
    environ = os.environ | {"PYTHONPATH": f"{request.config.rootpath}:{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-c", script, url, str(conftest)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)


async def test_a_server_that_is_gone_fails_the_write_and_the_ledger_goes_on_behind_it(records, fragile):
    ledger = PostgresLedger.open(fragile.ledger(), wait_s=2)
    await ledger.intent(records.intent(1))
    fragile.stop("fast")
    with pytest.raises(LedgerError, match="These rows were not kept"):
        await ledger.intent(records.intent(2))
    with pytest.raises(LedgerError, match="cannot read"):
        list(ledger.entries())
    fragile.start()
    await ledger.intent(records.intent(3))
    assert [entry.request_id for entry in ledger.entries()] == ["req_0001", "req_0003"]
    assert [writer.seq for writer in ledger.writers()] == [1, 1]  # the commit may have been made: a new chain
    assert verify(ledger).ok
    await ledger.close()


async def test_a_locked_table_fails_within_its_bound_and_the_ledger_goes_on(ledger, records):
    other = _Server(ledger._database._engine.url, "process", 1)
    try:
        locked, free = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        holding = asyncio.run_coroutine_threadsafe(hold(other, loop, locked, free), other._loop)
        await locked.wait()
        with pytest.raises(LedgerError, match=r"lock timeout.*Look who holds a lock"):
            await ledger.intent(records.intent(1))
        free.set()
        await asyncio.wrap_future(holding)
    finally:
        other.close()
    await ledger.intent(records.intent(1))
    assert len(list(ledger.entries())) == 1


async def hold(server, loop, locked, free):
    async with server._engine.begin() as connection:
        await connection.exec_driver_sql("LOCK TABLE requests IN ACCESS EXCLUSIVE MODE")
        loop.call_soon_threadsafe(locked.set)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(free.wait(), loop))


def test_many_that_open_an_empty_database_at_once_make_the_tables_once(url):
    script = "import sys; from fairlead.ledger.postgres import PostgresLedger; PostgresLedger.open(sys.argv[1])"
    opening = [subprocess.Popen([sys.executable, "-c", script, url]) for _ in range(3)]
    assert [process.wait() for process in opening] == [0, 0, 0]


async def test_the_tables_are_those_that_the_migrations_make(url):
    server = _Server(_parsed(url), "process", 5)
    try:
        server.write(lambda connection: migration.upgrade(connection, "head"))
        differences = server.read(
            lambda connection: compare_metadata(
                MigrationContext.configure(connection, opts={"compare_type": True}), schema.METADATA
            )
        )
        assert [found for found in differences if "comment" not in str(found)] == []
        triggers = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"
        assert server.read(lambda connection: connection.exec_driver_sql(triggers).scalar()) == 3 * (
            len(schema.ROWS) + 1
        )
    finally:
        server.close()


def test_a_database_of_something_else_is_refused_and_left_alone(postgres, url):
    name = url.partition("@/")[2].partition("?")[0]
    postgres.execute(name, "CREATE TABLE customers (id INTEGER)")
    with pytest.raises(LedgerError, match="customers"):
        PostgresLedger.open(url)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda url: url.replace("fairlead@", "fairlead:secret@"), "holds a password.*PGPASSWORD"),
        (lambda _: "postgresql://fairlead@localhost", "is no address"),
        (lambda _: "mysql://fairlead@localhost/x", "is no address"),
        (lambda url: url.replace("ledger_", "none_"), r"does not exist.*createdb"),
        (lambda url: url.replace("fairlead-pg-", "nowhere-"), "cannot read the ledger"),
    ],
)
def test_what_cannot_be_opened_is_named_without_secrets(url, change, complaint):
    with pytest.raises(LedgerError, match=complaint) as raised:
        PostgresLedger.open(change(url), wait_s=1)
    assert "secret" not in str(raised.value)


def test_reading_makes_no_tables(url):
    with pytest.raises(LedgerError, match="there is no ledger at"):
        open_ledger(url, create=False)


async def test_a_place_is_a_file_or_an_address(tmp_path, url):
    on_server, in_file = open_ledger(url), open_ledger(str(tmp_path / "ledger.db"))
    assert (type(on_server), type(in_file)) == (PostgresLedger, SqliteLedger)
    await on_server.close()
    await in_file.close()


async def test_power_waits_for_the_disk_whatever_the_server_says(url):
    ledger = PostgresLedger.open(url, durability="power")
    shown = ledger._read(lambda connection: connection.exec_driver_sql("SHOW synchronous_commit").scalar())
    assert shown == "on"
    await ledger.close()


def test_without_its_extra_the_install_line_is_printed(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(MissingExtraError, match=r"fairlead\[postgres\]"):
        PostgresLedger.open(url)
