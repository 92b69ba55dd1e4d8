"""Who leaves cancels its block, and only that; whoever drives the wait by hand does what a task would do."""

import asyncio

import pytest

from fairlead.gateway.leaving import CancelledByLeaving

BODY = {"type": "http.request", "body": b"", "more_body": False}
LEFT = {"type": "http.disconnect"}


class Caller:
    """Says what it is told to, in turns of the loop or when it is asked to leave."""

    def __init__(self, *first):
        self.first = list(first)
        self.gone = asyncio.Event()
        self.n_asked = 0

    async def receive(self):
        self.n_asked += 1
        if self.first:
            await asyncio.sleep(0)
            return self.first.pop(0)
        await self.gone.wait()
        return LEFT


async def served(caller, block):
    with CancelledByLeaving(caller.receive) as leaving:
        await block
    return leaving.left


@pytest.mark.parametrize("first", [(), (BODY, BODY)])
async def test_a_caller_that_leaves_ends_the_block(first):
    caller, block = Caller(*first), asyncio.ensure_future(asyncio.Event().wait())
    asyncio.get_running_loop().call_later(0.001, caller.gone.set)
    assert await served(caller, block)
    assert block.cancelled()
    assert asyncio.current_task().cancelling() == 0


async def test_a_caller_that_has_left_already_ends_the_block_and_nothing_after_it():
    assert await served(Caller(LEFT), asyncio.Event().wait())
    await asyncio.sleep(0)


async def test_a_block_that_is_done_is_not_disturbed_by_a_caller_who_leaves_later():
    caller = Caller()
    assert not await served(caller, asyncio.sleep(0))
    caller.gone.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert caller.n_asked == 1


async def test_a_block_that_never_waits_ends_before_anybody_is_asked():
    caller = Caller(LEFT)

    async def at_once():
        return None

    assert not await served(caller, at_once())
    await asyncio.sleep(0)
    assert caller.n_asked == 0


async def test_a_cancel_from_elsewhere_passes_through():
    task = asyncio.ensure_future(served(Caller(), asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
