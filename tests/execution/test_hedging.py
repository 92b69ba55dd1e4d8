"""An answer that takes long gets a second call beside it; one is delivered, the loser is cancelled and settled."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from msgspec import structs

from fairlead.errors import ContentPolicyError, ContextLengthError, UnavailableError
from fairlead.execution import Limits, ruled_out
from fairlead.types import Candidate, Capabilities, Chunk, Usage

SOON = Limits(hedge_s=0.01, patient_ttft_s=0.01)
USAGE = Usage(input_tokens=1_000, output_tokens=100)
COST = Decimal("0.003")
ANSWER = [Chunk(text="Hello", finish_reason="stop", usage=USAGE)]


def busy():
    return [UnavailableError("busy", model="x", status_code=503, retryable=False)]


def told(outcome):
    return [(a.candidate, a.status, a.cost_usd) for a in outcome.attempts]


async def test_a_silent_host_is_overtaken_and_cancelled(bench, scripted):
    silent = scripted(["hang"])
    outcome = await bench(silent, scripted(ANSWER), limits=SOON).execute()
    assert (outcome.status, outcome.served, outcome.response.text) == ("delivered", "second", "Hello")
    assert told(outcome) == [("first", "cancelled", None), ("second", "ok", COST)]
    assert outcome.cost_usd is None  # what the silent host bills is not known
    assert (silent.n_calls, silent.n_closed) == (1, 1)


async def test_the_first_may_still_win(bench, scripted):
    place = bench(scripted(ANSWER), scripted(["hang"]), limits=SOON)
    provider, begun = place.executor.providers["first"], asyncio.Event()
    complete = provider.complete

    async def slowly(*asked):
        await begun.wait()
        return await complete(*asked)

    provider.complete = slowly
    answer = asyncio.ensure_future(place.execute())
    await place.executor.providers["second"].silent.wait()
    begun.set()
    outcome = await answer
    assert outcome.served == "first"
    assert told(outcome) == [("second", "cancelled", None), ("first", "ok", COST)]


async def test_where_the_second_fails_the_first_is_still_waited_for(bench, scripted):
    place = bench(scripted(["hang"]), scripted(busy()), scripted(ANSWER), limits=replace(SOON, answer_s=0.05))
    outcome = await place.execute()
    assert [(a.candidate, a.status) for a in outcome.attempts] == [
        ("first", "failed"),
        ("second", "failed"),
        ("third", "ok"),
    ]


async def test_a_quick_failure_needs_no_second_call_beside_it(bench, scripted):
    second = scripted(ANSWER)
    outcome = await bench(scripted(busy()), second, limits=SOON).execute()
    assert [(a.candidate, a.status) for a in outcome.attempts] == [("first", "failed"), ("second", "ok")]
    assert second.n_calls == 1


@pytest.mark.parametrize("limits", [replace(SOON, hedge_share=0.0), replace(SOON, max_attempts=1)])
async def test_nobody_is_asked_beside_it_where_that_is_not_allowed(bench, scripted, limits):
    second = scripted(ANSWER)
    await bench(scripted(["hang"]), second, limits=replace(limits, answer_s=0.03, max_attempts=1)).execute()
    assert second.n_calls == 0


async def test_a_caller_who_leaves_cancels_both(bench, scripted):
    providers = scripted(["hang"]), scripted(["hang"])
    place = bench(*providers, limits=SOON)
    answer = asyncio.ensure_future(place.execute())
    await providers[1].silent.wait()
    answer.cancel()
    outcome = await answer
    assert (outcome.status, told(outcome)) == (
        "cancelled",
        [("first", "cancelled", None), ("second", "cancelled", None)],
    )
    assert [provider.n_closed for provider in providers] == [1, 1]
    assert all(state.n_in_flight == 0 for state in place.executor.hosts.states().values())


async def test_hosts_that_are_overtaken_again_and_again_are_left_alone(bench, scripted):
    place = bench(scripted(*[["hang"]] * 5), scripted(*[ANSWER] * 5), limits=SOON)
    for _ in range(5):
        await place.execute()
    assert place.executor.hosts.shown() == {"first": "open", "second": "closed"}


async def test_retries_are_a_share_of_the_requests(bench, scripted):
    def retryable():
        return [UnavailableError("busy", model="first", status_code=503)]

    first = scripted(*[retryable()] * 8)
    limits = Limits(burst=2, retry_share=0.001, breaker_failures=0)
    place = bench(first, scripted(*[ANSWER] * 6), limits=limits)
    for _ in range(6):
        await place.execute()
    assert first.n_calls == 6 + 2


# What one refusal says of others --------------------------------------------------------------------------------------

CANDIDATES = {
    name: Candidate(name=name, weights=weights, capabilities=Capabilities(context_tokens=tokens))
    for name, weights, tokens in [
        ("a", "w", 8_000),
        ("small", "v", 4_000),
        ("same", "w", None),
        ("large", "u", 200_000),
        ("unknown", "x", None),
    ]
}


def refused(bench_attempt, error):
    return [structs.replace(bench_attempt, candidate="a", status="failed", error=error.__name__)]


@pytest.fixture
def an_attempt(records):
    return records.attempt()


def test_what_is_too_long_for_one_is_too_long_for_the_smaller_and_for_the_same_weights(an_attempt):
    found = ruled_out(refused(an_attempt, ContextLengthError), CANDIDATES)
    assert found == {"a", "small", "same"}


def test_what_is_against_the_rules_goes_to_nobody_else(an_attempt):
    assert ruled_out(refused(an_attempt, ContentPolicyError), CANDIDATES) == CANDIDATES.keys()


def test_other_failures_say_nothing_of_others(an_attempt):
    assert ruled_out(refused(an_attempt, UnavailableError), CANDIDATES) == frozenset()


async def test_the_callers_error_is_the_rule_that_was_broken(bench, scripted):
    second = scripted(ANSWER)
    against = [ContentPolicyError("against the policy", model="first", status_code=400)]
    outcome = await bench(scripted(against), second).execute()
    assert (outcome.status, len(outcome.causes), second.n_calls) == ("failed", 1, 0)
