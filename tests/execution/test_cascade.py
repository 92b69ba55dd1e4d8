"""Plans that weigh answers: two calls at once, every one billed, and nothing delivered before it is clear what."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from msgspec import structs

from fairlead.errors import UnavailableError
from fairlead.predictors.posterior import N_KINDS, patterns
from fairlead.types import Acceptance, Chunk, Stage, Step, Usage

USAGE = Usage(input_tokens=1_000, output_tokens=100)
COST = Decimal("0.003")


def says(text, *, finish="stop"):
    return [Chunk(id="r", model="host"), Chunk(text=text), Chunk(finish_reason=finish), Chunk(usage=USAGE)]


def weights(n_voters, beyond=()):
    """Returns a rule by which an answer counts for as much as voters gave it."""
    shared = ((patterns(n_voters).givers > 0).sum(axis=1) - 1.0) * 3.0
    bases = [0.1 * (j + 1) for j in range(n_voters)]
    lengths = [0.0] * n_voters + [1.0] * n_voters + [0.0] * 2 * N_KINDS + [-1.0] * n_voters
    return (float(n_voters), *bases, *lengths, *shared.tolist(), *beyond)


PLAN = (
    Stage(
        steps=(Step(candidate="first"), Step(candidate="second")),
        acceptance=Acceptance(rule="posterior", weights=weights(2, beyond=[2.2, 0.0] * 3), cut=0.01),
    ),
    Stage(steps=(Step(candidate="third"),), acceptance=Acceptance(rule="posterior", weights=weights(3), cut=1.0)),
)


@pytest.fixture
def cascade(bench):
    def build(*providers, limits=None):
        place = bench(*providers, limits=limits)
        place.decision = structs.replace(place.decision, plan=PLAN)
        return place

    return build


async def read(stream):
    return [chunk async for chunks in stream for chunk in chunks]


async def came_to(place, *, streamed):
    """Returns outcome and text."""
    if not streamed:
        outcome = await place.execute()
        return outcome, outcome.response and outcome.response.text
    stream = place.stream()
    begun = await stream.start()
    text = "".join(chunk.text for chunk in await read(stream)) if begun else None
    await stream.aclose()
    return stream.outcome, text


STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


@STREAMED
async def test_two_that_agree_are_enough_and_both_are_billed(cascade, scripted, streamed):
    outcome, text = await came_to(cascade(scripted(says("18")), scripted(says("18.0")), scripted()), streamed=streamed)
    assert (outcome.status, outcome.served, text) == ("delivered", "second", "18.0")
    assert [(a.candidate, a.stage, a.number, a.answer) for a in outcome.attempts] == [
        ("first", 0, 1, "18"),
        ("second", 0, 2, "18"),
    ]
    assert outcome.cost_usd == 2 * COST
    assert outcome.delivered.candidate == "second"


@STREAMED
async def test_where_they_differ_the_third_settles_it(cascade, scripted, streamed):
    place = cascade(scripted(says("18")), scripted(says("19")), scripted(says("18")))
    outcome, text = await came_to(place, streamed=streamed)
    assert (outcome.served, text, len(outcome.attempts)) == ("third", "18", 3)
    assert outcome.cost_usd == 3 * COST


@STREAMED
async def test_an_earlier_answer_may_win_after_all(cascade, scripted, streamed):
    place = cascade(scripted(says("18")), scripted(says("18", finish="length")), scripted(says("I cannot say")))
    outcome, text = await came_to(place, streamed=streamed)
    assert [a.answer for a in outcome.attempts] == ["18", None, None]  # cut short, refused
    assert (outcome.served, text) == ("first", "18")
    place = cascade(scripted(says("18")), scripted(says("19")), scripted(says("")))
    outcome, text = await came_to(place, streamed=streamed)
    assert (outcome.served, text) == ("second", "19")


@STREAMED
async def test_one_that_fails_is_no_vote_and_no_bill(cascade, scripted, streamed):
    broken = [UnavailableError("busy", model="second", status_code=503)]
    place = cascade(scripted(says("18")), scripted(broken), scripted(says("18")))
    outcome, text = await came_to(place, streamed=streamed)
    assert [a.status for a in outcome.attempts] == ["ok", "failed", "ok"]
    assert (outcome.served, text, outcome.cost_usd) == ("third", "18", 2 * COST)


@STREAMED
async def test_where_all_fail_the_request_fails(cascade, scripted, streamed):
    def broken():
        return [UnavailableError("busy", model="x", status_code=400)]

    outcome, text = await came_to(
        cascade(scripted(broken()), scripted(broken()), scripted(broken(), broken())), streamed=streamed
    )
    assert (outcome.status, outcome.served, text) == ("failed", None, None)
    assert len(outcome.causes) == len(outcome.attempts)


@STREAMED
async def test_an_answer_that_breaks_off_was_never_delivered(cascade, scripted, streamed):
    cut = [*says("18")[:2], UnavailableError("cut", model="first", billed=True)]
    place = cascade(scripted(cut), scripted(says("19")), scripted(says("19")))
    outcome, text = await came_to(place, streamed=streamed)
    assert (outcome.status, text) == ("delivered", "19")
    assert outcome.cost_usd is None  # what was cut was billed, nobody knows how much


async def test_both_are_called_before_either_has_answered(cascade, scripted):
    first, second = scripted(["hang"]), scripted(["hang"])
    running = asyncio.create_task(cascade(first, second, scripted()).execute())
    await asyncio.gather(first.silent.wait(), second.silent.wait())
    running.cancel()
    outcome = await running
    assert outcome.status == "cancelled"
    assert [a.status for a in outcome.attempts] == ["cancelled", "cancelled"]
    assert (first.n_closed, second.n_closed) == (1, 1)


async def test_a_client_that_leaves_while_answers_are_weighed_closes_both_calls(cascade, scripted):
    first, second = scripted(["hang"]), scripted(["hang"])
    stream = cascade(first, second, scripted()).stream()
    starting = asyncio.create_task(stream.start())
    await asyncio.gather(first.silent.wait(), second.silent.wait())
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert stream.outcome.status == "cancelled"
    assert [a.status for a in stream.outcome.attempts] == ["cancelled", "cancelled"]
    assert (first.n_closed, second.n_closed) == (1, 1)


async def test_a_stream_passes_the_chunks_of_the_answer_that_won_as_they_came(cascade, scripted):
    stream = cascade(scripted(says("18")), scripted(says("18")), scripted()).stream()
    assert await stream.start()
    assert stream.candidate == "second"
    assert await read(stream) == says("18")
