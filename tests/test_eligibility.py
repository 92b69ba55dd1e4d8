from dataclasses import replace
from decimal import Decimal

import pytest
from msgspec import structs

from fairlead.eligibility import EXCLUSIONS, Room, exclusions
from fairlead.types import (
    CallerLimits,
    Candidate,
    Capabilities,
    Context,
    HostState,
    Media,
    Message,
    Price,
    Rate,
    Request,
    Text,
    Tool,
    ToolResult,
)

ABLE = Capabilities(
    context_tokens=1000, max_output_tokens=200, tools=True, vision=True, audio=True, files=True, json_schema=True
)
ONE_USD_PER_TOKEN = Price(id="p", input=Rate(base=Decimal(1_000_000)), output=Rate(base=Decimal(1_000_000)))


def why(request, *, capabilities=ABLE, price=None, context=None):
    """Returns the reason for which the only candidate is excluded, `None` where it is not."""
    candidate = Candidate(name="x", capabilities=capabilities, price=price)
    found = exclusions(request, [candidate], context or Context()).get("x")
    assert found is None or found in EXCLUSIONS
    return found


def asked(n_chars=40, **fields):
    return structs.replace(Request.from_prompt("w" * n_chars), **fields)


def with_media(kind):
    return Request(messages=(Message(role="user", parts=(Text(text="see"), Media(kind=kind, data="AAAA"))),))


ROOM_CASES = [
    (asked(100), Context()),
    (asked(3636), Context()),
    (asked(3637), Context()),
    (asked(max_output_tokens=200), Context()),
    (asked(max_output_tokens=201), Context()),
    (asked(3200, max_output_tokens=120), Context()),
    (asked(3200, max_output_tokens=121), Context()),
    (asked(json_schema="{}"), Context()),
    (asked(), Context(limits=CallerLimits(allowed=frozenset({"y"})))),
    (asked(), Context(limits=CallerLimits(max_cost_usd=Decimal(1)))),
    (asked(), Context(hosts={"x": HostState(breaker_open=True)})),
]


@pytest.mark.parametrize(("request_", "context"), ROOM_CASES)
def test_where_there_is_room_for_all_asking_each_would_exclude_nobody(request_, context):
    candidates = [Candidate(name="x", capabilities=ABLE), Candidate(name="y")]
    if Room.of(candidates).takes(request_, context):
        assert exclusions(request_, candidates, context) == {}
    else:
        assert request_.json_schema or context != Context() or exclusions(request_, candidates, context)


@pytest.mark.parametrize(("n", "expected"), [(1, {}), (2, {"x": "untranslatable"})])
def test_a_field_that_a_host_refuses_excludes_it_in_the_callers_own_dialect_too(n, expected):
    candidates = [Candidate(name="x", refused=("n", "seed")), Candidate(name="y")]
    assert exclusions(asked(n=n), candidates, Context()) == expected
    assert Room.of(candidates).takes(asked(n=n), Context()) == (not expected)


def test_an_able_candidate_and_one_of_which_nothing_is_known_serve_a_plain_prompt():
    assert why(asked(max_output_tokens=100)) is None
    assert why(asked(max_output_tokens=100), capabilities=Capabilities()) is None


@pytest.mark.parametrize(("n_chars", "expected"), [(3636, None), (3637, "context_window")])
def test_a_tenth_more_than_the_estimated_tokens_must_fit(n_chars, expected):
    assert why(asked(n_chars)) == expected


def test_the_answer_must_fit_the_window_as_well():
    assert why(asked(3200, max_output_tokens=120)) is None
    assert why(asked(3200, max_output_tokens=121)) == "context_window"


def test_tool_definitions_and_schemas_take_room():
    tool = Tool(name="t", parameters="w" * 4000)
    assert why(asked(tools=(tool,))) == "context_window"
    assert why(asked(json_schema="w" * 4000)) == "context_window"


def test_an_answer_longer_than_the_candidate_can_write_excludes_it():
    assert why(asked(max_output_tokens=200)) is None
    assert why(asked(max_output_tokens=201)) == "output_limit"


NEEDS = {
    "tools": asked(tools=(Tool(name="t"),)),
    "vision": with_media("image"),
    "audio": with_media("audio"),
    "files": with_media("file"),
    "json_schema": asked(json_schema="{}"),
}


@pytest.mark.parametrize("need", NEEDS)
def test_what_is_needed_must_be_known_to_be_there(need):
    assert why(NEEDS[need]) is None
    assert why(NEEDS[need], capabilities=replace(ABLE, **{need: False})) == f"{need}_unsupported"
    assert why(NEEDS[need], capabilities=replace(ABLE, **{need: None})) == f"{need}_unknown"


def test_a_conversation_with_tool_results_needs_tools():
    turn = Message(role="tool", parts=(ToolResult(call_id="1", content="42"),))
    assert why(Request(messages=(turn,)), capabilities=Capabilities(tools=False)) == "tools_unsupported"


def test_the_callers_list_names_who_may_serve():
    limits = CallerLimits(allowed=frozenset({"y"}))
    found = exclusions(asked(), [Candidate(name="x"), Candidate(name="y")], Context(limits=limits))
    assert found == {"x": "not_allowed"}


def test_an_open_breaker_excludes_that_candidate_only():
    hosts = {"x": HostState(breaker_open=True), "y": HostState()}
    found = exclusions(asked(), [Candidate(name=name) for name in "xyz"], Context(hosts=hosts))
    assert found == {"x": "breaker_open"}


@pytest.mark.parametrize(("max_cost_usd", "expected"), [("111", None), ("110.99", "price_cap")])
def test_the_price_cap_is_held_against_the_most_a_call_can_cost(max_cost_usd, expected):
    """40 characters: 10 tokens, 11 with margin; 100 tokens out."""
    limits = CallerLimits(max_cost_usd=Decimal(max_cost_usd))
    found = why(asked(max_output_tokens=100), price=ONE_USD_PER_TOKEN, context=Context(limits=limits))
    assert found == expected


def test_every_answer_asked_for_counts_against_the_cap():
    limits = CallerLimits(max_cost_usd=Decimal(111))
    found = why(asked(max_output_tokens=100, n=2), price=ONE_USD_PER_TOKEN, context=Context(limits=limits))
    assert found == "price_cap"


def test_under_a_cap_an_unknown_price_or_an_unbounded_answer_excludes():
    context = Context(limits=CallerLimits(max_cost_usd=Decimal(1_000_000)))
    assert why(asked(max_output_tokens=10), context=context) == "price_unknown"
    assert why(asked(), price=ONE_USD_PER_TOKEN, capabilities=Capabilities(), context=context) == "output_unbounded"
    assert why(asked(), price=ONE_USD_PER_TOKEN, context=context) is None
