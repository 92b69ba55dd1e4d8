"""Group commit without a database: who writes, who waits, who is woken, with what."""

import asyncio
import gc
import threading

import pytest

from fairlead.errors import LedgerError
from fairlead.ledger import group_commit
from fairlead.ledger.group_commit import GroupCommit


class Disk:
    """Keeps what is written; stands still while `gate` is closed."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()
        self.writing = threading.Event()

    def write(self, batch):
        self.writing.set()
        self.gate.wait()
        self.batches.append(list(batch))
        return [ValueError(change) if change == "bad" else None for change in batch]


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
async def commits(disk):
    commits = GroupCommit(disk.write, name="test-writer")
    yield commits
    disk.gate.set()
    await commits.close()


async def stall(disk, commits):
    """Returns a first commit that the disk does not finish until its gate opens."""
    disk.gate.clear()
    first = asyncio.ensure_future(commits.commit("first"))
    await asyncio.to_thread(disk.writing.wait)
    return first


async def test_what_gathers_while_the_disk_writes_is_one_batch(disk, commits):
    first = await stall(disk, commits)
    rest = [asyncio.ensure_future(commits.commit(n)) for n in range(10)]
    await asyncio.sleep(0)
    assert not any(commit.done() for commit in (first, *rest))
    disk.gate.set()
    await asyncio.gather(first, *rest)
    assert disk.batches == [["first"], list(range(10))]


async def test_a_batch_has_a_limit(disk, commits, monkeypatch):
    monkeypatch.setattr(group_commit, "MAX_BATCH", 4)
    first = await stall(disk, commits)
    rest = [asyncio.ensure_future(commits.commit(n)) for n in range(10)]
    await asyncio.sleep(0)
    disk.gate.set()
    await asyncio.gather(first, *rest)
    assert [len(batch) for batch in disk.batches] == [1, 4, 4, 2]


async def test_each_waiter_gets_its_own_answer(commits):
    answers = await asyncio.gather(*map(commits.commit, ["good", "bad", "fine"]), return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), ValueError, type(None)]


async def test_nobody_waits_for_ever_when_writing_breaks(monkeypatch):
    def broken(_):
        raise ZeroDivisionError

    commits = GroupCommit(broken, name="test-writer")
    for _ in range(2):  # and the thread is still there for the next one
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(commits.commit("x"), 5)
    await commits.close()


async def test_a_cancelled_caller_does_not_take_the_others_with_it(disk, commits):
    first = await stall(disk, commits)
    gone, there = asyncio.ensure_future(commits.commit("gone")), asyncio.ensure_future(commits.commit("there"))
    await asyncio.sleep(0)
    gone.cancel()
    disk.gate.set()
    await asyncio.gather(first, there)
    assert disk.batches[1] == ["gone", "there"]  # the row is kept: its call may have been made


async def test_more_than_the_limit_is_refused_by_name(disk, commits, monkeypatch):
    monkeypatch.setattr(group_commit, "MAX_WAITING", 3)
    first = await stall(disk, commits)
    waiting = [asyncio.ensure_future(commits.commit(n)) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(LedgerError, match="3 rows wait"):
        await commits.commit("too many")
    disk.gate.set()
    await asyncio.gather(first, *waiting)


async def test_the_writer_thread_starts_with_the_first_change_and_ends_with_close(disk):
    commits = GroupCommit(disk.write, name="test-lazy")
    names = lambda: [thread.name for thread in threading.enumerate()]  # noqa: E731
    assert "test-lazy" not in names()
    await commits.commit(1)
    assert "test-lazy" in names()
    await commits.close()
    assert "test-lazy" not in names()


async def test_an_event_loop_that_is_gone_does_not_stop_the_writer(disk, commits):
    disk.gate.clear()

    def in_another_loop():
        async def leave():
            left = asyncio.ensure_future(commits.commit("left"))
            await asyncio.sleep(0)
            left.cancel()

        asyncio.run(leave())

    await asyncio.to_thread(in_another_loop)
    disk.gate.set()
    await asyncio.wait_for(commits.commit("after"), 5)


# At once, in the loop ------------------------------------------------------------------------------------------------


class Quick(Disk):
    """Takes what it can at once; `busy` is when something would have to be waited for."""

    busy = False

    def __init__(self):
        super().__init__()
        self.at_once = []

    def write_at_once(self, batch):
        if self.busy:
            return None
        self.at_once.append(list(batch))
        return [ValueError(change) if change == "bad" else None for change in batch]


@pytest.fixture
async def quick():
    quick = Quick()
    quick.commits = GroupCommit(quick.write, at_once=quick.write_at_once, name="test-quick")
    yield quick
    quick.gate.set()
    await quick.commits.close()


async def test_changes_of_one_turn_of_the_loop_are_written_in_it_together(quick):
    await asyncio.gather(*map(quick.commits.commit, range(10)))
    assert (quick.at_once, quick.batches) == ([list(range(10))], [])
    assert "test-quick" not in [thread.name for thread in threading.enumerate()]


async def test_the_first_of_a_turn_writes_for_the_others_though_it_is_cancelled(quick, caplog):
    bad, second = (asyncio.ensure_future(quick.commits.commit(change)) for change in ("bad", "second"))
    await asyncio.sleep(0)
    bad.cancel()
    await asyncio.wait_for(second, 5)
    with pytest.raises(asyncio.CancelledError):
        await bad
    assert quick.at_once == [["bad", "second"]]
    del bad
    gc.collect()
    assert caplog.records == []  # no error that nobody had asked for


async def test_each_waiter_of_a_turn_gets_its_own_answer(quick):
    answers = await asyncio.gather(*map(quick.commits.commit, ["good", "bad", "fine"]), return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), ValueError, type(None)]


async def test_what_has_to_be_waited_for_is_left_to_the_thread(quick):
    quick.busy = True
    await asyncio.gather(*map(quick.commits.commit, range(3)))
    assert (quick.at_once, quick.batches) == ([], [[0, 1, 2]])


async def test_nothing_is_written_at_once_while_the_thread_writes(quick):
    quick.busy = True
    first = await stall(quick, quick.commits)
    quick.busy = False
    second = asyncio.ensure_future(quick.commits.commit("second"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert quick.at_once == []
    quick.gate.set()
    await asyncio.gather(first, second)
    assert quick.batches == [["first"], ["second"]]
    await quick.commits.commit("third")
    assert quick.at_once == [["third"]]


async def test_a_crowd_is_left_to_the_thread_so_that_the_loop_goes_on(quick, monkeypatch):
    monkeypatch.setattr(group_commit, "MAX_AT_ONCE", 4)
    await asyncio.gather(*map(quick.commits.commit, range(5)))
    assert (quick.at_once, quick.batches) == ([], [list(range(5))])
    await asyncio.gather(*map(quick.commits.commit, range(4)))
    assert quick.at_once == [list(range(4))]


async def test_what_is_over_the_limit_of_a_batch_is_written_too(quick, monkeypatch):
    monkeypatch.setattr(group_commit, "MAX_BATCH", 4)
    await asyncio.gather(*map(quick.commits.commit, range(10)))
    assert sorted(n for batch in quick.at_once + quick.batches for n in batch) == list(range(10))


async def test_closing_writes_what_has_gathered_in_this_turn(quick):
    waiting = [asyncio.ensure_future(quick.commits.commit(n)) for n in range(3)]
    await asyncio.sleep(0)
    await quick.commits.close()
    await asyncio.gather(*waiting)
    assert quick.at_once + quick.batches == [[0, 1, 2]]


async def test_nobody_waits_for_ever_when_writing_at_once_breaks():
    def broken(_):
        raise ZeroDivisionError

    commits = GroupCommit(broken, at_once=broken, name="test-broken")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(commits.commit("x"), 5)
    await commits.close()
