"""Whole answers: what is retried, what falls back, what each attempt cost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from fairlead.errors import (
    BadResponseError,
    ConfigError,
    ProviderTimeoutError,
    RateLimitError,
    RefusedRequestError,
    UnavailableError,
)
from fairlead.execution import Executor, Limits
from fairlead.money import weekly
from fairlead.types import Candidate, Chunk, Price, Rate, Tariff, Term, Usage

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
USAGE = Usage(input_tokens=1_000, output_tokens=100)
COST = Decimal("0.003")  # 1,000 tokens at 2 USD and 100 tokens at 10 USD per million
ANSWER = [Chunk(text="Hello"), Chunk(text=" there", finish_reason="stop", usage=USAGE)]
CUT = [Chunk(text="Half"), BadResponseError("cut", model="first", billed=True)]


def refused():
    return [RefusedRequestError("no", model="first", status_code=400)]


def busy(**fields):
    return [UnavailableError("busy", model="first", status_code=503, **fields)]


async def test_the_first_answer_is_delivered_and_billed(bench, scripted):
    outcome = await bench(scripted(ANSWER), scripted()).execute()
    assert (outcome.status, outcome.served, outcome.response.text) == ("delivered", "first", "Hello there")
    (attempt,) = outcome.attempts
    assert (attempt.status, attempt.number, attempt.stage) == ("ok", 1, 0)
    assert (attempt.model_asked, attempt.model_served, attempt.price_id) == ("first-model", "host", "price")
    assert attempt.usage == USAGE
    assert attempt.cost_usd == outcome.cost_usd == COST
    assert attempt.started_at == START


async def test_a_refusal_falls_back_at_once_and_costs_nothing(bench, scripted):
    place = bench(scripted(refused()), scripted(ANSWER))
    outcome = await place.execute()
    assert [a.candidate for a in outcome.attempts] == ["first", "second"]
    assert [a.cost_usd for a in outcome.attempts] == [Decimal(0), COST]
    assert (outcome.attempts[0].error, outcome.attempts[0].status_code) == ("RefusedRequestError", 400)
    assert (outcome.served, outcome.cost_usd) == ("second", COST)
    assert place.time.pauses == []


async def test_a_busy_host_is_asked_again_once_after_a_pause(bench, scripted):
    place = bench(scripted(busy(), busy()), scripted(ANSWER))
    outcome = await place.execute()
    assert [a.candidate for a in outcome.attempts] == ["first", "first", "second"]
    assert [a.number for a in outcome.attempts] == [1, 2, 3]
    (pause,) = place.time.pauses
    assert 0.125 <= pause < 0.375
    assert outcome.attempts[1].started_at - START == pytest.approx(
        timedelta(seconds=pause), abs=timedelta(microseconds=2)
    )


async def test_the_same_seed_pauses_the_same(bench, scripted):
    pauses = []
    for seed in (1, 1, 2):
        place = bench(scripted(busy(), ANSWER))
        await place.execute(seed)
        pauses += place.time.pauses
    assert pauses[0] == pauses[1] != pauses[2]


async def test_retry_after_is_honoured(bench, scripted):
    limited = [RateLimitError("slow", model="first", status_code=429, retry_after_s=2.0)]
    place = bench(scripted(limited, ANSWER))
    assert (await place.execute()).status == "delivered"
    assert place.time.pauses == [2.0]


async def test_a_silent_host_is_asked_once(bench, scripted):
    place = bench(scripted(["hang"]), scripted(ANSWER), limits=Limits(answer_s=0.01))
    outcome = await place.execute()
    assert [(a.candidate, a.error) for a in outcome.attempts] == [("first", "ProviderTimeoutError"), ("second", None)]
    assert outcome.attempts[0].cost_usd is None  # it may have worked for it
    assert outcome.cost_usd is None
    assert isinstance(outcome.causes[0], ProviderTimeoutError)


async def test_what_was_cut_costs_nobody_knows_what(bench, scripted):
    outcome = await bench(scripted(CUT, CUT), scripted(ANSWER)).execute()
    assert [a.cost_usd for a in outcome.attempts] == [None, None, COST]
    assert outcome.response.text == "Hello there"


async def test_a_bug_in_an_adapter_is_a_failed_attempt_that_does_not_show_its_words(bench, scripted):
    outcome = await bench(scripted([KeyError("a key, a prompt")]), scripted(ANSWER)).execute()
    assert [(a.error, a.cost_usd) for a in outcome.attempts] == [("ProviderError", None), (None, COST)]
    assert "KeyError" in str(outcome.causes[0])
    assert "prompt" not in str(outcome.causes[0])


async def test_an_answer_without_usage_is_delivered_with_unknown_cost(bench, scripted):
    outcome = await bench(scripted([Chunk(text="Hi", finish_reason="stop")])).execute()
    assert outcome.status == "delivered"
    assert (outcome.attempts[0].usage, outcome.cost_usd) == (None, None)


async def test_an_explicit_usage_of_zero_is_zero(bench, scripted):
    nothing = Usage(input_tokens=0, output_tokens=0)
    outcome = await bench(scripted([Chunk(text="Hi", finish_reason="stop", usage=nothing)])).execute()
    assert outcome.cost_usd == Decimal(0)


async def test_when_all_fails_the_outcome_holds_every_cause(bench, scripted):
    outcome = await bench(scripted(refused()), scripted(refused())).execute()
    assert (outcome.status, outcome.response, outcome.served) == ("failed", None, None)
    assert [type(cause) for cause in outcome.causes] == [RefusedRequestError] * 2
    assert outcome.cost_usd == Decimal(0)


async def test_the_deadline_holds_over_all_attempts(bench, scripted):
    first = scripted(busy(), busy())
    place = bench(first, scripted(ANSWER), limits=Limits(total_s=10))
    real = first.stream

    def slow(*asked):
        place.time.now_s += 11
        return real(*asked)

    first.stream = slow
    outcome = await place.execute()
    assert (outcome.status, len(outcome.attempts)) == ("failed", 1)


async def test_a_caller_that_leaves_stops_the_provider_and_still_gets_an_outcome(bench, scripted):
    first = scripted(["hang"])
    task = asyncio.create_task(bench(scripted(refused()), first).execute())
    await first.silent.wait()
    task.cancel()
    outcome = await task
    assert first.n_closed == 1
    assert (outcome.status, outcome.served) == ("cancelled", None)
    assert [(a.status, a.cost_usd) for a in outcome.attempts] == [("failed", Decimal(0)), ("cancelled", None)]


def test_a_candidate_without_a_provider_is_found_before_any_request():
    with pytest.raises(ConfigError, match="candidate `a` names provider `gone`; expected one of none"):
        Executor({}, {"a": Candidate(name="a", provider="gone")})


async def test_each_attempt_is_billed_at_its_own_moment(bench, scripted):
    place = bench(scripted(busy(retry_after_s=60), ANSWER), limits=Limits(max_retry_after_s=60))
    (candidate,) = place.executor.candidates.values()
    double = Price(id="peak", input=Rate(base=Decimal(4)), output=Rate(base=Decimal(20)))
    tariff = Tariff(
        terms=(Term(price=candidate.price), Term(price=double, spans=weekly(range(7), 12 * 60 + 1, 13 * 60)))
    )
    place.executor.candidates["first"] = replace(candidate, tariff=tariff)
    outcome = await place.execute()
    assert [a.price_id for a in outcome.attempts] == ["price", "peak"]
    assert outcome.cost_usd == 2 * COST
