"""What SQLite must do when the disk, the lock or the process fails."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from decimal import Decimal

import pytest

from fairlead.errors import LedgerError
from fairlead.ledger import sqlite
from fairlead.ledger.base import Payload
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.ledger.verify import verify

WRITER = textwrap.dedent(
    """
    import asyncio, importlib.util, sys
    from fairlead.ledger.sqlite import SqliteLedger

    spec = importlib.util.spec_from_file_location("conftest", sys.argv[2])
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    records = conftest.LedgerRecords()

    async def request(ledger, n):
        await ledger.intent(records.intent(n))
        print("intent", n, flush=True)
        await ledger.settle(records.settlement(n))
        print("settled", n, flush=True)

    async def main():
        ledger = SqliteLedger.open(sys.argv[1])
        await ledger.register([records.price])
        await ledger.intent(records.intent(0))
        for start in range(1, 100_000, 16):
            await asyncio.gather(*(request(ledger, n) for n in range(start, start + 16)))

    asyncio.run(main())
    """
)


def test_every_acknowledged_row_survives_a_kill(tmp_path, request):
    path = tmp_path / "ledger.db"
    conftest = request.config.rootpath / "tests" / "conftest.py"
    process = subprocess.Popen([sys.executable, "-c", WRITER, path, conftest], stdout=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(150)]
    os.kill(process.pid, signal.SIGKILL)
    lines += process.stdout.readlines()
    process.stdout.close()
    process.wait()
    acknowledged = [line.split() for line in lines if line.endswith("\n")]

    ledger = SqliteLedger.open(path)
    status = {entry.request_id: entry.status for entry in ledger.entries()}
    found = verify(ledger)

    assert len(acknowledged) >= 150
    assert {f"req_{int(n):04}" for what, n in acknowledged if what == "intent"} <= status.keys()
    assert all(status[f"req_{int(n):04}"] == "delivered" for what, n in acknowledged if what == "settled")
    assert found.ok
    unsettled = {request.request_id: request.reserved_usd for request in found.unsettled}
    assert unsettled["req_0000"] == Decimal("0.05")


@pytest.fixture
async def ledger(tmp_path):
    ledger = SqliteLedger.open(tmp_path / "ledger.db", lock_timeout_s=0.05)
    yield ledger
    await ledger.close()


async def test_a_full_disk_fails_its_waiters_and_the_ledger_goes_on(ledger, records):
    await ledger.intent(records.intent(1))
    writing = ledger._database._connection(50)
    (pages,) = writing.execute("PRAGMA page_count").fetchone()
    writing.execute(f"PRAGMA max_page_count = {pages}")
    long = "x" * 100_000
    full = [ledger.intent(records.intent(n, model_asked=long)) for n in range(2, 6)]
    answers = await asyncio.gather(*full, return_exceptions=True)

    assert all(isinstance(answer, LedgerError) for answer in answers)
    assert "ledger.db" in str(answers[0])
    assert "Free some space" in str(answers[0])
    writing.execute("PRAGMA max_page_count = 1000000")
    await ledger.intent(records.intent(6))
    assert [entry.request_id for entry in ledger.entries()] == ["req_0001", "req_0006"]


async def test_a_locked_file_fails_within_its_bound_and_the_ledger_goes_on(ledger, records):
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match=r"locked.*Look which other process"):
        await ledger.intent(records.intent(1))
    other.execute("ROLLBACK")
    other.close()
    await ledger.intent(records.intent(1))
    assert len(list(ledger.entries())) == 1


async def test_a_commit_waits_for_no_thread(ledger, records):
    await ledger.intent(records.intent(1))
    assert threads() == 0
    assert len(list(ledger.entries())) == 1


async def test_what_waits_for_the_disk_is_left_to_the_thread(tmp_path, records):
    ledger = SqliteLedger.open(tmp_path / "ledger.db", durability="power")
    await ledger.intent(records.intent(1))
    assert threads() == 1
    await ledger.close()


async def test_a_slow_disk_is_left_to_the_thread_for_a_while(ledger, records, monkeypatch):
    await ledger.intent(records.intent(1))
    monkeypatch.setattr(sqlite, "SLOW_S", -1.0)
    await ledger.intent(records.intent(2))  # counts as slow
    monkeypatch.setattr(sqlite, "SLOW_S", 3600.0)
    monkeypatch.setattr(ledger._database, "_at_once_s", ledger._database._at_once_s + 3600)
    await ledger.intent(records.intent(3))
    assert threads() == 1
    monkeypatch.setattr(ledger._database, "_at_once_s", 0.0)
    assert [entry.request_id for entry in ledger.entries()] == ["req_0001", "req_0002", "req_0003"]


async def test_the_log_is_brought_into_the_file_and_begun_anew(ledger, records, monkeypatch):
    monkeypatch.setattr(sqlite, "LOG_PAGES", 200)
    for n in range(300):
        await ledger.intent(records.intent(n))
    log = ledger.path.with_name("ledger.db-wal").stat().st_size
    assert log < 2 * 200 * 4096  # it would be some 4,000 pages
    assert threads() == 1
    assert verify(ledger).ok


def threads():
    return sum(thread.name == "fairlead-ledger" for thread in threading.enumerate())


async def test_readers_are_not_held_up_by_a_writer(ledger, records):
    await ledger.intent(records.intent(1))
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert len(list(SqliteLedger.open(ledger.path, create=False).entries())) == 1
    other.close()


@pytest.mark.parametrize(("durability", "level"), [("process", 1), ("power", 2)])
async def test_durability_sets_what_a_commit_waits_for(tmp_path, durability, level):
    ledger = SqliteLedger.open(tmp_path / "ledger.db", durability=durability)
    writing = ledger._database._connection(50)
    assert writing.execute("PRAGMA synchronous").fetchone() == (level,)
    assert writing.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    await ledger.close()


def test_reading_does_not_make_a_ledger(tmp_path):
    with pytest.raises(LedgerError, match=r"no ledger at `.*nothing\.db`"):
        SqliteLedger.open(tmp_path / "nothing.db", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing/ledger.db", None, "unable to open.*Make its folder"),
        ("text.db", b"these are words, not a database" * 100, "not a database"),
    ],
)
def test_what_cannot_be_opened_is_named(tmp_path, name, content, complaint):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LedgerError, match=complaint):
        SqliteLedger.open(path)


async def test_what_is_erased_is_in_the_file_no_more(tmp_path, records):
    words = "words that nobody may find again"
    ledger = SqliteLedger.open(tmp_path / "ledger.db")
    await ledger.intent(records.intent(payloads=(Payload(kind="prompt", content=words, salt="s"),)))
    await ledger.erase(records.intent(2).at, team=None, reason="asked_for")
    await ledger.close()
    assert [path.name for path in tmp_path.iterdir() if words.encode() in path.read_bytes()] == []
