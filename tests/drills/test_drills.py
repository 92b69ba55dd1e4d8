"""Every scenario against the real gateway with its shipped limits: fast always, in real time as `slow`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fairlead.drills import BEYOND, SCENARIOS, checks, drilled, drilling

EVERY = (*SCENARIOS, *BEYOND)
GONE_ON = {"B16", "B17", "B18"}
"""Their hosts can be asked to go on, but for those of the responses dialect."""


def wrong(results):
    return {result.cell.route: result.faults for result in results if result.faults}


@pytest.mark.parametrize("scenario", EVERY, ids=[scenario.id for scenario in EVERY])
async def test_the_gateway_comes_through(scenario):
    results = await drilled(scenario)
    assert len(results) == 6
    assert wrong(results) == {}
    assert {result.grade for result in results if not result.cell.stream} == {"pass"}
    if scenario.id in GONE_ON:
        streamed = {result.cell.dialect: result.grade for result in results if result.cell.stream}
        assert streamed == {"chat": "pass", "messages": "pass", "responses": "safe"}


@pytest.mark.slow
async def test_in_real_time_all_at_once():
    found = await asyncio.gather(*(drilled(scenario, (1.0,)) for scenario in EVERY))
    assert wrong(result for results in found for result in results) == {}


async def test_a_gateway_that_fails_fails_at_every_scale():
    silent = next(scenario for scenario in SCENARIOS if scenario.id == "S06")
    impatient = replace(silent, checks=(checks.within(1),))
    results = await drilled(impatient, (1 / 40, 1 / 20))
    assert {result.grade for result in results} == {"fail"}


async def test_nothing_is_left_open():
    scenario = next(scenario for scenario in SCENARIOS if scenario.id == "S06")
    async with drilling([scenario]) as drill:
        await drill.run(scenario)
        assert drill.gateway.executor.hosts.shown().keys() >= {"S06-chat-whole-primary/primary"}
        assert all(host.n_in_flight == 0 for host in drill.gateway.executor.hosts.states().values())
        entries = list(drill.gateway.ledger.entries())
        assert {entry.status for entry in entries} == {"delivered"}
        async with asyncio.timeout(5):
            while drill.host.n_left < 6:  # noqa: ASYNC110 - the host sees the client leave a moment later
                await asyncio.sleep(0.002)
