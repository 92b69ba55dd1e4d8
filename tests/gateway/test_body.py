"""A reader may be slow, not stuck: what is sent waits for it so long and no longer."""

from __future__ import annotations

import asyncio

import pytest

from fairlead.gateway.body import ClientLeftError, patient


async def test_who_takes_nothing_for_so_long_counts_as_gone():
    closed = []

    async def stuck(_message):
        try:
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    with pytest.raises(ClientLeftError):
        await patient(stuck, 0.001)({})
    assert closed


async def test_who_takes_its_time_within_the_limit_is_waited_for_again_and_again():
    taken = []

    async def slow(message):
        for _ in range(3):
            await asyncio.sleep(0)
        taken.append(message)

    send = patient(slow, 30.0)
    await send({"n": 1})
    await send({"n": 2})
    assert taken == [{"n": 1}, {"n": 2}]


async def test_what_breaks_in_sending_is_told():
    async def broken(message):
        if message:
            await asyncio.sleep(0)
        raise ValueError

    for message in ({}, {"n": 1}):
        with pytest.raises(ValueError):  # noqa: PT011 - as it was raised
            await patient(broken, 30.0)(message)


async def test_a_cancel_from_elsewhere_passes_through():
    async def stuck(_message):
        await asyncio.Event().wait()

    async def sending():
        await patient(stuck, 30.0)({})

    task = asyncio.create_task(sending())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
