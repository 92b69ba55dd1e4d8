"""`fairlead explain` against a small ledger on disk."""

import asyncio
import json
from functools import partial

import pytest

from fairlead.ledger.sqlite import SqliteLedger
from tests import commands


@pytest.fixture
def path(tmp_path, records):
    async def fill():
        ledger = SqliteLedger.open(tmp_path / "fairlead.db")
        await ledger.register([records.price])
        await ledger.intent(records.intent(1))
        await ledger.settle(records.settlement(1, records.failed_attempt(1), records.attempt(2)))
        await ledger.close()

    asyncio.run(fill())
    return tmp_path / "fairlead.db"


run = partial(commands.run, "explain")


def test_people_read_why(path, capsys):
    assert run("dec_0001", "--ledger", path) == 0
    shown = capsys.readouterr().out
    assert "`a/cheap` was chosen (cheapest_within_floor)" in shown
    assert "failed after 0.25 s (RateLimitError, status 429), 0 USD" in shown
    assert "`a/blind`: vision is needed and it is not known whether it has it" in shown


def test_programs_read_the_whole_entry(path, capsys):
    assert run("req_0001", "--ledger", path, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["chances"] == {"a/cheap": 0.98, "a/dear": 0.02}
    assert [attempt["status"] for attempt in result["entry"]["attempts"]] == ["failed", "ok"]


def test_an_id_that_is_not_there_is_no_answer(path, capsys):
    assert run("dec_9", "--ledger", path) == 1
    assert "no decision or request `dec_9` is in" in capsys.readouterr().err
