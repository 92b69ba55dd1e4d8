"""A stream that does not begin in its usual time gets a second one beside it: the first content wins."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from fairlead.errors import ProviderError, UnavailableError
from fairlead.execution import Limits
from fairlead.execution.hosts import MIN_SEEN
from fairlead.types import Chunk, Usage

SOON = Limits(hedge_ttft_s=0.01, ttft_s=5.0, patient_ttft_s=5.0)
USAGE = Usage(input_tokens=1_000, output_tokens=100)
COST = Decimal("0.003")
ANSWER = [Chunk(text="Hello "), Chunk(text="there", finish_reason="stop", usage=USAGE)]


def busy():
    return [UnavailableError("busy", model="x", status_code=503, retryable=False)]


def measured(place, name="first"):
    """Makes a host known to begin its streams within a millisecond."""
    for _ in range(MIN_SEEN):
        place.executor.hosts[name].ttft_s.add(0.001)
    return place


async def text_of(stream):
    return "".join([chunk.text async for chunks in stream for chunk in chunks])


def told(outcome):
    return [(a.candidate, a.kind, a.status, a.cost_usd) for a in outcome.attempts]


async def test_a_silent_host_is_overtaken_and_cancelled(bench, scripted):
    silent = scripted(["hang"])
    stream = measured(bench(silent, scripted(ANSWER), limits=SOON)).stream()
    assert await stream.start()
    assert (stream.candidate, await text_of(stream)) == ("second", "Hello there")
    assert told(stream.outcome) == [("first", "call", "cancelled", None), ("second", "hedge", "ok", COST)]
    assert stream.outcome.cost_usd is None  # what the silent host bills is not known
    assert (silent.n_calls, silent.n_closed) == (1, 1)


async def test_one_that_begins_in_time_is_not_overtaken(bench, scripted):
    second = scripted(ANSWER)
    stream = measured(bench(scripted(ANSWER), second, limits=SOON)).stream()
    assert await stream.start()
    assert await text_of(stream) == "Hello there"
    assert (second.n_calls, len(stream.outcome.attempts)) == (0, 1)


async def test_a_host_that_was_never_measured_is_not_overtaken(bench, scripted):
    second = scripted(ANSWER)
    place = bench(scripted(["hang"]), second, limits=replace(SOON, ttft_s=0.03, patient_ttft_s=0.03))
    stream = place.stream()
    assert await stream.start()
    await text_of(stream)
    assert told(stream.outcome) == [("first", "call", "failed", None), ("second", "call", "ok", COST)]


async def test_the_first_may_still_win(bench, scripted):
    place = measured(bench(scripted(ANSWER), scripted(["hang"]), limits=SOON))
    first, second = place.executor.providers.values()
    begun, stream_of = asyncio.Event(), first.stream

    async def slowly(*asked):
        await begun.wait()
        async for chunk in stream_of(*asked):
            yield chunk

    first.stream = slowly
    stream = place.stream()
    start = asyncio.ensure_future(stream.start())
    await second.silent.wait()
    begun.set()
    assert await start
    assert (stream.candidate, await text_of(stream)) == ("first", "Hello there")
    assert told(stream.outcome) == [("second", "hedge", "cancelled", None), ("first", "call", "ok", COST)]
    assert second.n_closed == 1


async def test_where_the_second_fails_the_first_is_still_waited_for(bench, scripted):
    limits = replace(SOON, ttft_s=0.05, patient_ttft_s=0.05)
    place = measured(bench(scripted(["hang"]), scripted(busy()), scripted(ANSWER), limits=limits))
    stream = place.stream()
    assert await stream.start()
    await text_of(stream)
    assert [(a.candidate, a.kind, a.status) for a in stream.outcome.attempts] == [
        ("first", "call", "failed"),
        ("second", "hedge", "failed"),
        ("third", "call", "ok"),
    ]


async def test_where_the_first_fails_the_second_is_waited_for(bench, scripted):
    place = measured(bench(scripted(["hang"]), scripted(ANSWER), limits=SOON))
    first, second = place.executor.providers.values()
    stream_of, called = second.stream, asyncio.Event()

    async def breaking(*_asked):
        await called.wait()
        raise busy()[0]
        yield

    async def after_it(*asked):
        called.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        async for chunk in stream_of(*asked):
            yield chunk

    first.stream, second.stream = breaking, after_it
    stream = place.stream()
    assert await stream.start()
    assert await text_of(stream) == "Hello there"
    assert [(a.candidate, a.status) for a in stream.outcome.attempts] == [("first", "failed"), ("second", "ok")]


async def test_what_breaks_after_the_second_won_is_told(bench, scripted):
    second = scripted([Chunk(text="Hello"), UnavailableError("gone", model="second", billed=True)])
    stream = measured(bench(scripted(["hang"]), second, limits=SOON)).stream()
    assert await stream.start()
    with pytest.raises(ProviderError):
        await text_of(stream)
    assert [(a.candidate, a.status) for a in stream.outcome.attempts] == [("first", "cancelled"), ("second", "failed")]


async def test_a_caller_who_leaves_cancels_both(bench, scripted):
    providers = scripted(["hang"]), scripted(["hang"])
    place = measured(bench(*providers, limits=SOON))
    stream = place.stream()
    start = asyncio.ensure_future(stream.start())
    await providers[1].silent.wait()
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert {a.status for a in stream.outcome.attempts} == {"cancelled"}
    assert [provider.n_closed for provider in providers] == [1, 1]
    assert all(state.n_in_flight == 0 for state in place.executor.hosts.states().values())


@pytest.mark.parametrize(
    "changes",
    [{"hedge_share": 0.0}, {"max_attempts": 1}, {"hedge_usd_per_hour": 0.0}],
    ids=["no share", "no attempt", "no money"],
)
async def test_nobody_is_asked_beside_it_where_that_is_not_allowed(bench, scripted, changes):
    second = scripted(ANSWER)
    limits = replace(SOON, ttft_s=0.05, patient_ttft_s=0.05, retries=0, **changes)
    stream = measured(bench(scripted(["hang"]), second, limits=limits)).stream()
    await stream.start()
    await stream.aclose()
    assert "hedge" not in [a.kind for a in stream.outcome.attempts]


async def test_the_cap_on_money_holds_over_requests(bench, scripted):
    """A call is expected to cost 1 token in and 1,000 out, $0.010002: the cap pays for two."""
    limits = replace(SOON, hedge_usd_per_hour=0.0201, ttft_s=0.05, patient_ttft_s=0.05, breaker_failures=0)
    place = measured(bench(scripted(*[["hang"]] * 4), scripted(*[ANSWER] * 4), limits=limits))
    kinds = []
    for _ in range(4):
        stream = place.stream()
        await stream.start()
        await text_of(stream)
        kinds.append(stream.outcome.attempts[-1].kind)
    assert kinds == ["hedge", "hedge", "call", "call"]


@pytest.mark.parametrize("streamed", [True, False])
def test_being_overtaken_does_not_make_a_host_seem_faster(bench, scripted, records, streamed):
    hosts = bench(scripted()).executor.hosts
    for took_s in [0.1] * 15 + [9.0] * 5:
        hosts.begin("first")
        attempt = records.attempt(candidate="first", status="cancelled", ttft_s=None, latency_s=took_s)
        hosts.end(attempt, late=took_s > 1, streamed=streamed)
        if took_s < 1:
            (hosts["first"].ttft_s if streamed else hosts["first"].latency_s).add(took_s)
    state = hosts.states()["first"]
    assert (state.ttft_p95_s if streamed else state.latency_p95_s) == 9.0
