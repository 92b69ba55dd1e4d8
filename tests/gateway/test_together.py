"""Deciding together: one batch a turn of the loop, and each gets what it would have got alone."""

import asyncio
from dataclasses import replace

import pytest
from msgspec import structs

from fairlead.errors import NoCandidateError
from fairlead.fitting import fit
from fairlead.gateway.together import Together
from fairlead.policies import Floor
from fairlead.router import Router
from fairlead.testing import make_outcomes
from fairlead.types import CallerLimits, Context, Request, SessionState


@pytest.fixture(scope="module")
def table():
    return make_outcomes(200)


@pytest.fixture(scope="module")
def router(table):
    return replace(fit(table, seed=0), policy=Floor(margin=0.3), control_share=0.2)


@pytest.fixture
def batches(monkeypatch):
    sizes, decide = [], Router.decide
    monkeypatch.setattr(Router, "decide", lambda self, r, c=None: sizes.append(len(r)) or decide(self, r, c))
    return sizes


def drawn(i):
    session = SessionState(id=f"s{i}", rule="test", control_draw=i % 10 / 10, mix_draw=i % 7 / 7)
    return Context(seed=i, session=session if i % 3 else None)


async def asked(together, router, requests, contexts):
    each = (together.route(router, request, context) for request, context in zip(requests, contexts, strict=True))
    return await asyncio.gather(*each, return_exceptions=True)


async def test_what_comes_in_at_once_is_decided_at_once_and_as_alone(router, table, batches):
    requests = [*table.requests, Request.from_prompt("long " * 5_000), Request.from_prompt("")]
    contexts = [drawn(i) for i in range(len(requests))]
    together = await asked(Together(), router, requests, contexts)
    assert batches == [len(requests)]
    assert together == [router.route(request, context) for request, context in zip(requests, contexts, strict=True)]
    assert len({(decision.model, decision.arm) for decision in together}) > 2


async def test_who_comes_later_and_who_asks_another_router_is_decided_apart(router, table, batches):
    other, together, contexts = replace(router, control_share=0.0), Together(), [drawn(1)] * 3
    await asyncio.gather(*(asked(together, each, table.requests[:3], contexts) for each in (router, other)))
    await asked(together, router, table.requests[:1], contexts[:1])
    assert batches == [3, 3, 1]


async def test_whom_nobody_can_serve_hears_so_alone(router, table):
    contexts = [drawn(0), structs.replace(drawn(1), limits=CallerLimits(allowed=frozenset())), drawn(2)]
    first, refused, last = await asked(Together(), router, table.requests[:3], contexts)
    assert isinstance(refused, NoCandidateError)
    assert set(refused.excluded.values()) == {"not_allowed"}
    assert [first, last] == [router.route(table.requests[i], contexts[i]) for i in (0, 2)]


async def test_a_fault_that_the_router_cannot_mend_is_told_to_whom_it_belongs(router, table):
    requests = [table.requests[0], None, table.requests[2]]  # no request at all breaks even the fallback
    first, broken, last = await asked(Together(), router, requests, [drawn(0)] * 3)
    assert isinstance(broken, AttributeError)
    assert [first, last] == [router.route(table.requests[i], drawn(0)) for i in (0, 2)]


async def test_who_leaves_meanwhile_is_not_decided_on(router, table, batches):
    together = Together()
    leaving, staying = (
        asyncio.create_task(together.route(router, request, drawn(0))) for request in table.requests[:2]
    )
    asyncio.get_running_loop().call_soon(leaving.cancel)  # runs behind the tasks' first steps, before the answers
    assert (await staying).model
    assert leaving.cancelled()
    assert batches == [1]
