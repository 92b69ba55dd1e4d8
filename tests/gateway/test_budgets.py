"""Hard budgets over HTTP: what is reserved, sent and told, and that no cent over them is ever spent."""

import asyncio
from decimal import Decimal

import msgspec
import pytest

from fairlead.providers.upstream.client import Client
from tests.gateway.conftest import ASK
from tests.gateway.test_chat import always

ROUTE = """
[routes.auto]
objective = "order"
budget = {{ usd = "{usd}", per = "{per}" }}
"""


def budget(usd, per="month", more=""):
    return ROUTE.format(usd=usd, per=per) + more


def spent(running):
    return sum(entry.cost_usd for entry in running.entries())


@pytest.fixture
def sent(monkeypatch):
    """The bodies that reached the host."""
    bodies, read = [], Client.body

    async def noted(self):
        body = await read(self)
        bodies.append(msgspec.json.decode(body))
        return body

    monkeypatch.setattr(Client, "body", noted)
    return bodies


async def test_a_budget_is_told_and_counts_down(start):
    running = await start(budget("10"))
    first, second = await running.post(), await running.post()
    left = [Decimal(reply.headers["x-fairlead-budget-remaining-usd"]) for reply in (first, second)]
    assert left[0] < 10
    entry = running.entries()[0]
    assert left[0] == 10 - entry.attempts[0].reserved_usd
    assert left[1] == 10 - entry.cost_usd - running.entries()[1].attempts[0].reserved_usd


async def test_without_a_limit_of_the_callers_the_one_that_is_paid_for_is_sent_and_told(start, sent):
    running = await start(budget("10"))
    reply = await running.post()
    asked = sent[-1]
    assert asked["max_completion_tokens"] == 4096  # all that the model can write: nothing was learned
    assert asked["messages"] == ASK["messages"]
    assert reply.headers["x-fairlead-output-limit"] == "4096"
    (attempt,) = running.entry().attempts
    assert attempt.output_limit == 4096
    assert attempt.reserved_usd >= Decimal(25) * 4096 / 1_000_000


async def test_a_limit_of_the_callers_stays_as_it_is(start, sent):
    running = await start(budget("10"))
    reply = await running.post(json={**ASK, "max_tokens": 100})
    asked = sent[-1]
    assert (asked["max_tokens"], "max_completion_tokens" in asked) == (100, False)
    assert "x-fairlead-output-limit" not in reply.headers
    assert running.entry().attempts[0].output_limit is None


async def test_without_a_budget_nothing_is_added(running, sent):
    reply = await running.post()
    assert "max_completion_tokens" not in sent[-1]
    assert not any(name.startswith(("x-fairlead-budget", "x-ratelimit")) for name in map(str.lower, reply.headers))


@pytest.mark.parametrize(
    ("path", "kind", "code"),
    [
        ("/v1/chat/completions", "insufficient_quota", "insufficient_quota"),
        ("/v1/responses", "insufficient_quota", "insufficient_quota"),
        ("/v1/messages", "billing_error", None),
    ],
)
async def test_a_spent_budget_is_answered_402_and_no_client_asks_again(start, sent, path, kind, code):
    running = await start(budget("0.000001", per="day"))
    body = {"responses": {"model": "auto", "input": "Hello"}}.get(path.rpartition("/")[2], {**ASK, "max_tokens": 64})
    reply = await running.post(path, json=body)
    assert reply.status == 402
    assert reply.json["error"]["type"] == kind
    assert reply.json["error"].get("code") == code
    assert "budget of route `auto`, $0.000001 per day, has $0.000001 left" in reply.json["error"]["message"]
    assert "`max_tokens`" in reply.json["error"]["message"]
    assert reply.headers["x-should-retry"] == "false"
    assert 0 < int(reply.headers["retry-after"]) <= 86_400
    assert reply.headers["x-fairlead-budget-remaining-usd"] == "0.000001"
    assert running.entries() == []
    assert sent == []


async def test_a_budget_that_others_hold_is_answered_429_and_worth_asking_again(start):
    running = await start(budget("0.15", more='candidates = ["host/albatross"]\n'), faults=always("silent"))
    held = asyncio.ensure_future(running.post())
    await running.until(running.entries)
    reply = await running.post()
    assert (reply.status, reply.json["error"]["code"]) == (429, "budget_in_use")
    assert reply.headers["retry-after"] == "1"
    held.cancel()


async def test_models_without_a_price_do_not_serve_under_a_budget(start):
    running = await start('[models."host/free"]\n' + budget("10", more='candidates = ["host/free", "host/wren"]\n'))
    await running.post()
    entry = running.entry()
    assert (entry.served, entry.excluded) == ("host/wren", {"host/free": "unpriced_under_budget"})


async def test_each_call_is_paid_for_when_it_is_made(start):
    running = await start(budget("10"), faults=always("status", status_code=503))
    reply = await running.post()
    assert reply.status == 503
    entry = running.entry()
    assert len(entry.attempts) > 1
    assert all(attempt.reserved_usd for attempt in entry.attempts)
    again = await running.post()
    reserved = running.entries()[1].attempts[0].reserved_usd
    assert again.status == 503
    assert Decimal(reply.headers["x-fairlead-budget-remaining-usd"]) <= 10 - reserved


async def test_a_call_that_the_budget_cannot_pay_is_not_made(start):
    one_dear_call = "0.13"  # 4,096 tokens at $25 per million, and its input
    running = await start(budget(one_dear_call), faults=always("status", status_code=503))
    await running.post()
    assert [attempt.candidate for attempt in running.entry().attempts] == ["host/albatross", "host/wren", "host/wren"]


async def test_where_the_rest_pays_for_a_cheaper_model_alone_that_one_serves(start):
    running = await start(budget("0.05"))  # less than an answer of the first one may cost, $0.10
    reply = await running.post()
    assert reply.status == 200
    entry = running.entry()
    assert (entry.served, entry.excluded) == ("host/wren", {"host/albatross": "over_budget"})
    assert {attempt.candidate for attempt in entry.attempts} == {"host/wren"}


async def test_a_crowd_never_overspends_and_spends_nearly_all(start):
    running = await start(budget("0.05", more='candidates = ["host/wren"]\n'))

    async def client():
        while (reply := await running.post()).status != 402:
            assert reply.status in {200, 429}

    await asyncio.gather(*(client() for _ in range(20)))
    assert Decimal("0.045") <= spent(running) <= Decimal("0.05")
