"""The child process: asked in turn, stopped when it takes too long, gone when nobody looks, followed when it died."""

from __future__ import annotations

import asyncio
import signal

import pytest

from fairlead.dashboard import reader as module
from fairlead.dashboard.question import Installation, Question
from fairlead.dashboard.reader import Busy, Reader

ROAD = Question(page="road")


@pytest.fixture
async def reader(tmp_path, records):
    reader = Reader(Installation(place=str(tmp_path / "fairlead.db")))
    yield reader
    await reader.close()


async def test_a_child_answers_and_says_where_there_is_no_ledger(reader):
    page = await reader.ask(ROAD)
    assert page.status_code == 503
    assert "there is no ledger" in page.body


async def test_questions_that_come_together_are_answered_in_turn(reader):
    pages = await asyncio.gather(*(reader.ask(ROAD) for _ in range(3)))
    assert len({page.body for page in pages}) == 1


async def test_more_than_may_wait_are_turned_away(reader, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING", 1)
    first = asyncio.ensure_future(reader.ask(ROAD))
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="waited for already"):
        await reader.ask(ROAD)
    await first


async def test_a_page_that_takes_too_long_is_given_up_and_the_next_one_is_answered(reader):
    reader._patience_s = 0.0
    with pytest.raises(Busy, match="shorter period"):
        await reader.ask(ROAD)
    assert reader._child is None
    reader._patience_s = 60.0
    assert (await reader.ask(ROAD)).status_code == 503


async def test_a_child_that_dies_is_followed_by_another(reader):
    await reader.ask(ROAD)
    first = reader._child
    first.send_signal(signal.SIGKILL)
    await first.wait()
    await reader.ask(ROAD)
    assert reader._child.pid != first.pid


async def test_a_child_leaves_when_nobody_looks(reader):
    await reader.ask(ROAD)
    child = reader._child
    reader._send_away()
    assert await asyncio.wait_for(child.wait(), 10) == 0


async def test_a_question_that_was_called_off_leaves_no_half_an_answer_behind(reader):
    asked = asyncio.ensure_future(reader.ask(ROAD))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert "there is no ledger" in (await reader.ask(ROAD)).body
