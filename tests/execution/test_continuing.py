"""A stream that broke off is gone on with where that is known to work, and ends with a clear error elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import BadResponseError, ProviderError, RefusedRequestError, UnavailableError
from fairlead.execution import Limits
from fairlead.execution.continuing import Seam
from fairlead.types import Chunk, Message, Text, ToolCall, Usage
from fairlead.wire.anthropic_request import THOUGHTS

USAGE = Usage(input_tokens=1_000, output_tokens=100)
BEGUN = "It was a dark and stormy night; "
HALF = Chunk(text=BEGUN)
REST = [Chunk(text="the rain "), Chunk(text="fell."), Chunk(finish_reason="stop", usage=USAGE)]
WHOLE = BEGUN + "the rain fell."
BOTH = ("first", "second")
QUICK = Limits(ttft_s=0.02, patient_ttft_s=0.02, idle_s=0.02, finish_s=0.02, backoff_s=0.0)


def cut(name="first"):
    return BadResponseError("cut", model=name, billed=True)


async def text_of(stream):
    return "".join([chunk.text async for chunks in stream for chunk in chunks])


def made(outcome):
    return [(a.candidate, a.kind, a.status) for a in outcome.attempts]


@pytest.mark.parametrize("broken", [cut(), "hang", KeyError("a bug of ours")], ids=["cut", "stalled", "a bug of ours"])
async def test_another_host_goes_on_where_the_first_broke_off(bench, scripted, broken):
    second = scripted(REST)
    stream = bench(scripted([HALF, broken]), second, limits=QUICK, goes_on=["second"]).stream()
    assert await stream.start()
    assert await text_of(stream) == WHOLE
    outcome = stream.outcome
    assert made(outcome) == [("first", "call", "failed"), ("second", "continuation", "ok")]
    assert (outcome.status, outcome.served, outcome.n_continued) == ("delivered", "second", 1)
    assert (outcome.attempts[1].cost_usd, outcome.cost_usd, outcome.usage) == (Decimal("0.003"), None, None)
    assert [request.begun for request in second.requests] == [BEGUN.rstrip()]


async def test_the_usage_is_that_of_both_calls_where_it_is_known(bench, scripted):
    place = bench(
        scripted([HALF, cut()]),
        scripted(REST),
        limits=QUICK,
        goes_on=BOTH,
        estimate=lambda _, said: Usage(input_tokens=900, output_tokens=len(said), estimated=True),
        reasoning=False,
    )
    stream = place.stream()
    await stream.start()
    await text_of(stream)
    assert stream.outcome.usage == Usage(input_tokens=1_900, output_tokens=100 + len(BEGUN), requests=2, estimated=True)


async def test_the_same_host_goes_on_as_often_as_it_may_be_retried(bench, scripted):
    first = scripted([HALF, cut()], [Chunk(text="the rain "), cut()], REST)
    stream = bench(first, limits=QUICK, goes_on=["first"]).stream()
    await stream.start()
    with pytest.raises(BadResponseError):
        await text_of(stream)
    assert made(stream.outcome) == [("first", "call", "failed"), ("first", "continuation", "failed")]
    assert (stream.outcome.status, len(stream.outcome.causes)) == ("failed", 1)


@pytest.mark.parametrize(
    ("weights", "goes_on", "expected"),
    [
        ({"first": "w", "third": "w"}, ("first", "second", "third"), "third"),
        ({"first": "w", "third": "w"}, ("first", "second"), "first"),
        ({}, ("second", "third"), "second"),
        ({}, ("third",), "third"),
    ],
    ids=["the same weights elsewhere", "the same host", "the next of the plan", "whoever can"],
)
async def test_who_goes_on(bench, scripted, weights, goes_on, expected):
    hosts = (scripted([HALF, cut()], REST), scripted(REST), scripted(REST))
    stream = bench(*hosts, limits=QUICK, goes_on=goes_on, weights=weights).stream()
    await stream.start()
    assert await text_of(stream) == WHOLE
    assert made(stream.outcome)[-1] == (expected, "continuation", "ok")


async def test_what_goes_on_may_break_off_as_well_and_nothing_is_said_twice(bench, scripted):
    third = scripted([Chunk(text="fell."), Chunk(finish_reason="stop")])
    second = scripted([Chunk(text="the rain "), cut("second")])
    limits = replace(QUICK, retries=0)
    stream = bench(scripted([HALF, cut()]), second, third, limits=limits, goes_on=["second", "third"]).stream()
    await stream.start()
    assert await text_of(stream) == WHOLE
    assert [request.begun for request in third.requests] == [(BEGUN + "the rain ").rstrip()]
    assert (stream.outcome.n_continued, len(stream.outcome.causes)) == (2, 1)


async def test_a_refusal_to_go_on_is_not_what_the_caller_is_told(bench, scripted):
    second = scripted([RefusedRequestError("no prefill", model="second", status_code=400)])
    stream = bench(scripted([HALF, cut()]), second, scripted(REST), limits=QUICK, goes_on=["second"]).stream()
    await stream.start()
    with pytest.raises(BadResponseError, match="cut"):
        await text_of(stream)
    assert [type(cause) for cause in stream.outcome.causes] == [BadResponseError]
    assert made(stream.outcome)[-1] == ("second", "continuation", "failed")
    assert stream.outcome.attempts[-1].cost_usd == 0


async def test_where_one_refuses_to_go_on_the_next_is_asked(bench, scripted):
    second = scripted([UnavailableError("busy", model="second")])
    place = bench(scripted([HALF, cut()]), second, scripted(REST), limits=QUICK, goes_on=["second", "third"])
    stream = place.stream()
    await stream.start()
    assert await text_of(stream) == WHOLE
    assert stream.outcome.served == "third"


def called(*, begun=BEGUN):
    return [Chunk(text=begun), Chunk(tool_call=ToolCall(id="c", name="look", arguments='{"a'))]


@pytest.mark.parametrize(
    "script",
    [called(), [Chunk(reasoning="Hm."), HALF], [Chunk(text="Too short.")], [Chunk(text=" " * 40)]],
    ids=["a call of a tool", "thoughts", "too little", "spaces"],
)
async def test_what_is_no_beginning_of_plain_words_is_not_gone_on_with(bench, scripted, script):
    second = scripted(REST)
    stream = bench(scripted([*script, cut()]), second, limits=QUICK, goes_on=BOTH).stream()
    await stream.start()
    with pytest.raises(BadResponseError):
        await text_of(stream)
    assert second.n_calls == 0


@pytest.mark.parametrize(
    "asked",
    [
        {"n": 2},
        {"logprobs": True},
        {"json_object": True},
        {"json_schema": "{}"},
        {"tool_choice": "required"},
        {"tool_choice": "function:look"},
        {"native": ("web_search",)},
        {"hints": (THOUGHTS,)},
        {"dialect": "anthropic", "body": b'{"thinking":{"type":"enabled"}}'},
        {"messages": (Message(role="assistant", parts=(Text(text="{"),)),)},
        {"max_output_tokens": len(BEGUN) // 4},
    ],
    ids=lambda asked: next(iter(asked)),
)
async def test_what_may_not_be_gone_on_with(bench, scripted, asked):
    second = scripted(REST)
    stream = bench(scripted([HALF, cut()]), second, limits=QUICK, goes_on=BOTH).stream(**asked)
    await stream.start()
    with pytest.raises(BadResponseError):
        await text_of(stream)
    assert (second.n_calls, stream.outcome.status) == (0, "failed")


@pytest.mark.parametrize("limits", [{"continuations": 0}, {"max_attempts": 1}, {"total_s": 0.05}])
async def test_limits_hold(bench, scripted, limits):
    second = scripted(REST)
    place = bench(scripted([HALF, cut()]), second, limits=Limits(**limits), goes_on=BOTH)
    stream = place.stream()
    await stream.start()
    place.time.now_s += 0.1
    with pytest.raises(ProviderError):
        await text_of(stream)
    assert second.n_calls == 0


async def test_the_limit_on_the_output_is_lowered_by_what_was_said(bench, scripted):
    second = scripted(REST)
    stream = bench(scripted([HALF, cut()]), second, limits=QUICK, goes_on=BOTH).stream(max_output_tokens=100)
    await stream.start()
    assert await text_of(stream) == WHOLE
    (request,) = second.requests
    assert request.max_output_tokens == 92  # 31 characters are 8 tokens


async def test_a_caller_that_leaves_stops_what_goes_on(bench, scripted):
    second = scripted(["hang"])
    stream = bench(scripted([HALF, cut()]), second, goes_on=BOTH).stream()

    async def serve():
        await stream.start()
        await text_of(stream)

    task = asyncio.create_task(serve())
    await second.silent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (second.n_closed, stream.outcome.status) == (1, "cancelled")
    assert made(stream.outcome)[-1] == ("second", "continuation", "cancelled")


async def test_a_part_of_an_answer_says_nothing_of_how_long_a_whole_one_takes(bench, scripted):
    place = bench(scripted([HALF, cut()]), scripted(REST), limits=QUICK, goes_on=BOTH)
    stream = place.stream()
    await stream.start()
    await text_of(stream)
    assert not place.executor.hosts["second"].latency_s._in_order


# Where the two parts meet ---------------------------------------------------------------------------------------------

SPACES = st.text(" \n\t", max_size=3)
WORDS = st.text("abc \n", max_size=30)


@given(WORDS.filter(lambda words: words.strip()), SPACES, st.text("xyz", min_size=1, max_size=3), WORDS, st.data())
def test_a_host_that_says_the_beginning_again_is_not_heard_twice(begun, space, first, rest, data):
    text = begun.rstrip() + space
    again = data.draw(st.sampled_from([begun.rstrip(), ""])) + data.draw(st.sampled_from([space, ""]))
    said, new = again + first + rest, first + rest
    pieces, seam = [], Seam(text)
    while said:
        n = data.draw(st.integers(1, len(said)))
        pieces, said = [*pieces, said[:n]], said[n:]
    joined = "".join([seam.joined(piece) for piece in pieces]) + seam.joined("", last=True)
    assert joined == new


def test_words_like_those_of_the_beginning_are_new_where_the_answer_ends_with_them():
    seam = Seam("Tra la la, tra la la.")
    assert seam.joined("Tra la") == ""
    assert seam.joined(" la", last=True) == "Tra la la"


def test_words_that_differ_in_the_middle_are_new():
    seam = Seam("Tra la la, tra la la.")
    assert [seam.joined("Tra la"), seam.joined(" di"), seam.joined(" da")] == ["", "Tra la di", " da"]
