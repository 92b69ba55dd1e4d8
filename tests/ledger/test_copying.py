"""A copy of a whole ledger: it says the same, verifies by itself, and still tells what was tampered with."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fairlead.errors import ConfigError
from fairlead.ledger.base import Payload
from fairlead.ledger.export import export
from fairlead.ledger.opening import reading
from fairlead.ledger.postgres import PostgresLedger
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.ledger.verify import verify

WORDS = Payload(kind="prompt", content="Name three ships.", salt="5a17")


async def fill(opened, records):
    """Two writers, of which the first scores what the second served, after it began."""
    first, second = opened(), opened()
    await first.register([records.price])
    await first.intent(records.intent(1, payloads=(WORDS,)))
    await second.intent(records.intent(2))
    await second.settle(records.settlement(2, records.failed_attempt(1), records.attempt(2)))
    await first.feedback(records.feedback(2))
    for ledger in (first, second):
        await ledger.close()


@pytest.fixture
def original(tmp_path, records):
    path = tmp_path / "ledger.db"
    asyncio.run(fill(lambda: SqliteLedger.open(path), records))
    return str(path)


def without_place(found):
    return replace(found, faults=[(fault.rule, fault.row) for fault in found.faults])


def test_a_copy_says_the_same_and_verifies_by_itself(original, tmp_path):
    copied = tmp_path / "copy.db"
    with reading(original) as ledger:
        assert export(ledger, copied) == 2
        assert not list(tmp_path.glob("copy.db?*"))
        said, found, words = list(ledger.entries()), verify(ledger), ledger.payloads(["req_0001"])
    with reading(str(copied)) as ledger:
        assert list(ledger.entries()) == said
        assert ledger.payloads(["req_0001"]) == words
        assert verify(ledger) == found
        assert found.ok


def test_a_copy_of_a_server_is_a_file(postgres, tmp_path, records):
    url = postgres.ledger()
    asyncio.run(fill(lambda: PostgresLedger.open(url), records))
    with reading(url) as ledger:
        export(ledger, tmp_path / "copy.db")
        said = list(ledger.entries())
    with reading(str(tmp_path / "copy.db")) as ledger:
        assert list(ledger.entries()) == said
        assert verify(ledger).ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE attempts SET cost_usd = '0.000001' WHERE number = 2",
        "DELETE FROM feedback",
        "UPDATE requests SET hash = NULL, writer = NULL, seq = NULL WHERE request_id = 'req_0001'",
    ],
)
def test_what_was_tampered_with_before_shows_in_the_copy(original, tmp_path, tamper, statement):
    tamper(original, statement)
    with reading(original) as ledger:
        export(ledger, tmp_path / "copy.db")
        found = verify(ledger)
    with reading(str(tmp_path / "copy.db")) as ledger:
        assert without_place(verify(ledger)) == without_place(found)
    assert not found.ok


def test_a_part_or_a_file_that_is_there_is_refused(original, tmp_path):
    with reading(original) as ledger:
        with pytest.raises(ConfigError, match="copied whole"):
            export(ledger, tmp_path / "copy.db", datetime(2026, 1, 1, tzinfo=UTC))
        with pytest.raises(ConfigError, match="there already"):
            export(ledger, tmp_path / "ledger.db")
