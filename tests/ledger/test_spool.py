"""While the database is gone, rows wait in a file: in order, bounded, each once, none dropped silently."""

import asyncio
import json
import sqlite3
from contextlib import contextmanager

import pytest

from fairlead.errors import LedgerError
from fairlead.ledger.postgres import PostgresLedger
from fairlead.ledger.spool import Spool
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.ledger.verify import verify


@pytest.fixture
def place(tmp_path):
    SqliteLedger.open(tmp_path / "ledger.db")
    return tmp_path


def opened(place, *, max_bytes=1_000_000, retry_s=0.0):
    spool = Spool(place / "ledger.db.spool", max_bytes=max_bytes)
    return SqliteLedger.open(place / "ledger.db", lock_timeout_s=0.01, spool=spool, retry_s=retry_s)


@contextmanager
def locked(place):
    """Holds the file as another process that writes would."""
    other = sqlite3.connect(place / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def whole(ledger, records, n):
    await ledger.register([records.price])
    await ledger.intent(records.intent(n))
    await ledger.settle(records.settlement(n, records.failed_attempt(1), records.attempt(2)))
    await ledger.feedback(records.feedback(n))


async def until_empty(ledger):
    while ledger.n_spooled:  # noqa: ASYNC110 - another thread empties it
        await asyncio.sleep(0.005)


async def test_rows_wait_for_a_locked_file_and_follow_in_order(place, records):
    ledger = opened(place)
    with locked(place):
        await whole(ledger, records, 1)
        await whole(ledger, records, 2)
        assert (ledger.n_spooled, list(ledger.entries())) == (8, [])
    await ledger.intent(records.intent(3))
    assert ledger.n_spooled == 0
    assert [(entry.request_id, entry.status, entry.score) for entry in ledger.entries()] == [
        ("req_0001", "delivered", 1.0),
        ("req_0002", "delivered", 1.0),
        ("req_0003", "unsettled", None),
    ]
    first = [link.seq for entry in ledger.entries() for link in entry.links]
    assert first == [2, 3, 4, 5, 7, 8, 9, 10, 12]  # a price first, feedback between; the second price is there already
    assert verify(ledger).ok
    await ledger.close()


async def test_rows_follow_though_nothing_else_is_written(place, records):
    ledger = opened(place, retry_s=0.01)
    with locked(place):
        await ledger.intent(records.intent(1))
    await asyncio.wait_for(until_empty(ledger), 10)
    assert len(list(ledger.entries())) == 1
    await ledger.close()


async def test_a_failed_database_is_left_alone_for_a_while(place, records):
    ledger = opened(place, retry_s=3600)
    with locked(place):
        await ledger.intent(records.intent(1))
    await ledger.intent(records.intent(2))  # the file is free again, but it is not asked yet
    assert (ledger.n_spooled, list(ledger.entries())) == (2, [])
    await ledger.close()


async def test_rows_survive_a_restart(place, records):
    ledger = opened(place)
    with locked(place):
        await whole(ledger, records, 1)
        await ledger.close()
    again = opened(place)
    assert again.n_spooled == 0
    assert [entry.status for entry in again.entries()] == ["delivered"]
    await again.close()


async def test_a_full_spool_refuses_and_keeps_what_it_has(place, records):
    ledger = opened(place, max_bytes=4_000)
    with locked(place):
        answers = await asyncio.gather(*(ledger.intent(records.intent(n)) for n in range(1, 9)), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, LedgerError)]
        assert "is full" in str(refused[0])
        kept = ledger.n_spooled
        assert kept == len(answers) - len(refused)
    await ledger.intent(records.intent(9))
    assert len(list(ledger.entries())) == kept + 1
    await ledger.close()


async def test_a_replay_that_broke_off_writes_nothing_twice(place, records):
    ledger = opened(place)
    with locked(place):
        await whole(ledger, records, 1)
        await whole(ledger, records, 2)
        await ledger.close()
    waiting = (place / "ledger.db.spool").read_bytes()
    await opened(place).close()
    (place / "ledger.db.spool").write_bytes(waiting)  # as if it had died before it emptied the file
    again = opened(place)
    assert again.n_spooled == again.n_rejected == 0
    found = verify(again)
    assert (found.ok, found.n_rows) == (True, 11)
    await again.close()


async def test_a_line_that_is_not_whole_was_never_acknowledged(place, records):
    ledger = opened(place)
    with locked(place):
        await ledger.intent(records.intent(1))
        await ledger.close()
    path = place / "ledger.db.spool"
    path.write_bytes(path.read_bytes() + b'[["requests", {"request_id": "req_0002"')
    again = opened(place)
    assert [entry.request_id for entry in again.entries()] == ["req_0001"]
    assert (path.read_bytes(), again.n_spooled) == (b"", 0)
    await again.close()


async def test_what_the_database_refuses_for_good_is_put_aside_with_the_reason(place, records):
    ledger = opened(place)
    with locked(place):
        await ledger.feedback(records.feedback(99))
        await ledger.intent(records.intent(1))
    await ledger.intent(records.intent(2))
    assert (ledger.n_spooled, ledger.n_rejected, len(list(ledger.entries()))) == (0, 1, 2)
    noted = json.loads((place / "ledger.db.spool.rejected").read_text())
    assert "does not hold what this row speaks of" in noted["reason"]
    assert noted["change"][0][1]["decision_id"] == "dec_0099"
    await ledger.close()
    again = opened(place)
    assert again.n_rejected == 1
    await again.close()


async def test_a_row_that_does_not_fit_its_column_is_refused_at_once(place, records):
    ledger = opened(place)
    with locked(place), pytest.raises(LedgerError, match="cannot write"):
        await ledger.intent(records.intent(1, at=records.start.replace(tzinfo=None)))
    assert ledger.n_spooled == 0
    await ledger.close()


async def test_two_gateways_do_not_share_a_spool(place):
    ledger = opened(place)
    with pytest.raises(LedgerError, match="another gateway uses the spool"):
        opened(place)
    await ledger.close()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LedgerError, match=r"cannot use the spool .*nowhere"):
        Spool(tmp_path / "nowhere" / "spool", max_bytes=10)


async def test_rows_wait_for_a_server_that_is_gone(tmp_path, records, fragile):
    spool = Spool(tmp_path / "spool", max_bytes=1_000_000)
    ledger = PostgresLedger.open(fragile.ledger(), wait_s=2, spool=spool, retry_s=0.01)
    await whole(ledger, records, 1)
    fragile.stop("fast")
    await whole(ledger, records, 2)
    assert ledger.n_spooled == 4
    fragile.start()
    await asyncio.wait_for(until_empty(ledger), 10)
    assert [entry.status for entry in ledger.entries()] == ["delivered", "delivered"]
    assert verify(ledger).ok
    await ledger.close()
