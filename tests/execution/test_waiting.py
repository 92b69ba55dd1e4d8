"""A limit on a block cancels that block and nothing else, and hides no cancel that came from elsewhere."""

import asyncio

import pytest

from fairlead.execution.waiting import TimeLimit, Waiting


async def once(limit_s, waits):
    with TimeLimit(limit_s):
        return await waits


async def after_another(limit_s, waits):
    waiting = Waiting()
    try:
        with waiting.at_most(20.0):
            await asyncio.sleep(0)
        with waiting.at_most(limit_s):
            return await waits
    finally:
        waiting.close()


@pytest.fixture(params=[once, after_another])
def limited(request):
    """Awaits something for at most some seconds."""
    return request.param


async def test_a_block_that_ends_in_time_is_left_alone(limited):
    assert await limited(10.0, asyncio.sleep(0, "done")) == "done"
    assert asyncio.current_task().cancelling() == 0


@pytest.mark.parametrize("limit_s", [0.001, 0.0, -1.0])
async def test_a_block_that_takes_longer_is_cancelled_and_nothing_after_it(limited, limit_s):
    with pytest.raises(TimeoutError):
        await limited(limit_s, asyncio.Event().wait())
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


async def test_of_two_limits_the_one_that_is_over_says_so(limited):
    with pytest.raises(TimeoutError):
        await limited(10.0, limited(0.001, asyncio.Event().wait()))
    with pytest.raises(TimeoutError):
        await limited(0.001, limited(10.0, asyncio.Event().wait()))


async def test_a_cancel_from_elsewhere_passes_through_even_where_the_time_is_over_as_well(limited):
    async def is_cancelled():
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
        await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(limited(0.0, is_cancelled()))


async def test_an_error_of_the_block_is_its_own(limited):
    async def breaks():
        raise KeyError("own")

    with pytest.raises(KeyError):
        await limited(10.0, breaks())
