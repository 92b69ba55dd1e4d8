"""Streams: fallback unseen before the first content, a clear error after it, and no chunk held back."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from fairlead.errors import BadResponseError, ProviderError, ProviderTimeoutError, RefusedRequestError, UnavailableError
from fairlead.execution import Limits
from fairlead.types import Chunk, Usage

USAGE = Usage(input_tokens=1_000, output_tokens=100)
COST = Decimal("0.003")
ROLE = Chunk(id="r1", model="host")
END = Chunk(finish_reason="stop")
USED = Chunk(usage=USAGE)
ANSWER = [ROLE, Chunk(text="Hello"), Chunk(text=" there"), END, USED]
QUICK = Limits(ttft_s=0.02, patient_ttft_s=0.02, idle_s=0.02, finish_s=0.02)


def cut():
    return BadResponseError("cut", model="first", billed=True)


async def read(stream):
    return [chunk async for chunks in stream for chunk in chunks]


async def test_all_chunks_pass_and_the_end_is_billed(bench, scripted):
    stream = bench(scripted(ANSWER)).stream()
    assert await stream.start()
    assert stream.candidate == "first"
    assert await read(stream) == ANSWER
    outcome = stream.outcome
    assert (outcome.status, outcome.served, outcome.cost_usd) == ("delivered", "first", COST)
    (attempt,) = outcome.attempts
    assert (attempt.status, attempt.usage, attempt.model_served, attempt.ttft_s) == ("ok", USAGE, "host", 0.0)
    await stream.aclose()
    assert stream.outcome is outcome


async def test_the_last_usage_counts_once(bench, scripted):
    growing = [Chunk(text="a", usage=Usage(input_tokens=1_000, output_tokens=n)) for n in (10, 50)]
    stream = bench(scripted([*growing, END, USED])).stream()
    await stream.start()
    await read(stream)
    assert stream.outcome.attempts[0].usage == USAGE


@pytest.mark.parametrize("later", [Chunk(text="b"), Chunk(reasoning="b")])
async def test_a_usage_that_content_outdates_is_not_the_bill(bench, scripted, later):
    early = Chunk(text="a", usage=Usage(input_tokens=1_000, output_tokens=1))
    stream = bench(scripted([early, later, END])).stream()
    await stream.start()
    await read(stream)
    assert (stream.outcome.status, stream.outcome.cost_usd) == ("delivered", None)


@pytest.mark.parametrize(
    "failing",
    [
        [KeyError("a bug of ours")],
        [ROLE, KeyError("a bug of ours")],
        [RefusedRequestError("no", model="first", status_code=400)],
        [ROLE, RefusedRequestError("no", model="first")],
        ["hang"],
        [ROLE, "hang"],
    ],
    ids=["broken", "broken after the role", "refused", "refused after the role", "silent", "silent after the role"],
)
async def test_before_the_first_content_a_failure_is_not_seen(bench, scripted, failing):
    stream = bench(scripted(failing), scripted(ANSWER), limits=QUICK).stream()
    assert await stream.start()
    assert await read(stream) == ANSWER
    assert [a.status for a in stream.outcome.attempts] == ["failed", "ok"]
    assert stream.outcome.served == "second"


async def test_a_busy_host_is_retried_before_the_first_content(bench, scripted):
    place = bench(scripted([UnavailableError("busy", model="first")], ANSWER))
    stream = place.stream()
    assert await stream.start()
    assert len(place.time.pauses) == 1


@pytest.mark.parametrize("beginning", [Chunk(reasoning="Hm."), END], ids=["reasoning", "an empty answer"])
async def test_thoughts_and_ends_are_content(bench, scripted, beginning):
    first = scripted([ROLE, beginning, "hang"])
    stream = bench(first).stream()
    assert await stream.start()
    assert first.n_taken == 2
    await stream.aclose()


async def test_when_every_attempt_fails_nothing_was_delivered(bench, scripted):
    refused = [RefusedRequestError("no", model="first")]
    stream = bench(scripted(refused), scripted(refused)).stream()
    assert not await stream.start()
    assert await read(stream) == []
    assert (stream.outcome.status, len(stream.outcome.causes)) == ("failed", 2)


@pytest.mark.parametrize(
    ("broken", "kind"),
    [(cut(), BadResponseError), ("hang", ProviderTimeoutError), (KeyError("a bug of ours"), ProviderError)],
    ids=["cut", "stall", "a bug of ours"],
)
async def test_after_the_first_content_a_failure_is_an_error_and_no_fallback(bench, scripted, broken, kind):
    second = scripted(ANSWER)
    stream = bench(scripted([Chunk(text="Half"), broken]), second, limits=QUICK).stream()
    assert await stream.start()
    (half,) = await anext(stream)
    assert half.text == "Half"
    with pytest.raises(kind):
        await anext(stream)
    assert (stream.outcome.status, stream.outcome.cost_usd, stream.outcome.served) == ("failed", None, None)
    assert second.n_calls == 0
    assert await read(stream) == []


@pytest.mark.parametrize("after", [cut(), "hang"], ids=["cut", "silent"])
async def test_once_the_finish_reason_came_the_answer_is_whole(bench, scripted, after):
    stream = bench(scripted([Chunk(text="Hi"), END, after]), limits=QUICK).stream()
    await stream.start()
    assert await read(stream) == [Chunk(text="Hi"), END]
    assert (stream.outcome.status, stream.outcome.cost_usd) == ("delivered", None)


async def test_what_arrives_is_passed_at_once_and_none_is_fetched_ahead(bench, scripted):
    first = scripted(ANSWER)
    stream = bench(first).stream()
    assert first.n_calls == 0
    await stream.start()
    assert first.n_taken == 2  # the role and the first content
    taken = []
    async for _ in stream:
        taken.append(first.n_taken)  # noqa: PERF401 - one reading an arrival
    assert taken == [2, 3, 4, 5]


async def test_closing_stops_the_provider_and_leaves_a_cancelled_outcome(bench, scripted):
    first = scripted([Chunk(text="Half"), "hang"])
    stream = bench(first).stream()
    await stream.start()
    assert stream.outcome is None
    await stream.aclose()
    assert first.n_closed == 1
    assert (stream.outcome.status, stream.outcome.cost_usd) == ("cancelled", None)
    assert stream.outcome.attempts[0].status == "cancelled"
    assert await read(stream) == []


async def test_a_caller_that_leaves_after_the_usage_pays_exactly(bench, scripted):
    stream = bench(scripted([*ANSWER, "hang"])).stream()
    await stream.start()
    async for chunks in stream:
        if USED in chunks:
            break
    await stream.aclose()
    assert (stream.outcome.status, stream.outcome.cost_usd) == ("cancelled", COST)


@pytest.mark.parametrize("script", [["hang"], [Chunk(text="Half"), "hang"]], ids=["before", "after the first content"])
async def test_cancelling_stops_the_provider_and_leaves_a_cancelled_outcome(bench, scripted, script):
    first, second = scripted(script), scripted(ANSWER)
    stream = bench(first, second).stream()

    async def serve():
        await stream.start()
        await read(stream)

    task = asyncio.create_task(serve())
    await first.silent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (first.n_closed, second.n_calls) == (1, 0)
    assert stream.outcome.status == "cancelled"
    assert [a.status for a in stream.outcome.attempts] == ["cancelled"]


async def test_a_stream_that_was_never_started_closes_without_an_attempt(bench, scripted):
    stream = bench(scripted()).stream()
    await stream.aclose()
    assert (stream.outcome.status, stream.outcome.attempts, stream.outcome.cost_usd) == ("cancelled", (), Decimal(0))
