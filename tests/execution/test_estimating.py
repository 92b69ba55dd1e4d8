"""Usage that no provider reported: counted where that is asked for, marked, and never in the place of a report."""

import pytest

from fairlead.errors import BadResponseError, UnavailableError
from fairlead.types import Chunk, ToolCall, Usage

END = Chunk(finish_reason="stop")
REPORTED = Usage(input_tokens=1_000, output_tokens=100)


def letters(request, said):
    """Returns a token a letter."""
    return Usage(input_tokens=len(request.prompt), output_tokens=len(said), estimated=True)


async def streamed(stream):
    await stream.start()
    try:
        async for _ in stream:
            pass
    except BadResponseError:
        pass
    await stream.aclose()
    return stream.outcome


async def test_a_whole_answer_is_counted_and_marked(bench, scripted):
    called = Chunk(tool_call=ToolCall(id="1", name="look", arguments="{}"))
    script = [Chunk(reasoning="hm"), Chunk(text="Hello"), called, END]
    (attempt,) = (await streamed(bench(scripted(script), estimate=letters).stream())).attempts
    assert attempt.usage == Usage(input_tokens=2, output_tokens=len("hmHellolook{}"), estimated=True)
    assert attempt.cost_usd is not None
    (attempt,) = (await bench(scripted([Chunk(text="Hello"), END]), estimate=letters).execute()).attempts
    assert attempt.usage == Usage(input_tokens=2, output_tokens=5, estimated=True)


async def test_what_was_reported_stands(bench, scripted):
    script = [Chunk(text="Hello"), END, Chunk(usage=REPORTED)]
    assert (await streamed(bench(scripted(script), estimate=letters).stream())).attempts[0].usage == REPORTED
    assert (await bench(scripted(script), estimate=letters).execute()).attempts[0].usage == REPORTED


async def test_of_an_answer_that_broke_off_what_came_is_counted(bench, scripted):
    script = [Chunk(text="Hello"), BadResponseError("cut", model="first", billed=True)]
    (attempt,) = (await streamed(bench(scripted(script), estimate=letters).stream())).attempts
    assert (attempt.status, attempt.usage.output_tokens, attempt.usage.estimated) == ("failed", 5, True)
    assert attempt.cost_usd is not None


async def test_a_caller_that_leaves_has_what_came_counted(bench, scripted):
    stream = bench(scripted([Chunk(text="Hello"), "hang"]), estimate=letters).stream()
    await stream.start()
    await stream.aclose()
    (attempt,) = stream.outcome.attempts
    assert (attempt.status, attempt.usage.output_tokens) == ("cancelled", 5)


async def test_a_call_that_was_refused_costs_nothing(bench, scripted):
    outcome = await bench(scripted([UnavailableError("no", model="first")]), estimate=letters).execute()
    assert (outcome.attempts[0].usage, outcome.attempts[0].cost_usd) == (None, 0)


@pytest.mark.parametrize("settings", [{"estimate": None}, {"estimate": letters, "reasoning": True}])
async def test_what_cannot_be_known_stays_unknown(bench, scripted, settings):
    (attempt,) = (await streamed(bench(scripted([Chunk(text="Hello"), END]), **settings).stream())).attempts
    assert (attempt.usage, attempt.cost_usd) == (None, None)
