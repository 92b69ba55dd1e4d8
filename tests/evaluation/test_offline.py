"""Offline serving against the executor that serves, over HTTP: the same model, answer and bill, to the last digit."""

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from msgspec import structs

from fairlead.errors import ProviderError
from fairlead.evaluation.offline import serve_offline
from fairlead.execution import Executor, Limits
from fairlead.policies import Constant
from fairlead.providers import OpenAI
from fairlead.providers.aiohttp_transport import AiohttpTransport
from fairlead.providers.faults import Fault, FaultPlan, FaultShare
from fairlead.providers.recorded import Recorded
from fairlead.providers.upstream import Upstream, serving
from fairlead.testing import make_outcomes
from fairlead.types import CallerLimits, Context

FAST = Limits(backoff_s=0.0, ttft_s=5.0, patient_ttft_s=5.0, answer_s=5.0, burst=10_000)


def plan(*kinds, share=0.5, n_attempts=1, **settings):
    parts = [
        FaultShare(fault=Fault(kind=k, **settings), share=share / len(kinds), n_attempts=n_attempts) for k in kinds
    ]
    return FaultPlan(shares=tuple(parts), seed=7)


FAULTS = {
    "none": None,
    "once": plan("status", "reset", "cut", "malformed", "in_band"),
    "refused": plan("status", status_code=400),
    "until the next model": plan("status", "cut", n_attempts=9),
    "mid-answer": plan("cut", "malformed", "in_band", after_events=2),
    "after the answer": plan("cut", after_events=200),
    "everywhere": plan("status", share=1.0, n_attempts=9),
}


@pytest.fixture(scope="module")
def small():
    """Sixty prompts; a fifth of the weaker models' cells were not measured."""
    return make_outcomes(60, seed=5, missing=0.2)


async def serve_live(router, outcomes, faults, *, stream):
    """Returns model, answer, bill and attempts of each prompt, as a gateway would log them."""
    upstream = Upstream(Recorded(outcomes, faults), time_scale=0)
    async with serving(upstream) as url:
        candidates = {c.name: replace(c, provider="host") for c in router.candidates}
        provider = OpenAI(base_url=f"{url}/v1", transport=AiohttpTransport())
        executor = Executor({"host": provider}, candidates, FAST)
        rows = []
        for request, prompt_id in zip(outcomes.requests, outcomes.prompt_ids, strict=True):
            named = structs.replace(request, metadata={"prompt_id": prompt_id}, stream=stream, include_usage=stream)
            rows.append(await _served(executor, router.route(request), named))
        await provider.close()
    return rows


async def _served(executor, decision, request):
    if request.stream:
        stream, text = executor.stream(decision, request), ""
        if await stream.start():
            with suppress(ProviderError):  # the outcome tells it
                async for chunks in stream:
                    text += "".join(chunk.text for chunk in chunks)
        await stream.aclose()
        outcome = stream.outcome
    else:
        outcome = await executor.execute(decision, request)
        text = outcome.response.text if outcome.response else ""
    return outcome, text if outcome.status == "delivered" else None


def told(outcome, answer):
    attempts = [
        (a.candidate, a.stage, a.status, a.cost_usd, a.error, a.status_code, a.price_id) for a in outcome.attempts
    ]
    return outcome.status, outcome.served, outcome.cost_usd, answer, attempts


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("faults", FAULTS)
async def test_request_by_request_it_is_what_the_executor_does(routed, small, faults, stream):
    router = routed()
    live = await serve_live(router, small, FAULTS[faults], stream=stream)
    offline = serve_offline(router, small, FAULTS[faults], limits=FAST, stream=stream)
    for (outcome, answer), row in zip(live, offline, strict=True):
        assert told(row.outcome, row.answer) == told(outcome, answer), row.prompt_id


def test_a_cell_that_was_not_measured_goes_to_the_next_step(routed, small):
    rows = serve_offline(routed(Constant(candidate="weak")), small)
    missing = np.isnan(small.score[:, 2])
    assert missing.any()
    for row, hole in zip(rows, missing, strict=True):
        assert row.model == ("strong" if hole else "weak")
        assert [attempt.status_code for attempt in row.outcome.attempts] == ([404, None] if hole else [None])


def test_the_bill_is_the_tables_in_every_digit(router, table):
    for i, row in enumerate(serve_offline(router, table)):
        assert row.cost_usd == table.bill(i, table.column_of[row.model])
        assert isinstance(row.cost_usd, Decimal)
        assert row.answer.rstrip() == table.answer[i, table.column_of[row.model]]


def test_an_unknown_price_leaves_the_bill_unknown(router, small):
    free = replace(router, candidates=tuple(replace(c, price=None) for c in router.candidates))
    assert {row.cost_usd for row in serve_offline(free, small)} == {None}


def test_where_nobody_may_serve_nothing_is_called(router, small):
    nobody = [Context(limits=CallerLimits(allowed=frozenset()))] * len(small)
    row = serve_offline(router, small, contexts=nobody)[0]
    assert (row.decision, row.model, row.outcome.status, row.outcome.attempts) == (None, None, "failed", ())


@pytest.mark.parametrize(("delay_s", "status"), [(1.0, "ok"), (100.0, "failed")])
def test_a_late_answer_counts_if_it_comes_within_the_limit(router, small, delay_s, status):
    row = serve_offline(router, small, plan("slow_start", share=1.0, delay_s=delay_s), limits=FAST)[0]
    assert row.outcome.attempts[0].status == status
    assert (row.outcome.attempts[0].cost_usd is None) == (status == "failed")
