"""The bound that is reserved: never below the bill, unknown where something has no limit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from msgspec import structs

from fairlead.fitting import fit
from fairlead.gateway.bound import DEFAULT_OUTPUT_TOKENS, LEAST_OUTPUT_TOKENS, call_bound, most_usd, output_within
from fairlead.money import weekly
from fairlead.router import Router
from fairlead.testing import make_outcomes
from fairlead.types import (
    Candidate,
    Capabilities,
    Decision,
    Media,
    Message,
    Price,
    Rate,
    Request,
    Stage,
    Step,
    Tariff,
    Term,
    Text,
    Usage,
)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
BETWEEN = (NOON, NOON + timedelta(minutes=10))


def candidate(name, usd, max_output_tokens=100):
    price = Price(id=name, input=Rate(base=Decimal(usd)), output=Rate(base=Decimal(usd))) if usd else None
    return Candidate(name=name, price=price, capabilities=Capabilities(max_output_tokens=max_output_tokens))


def bound(request, *candidates, max_attempts=4, retries=0):
    plan = tuple(Stage(steps=(Step(candidate=each.name),)) for each in candidates)
    decision = Decision(plan=plan, propensity=1.0, reason="constant")
    named = {each.name: each for each in candidates}
    return most_usd(request, decision, named, max_attempts=max_attempts, retries=retries, between=BETWEEN)


REQUEST = Request(messages=(Message(role="user", parts=(Text(text="x"),)),), body=b"x" * 900)
DEAR, CHEAP = candidate("dear", "1000"), candidate("cheap", "1")


def test_every_byte_may_be_a_token_and_every_answer_as_long_as_it_can_be():
    assert bound(REQUEST, DEAR) == Decimal(1000) * (900 + 100) / 1_000_000


def test_the_callers_limit_counts_for_each_answer():
    request = Request(messages=REQUEST.messages, body=REQUEST.body, max_output_tokens=10, n=3)
    assert bound(request, CHEAP) == Decimal(900 + 30) / 1_000_000


@pytest.mark.parametrize(
    ("max_attempts", "retries", "n_dear", "n_cheap"), [(4, 0, 1, 1), (4, 1, 2, 2), (3, 1, 2, 1), (1, 1, 1, 0)]
)
def test_as_many_calls_count_as_may_be_made_the_dearest_first(max_attempts, retries, n_dear, n_cheap):
    found = bound(REQUEST, CHEAP, DEAR, max_attempts=max_attempts, retries=retries)
    assert found == n_dear * Decimal(1) + n_cheap * Decimal("0.001")


@pytest.mark.parametrize("unbounded", [candidate("free", None), candidate("long", "1", max_output_tokens=None)])
def test_what_has_no_bound_is_unknown(unbounded):
    assert bound(REQUEST, DEAR, unbounded) is None


def test_media_are_billed_by_rules_of_their_own():
    image = Media(kind="image", url="https://example.org/ship.png")
    assert bound(Request(messages=(Message(role="user", parts=(image,)),), body=b"x"), DEAR) is None


def test_the_dearest_hour_that_the_call_may_see_counts_and_of_two_sources_the_dearer():
    base, peak, other = (candidate("x", usd).price for usd in ("1", "5", "3"))
    peak_hour = Term(price=peak, spans=weekly(range(7), 12 * 60 + 5, 13 * 60))
    at = {
        "plain": Tariff(terms=(Term(price=base),)),
        "peak": Tariff(terms=(Term(price=base), peak_hour)),
        "disputed": Tariff(terms=(Term(price=base),), second=(Term(price=other),)),
        "unknown": Tariff(terms=(Term(price=base),), second=(Term(price=None),)),
    }
    bounds = {name: bound(REQUEST, replace(CHEAP, tariff=tariff)) for name, tariff in at.items()}
    assert bounds["peak"] == 5 * bounds["plain"]
    assert bounds["disputed"] == 3 * bounds["plain"]
    assert bounds["unknown"] is None


RATES = [
    None,
    *(Rate(base=Decimal(usd), tiers=tiers) for usd in ("0.3", "4") for tiers in ((), ((899, Decimal("1.7")),))),
]
"""Unnamed, flat, and with a tier that the request of 900 bytes reaches."""


@pytest.mark.parametrize("media", [False, True])
def test_it_is_the_dearest_bill_of_all_that_the_input_may_count_as_to_the_last_digit(media):
    image = (Media(kind="image", url="https://example.org/ship.png"),) if media else ()
    request = Request(messages=(Message(role="user", parts=(Text(text="x"), *image)),), body=b"x" * 900, n=3)
    buckets = ("input", "cache_write", "cache_write_1h", *(("input_image", "input_audio") if media else ()))
    rng = np.random.default_rng(0)
    for _ in range(200):
        drawn = {name: RATES[rng.integers(len(RATES))] for name in (*buckets[1:], "request")}
        named = {name: RATES[rng.integers(1, len(RATES))] for name in ("input", "output")}
        price = Price(id="x", **named, **drawn)
        able = Capabilities(max_output_tokens=100, context_tokens=900)
        found = call_bound(request, Candidate(name="x", price=price, capabilities=able), None, BETWEEN)
        n_output = 3 * found.output_limit
        ways = [Usage(**{"input_tokens": 0, f"{name}_tokens": 900}, output_tokens=n_output) for name in buckets]
        assert found.usd == max(cost for cost in map(price.cost_usd, ways) if cost is not None)


# One call, with the output that is paid for --------------------------------------------------------------------------


def of_call(request, *, max_output_tokens=None, context_tokens=None, expected=None):
    able = Capabilities(max_output_tokens=max_output_tokens, context_tokens=context_tokens)
    return call_bound(request, replace(CHEAP, capabilities=able), expected, BETWEEN)


@pytest.mark.parametrize(
    ("known", "limit"),
    [
        ({"max_output_tokens": 8000}, 8000),  # nothing was learned: all that it can write
        ({"max_output_tokens": 8000, "expected": 700.5}, 701),
        ({"max_output_tokens": 8000, "expected": 12.0}, LEAST_OUTPUT_TOKENS),
        ({"max_output_tokens": 100, "expected": 700.5}, 100),
        ({"context_tokens": 1000, "expected": 5000.0}, 998),  # two tokens of input
        ({}, DEFAULT_OUTPUT_TOKENS),
    ],
)
def test_without_a_limit_of_the_callers_what_nearly_every_answer_needs_is_paid_for(known, limit):
    found = of_call(REQUEST, **known)
    assert found.output_limit == limit
    n_input = min(900, known.get("context_tokens", 900))
    assert found.usd == Decimal(n_input + limit) / 1_000_000


def test_a_limit_of_the_callers_is_paid_for_and_no_other_is_sent():
    found = of_call(structs.replace(REQUEST, max_output_tokens=50, n=2), max_output_tokens=8000, expected=700.0)
    assert (found.output_limit, found.usd) == (None, Decimal(900 + 100) / 1_000_000)


def test_of_media_only_the_window_bounds_what_they_are_billed_as():
    image = Media(kind="image", url="https://example.org/ship.png")
    request = structs.replace(REQUEST, messages=(Message(role="user", parts=(image,)),))
    assert of_call(request, context_tokens=10_000, max_output_tokens=1000).usd == Decimal(11_000) / 1_000_000
    assert of_call(request, max_output_tokens=1000).usd is None


def test_what_a_router_learned_bounds_nearly_every_answer_and_pays_for_less_than_the_longest():
    table = make_outcomes(400, seed=3)
    train, test = table.split(0.5, seed=0)
    router = fit(train, seed=0)
    requests = [Request.from_prompt(prompt) for prompt in test.prompts]
    within = [router.output_tokens_within(request, 0.99) for request in requests]
    bounds = np.array([[bound[name] for name in test.models] for bound in within])
    covered = bounds >= test.output_tokens
    assert covered.mean() >= 0.97  # of 600 answers
    assert np.median(bounds) < 2 * np.median(test.output_tokens)
    assert Router(candidates=(CHEAP,)).output_tokens_within(REQUEST, 0.99) == {}  # nothing was learned


@pytest.mark.parametrize(("n_more", "room"), [(0, 100), (40, 60), (100, 0), (101, -1)])
def test_longer_input_leaves_less_room_for_output_within_the_same_sum(n_more, room):
    usd = call_bound(structs.replace(REQUEST, max_output_tokens=100), DEAR, None, BETWEEN).usd
    assert output_within(usd, REQUEST, DEAR, n_more, BETWEEN) == room


def test_the_room_is_never_more_than_the_sum_pays_for_also_where_a_tier_begins():
    rng = np.random.default_rng(0)
    tiers = Price(
        id="p",
        input=Rate(base=Decimal(1), tiers=((1_000, Decimal(3)),)),
        output=Rate(base=Decimal(5), tiers=((1_000, Decimal(9)),)),
    )
    dear = Candidate(name="p", price=tiers)
    for n_more in rng.integers(0, 3_000, 200).tolist():
        usd = Decimal(int(rng.integers(1, 40_000))) / 1_000_000
        room = output_within(usd, REQUEST, dear, n_more, BETWEEN)
        bill = tiers.cost_usd(Usage(input_tokens=900 + n_more, output_tokens=max(0, room)))
        assert room <= 0 or bill <= usd


def test_there_is_no_room_where_nothing_is_known_of_the_price():
    assert output_within(Decimal(1), REQUEST, candidate("free", None), 1, BETWEEN) == 0
