"""Copies to other models: after the reply, within the day's sum, never where more than an answer would happen."""

import asyncio
from decimal import Decimal

import pytest

from fairlead.config import load
from fairlead.errors import ConfigError
from fairlead.gateway.setup import prepare
from fairlead.ledger.budget import Budget
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.ledger.verify import verify
from fairlead.providers.faults import Fault
from tests.gateway.conftest import ASK, started
from tests.gateway.test_keys import bearing, made

SHADOW = """
[routes.auto]
store_features = true
shadow = { share = 1, usd_per_day = "5" }
[[routes.auto.verifiers]]
kind = "refusal"
"""
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "It is 4."}


async def looked_at(running, n):
    await running.until(lambda: running.gateway.aftermath.n_taken >= n)
    await running.gateway.aftermath.idle()


@pytest.mark.parametrize("more", [{}, {"stream": True, "stream_options": {"include_usage": True}}])
@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
async def test_a_copy_is_answered_scored_and_paid_for_under_its_own_rows(start, more, dialect):
    running = await start(SHADOW, dialect=dialect)
    reply = await running.post(json=ASK | more)
    await looked_at(running, 2)
    served, copy = running.entries()
    assert reply.headers["x-fairlead-model"] == served.served == "host/albatross"
    assert (copy.purpose, copy.parent_id, copy.served) == ("shadow", served.decision_id, "host/wren")
    assert (copy.reason, copy.propensity, copy.session_id, copy.reference) == ("shadow", 1.0, None, "host/albatross")
    assert copy.cost_usd is not None
    assert copy.cost_usd <= copy.reserved_usd
    assert [row.source for row in (*served.feedback, *copy.feedback)] == ["verifier:refusal"] * 2
    assert served.features_hash is not None
    assert copy.features_hash is None
    assert verify(running.gateway.ledger).ok


NEVER = {
    "tools": {"tools": [TOOL]},
    "an open tool conversation": {"messages": [*ASK["messages"], CALLED, RESULT]},
    "several answers": {"n": 2},
    "a model that was named": {"model": "host/albatross"},
}


@pytest.mark.parametrize("what", NEVER)
async def test_never_is_copied(start, what):
    running = await start(SHADOW, plays=True)
    assert (await running.post(json=ASK | NEVER[what])).status == 200
    await running.gateway.aftermath.idle()
    assert [entry.purpose for entry in running.entries()] == ["serve"]


async def test_a_session_that_opted_out_is_not_copied(start):
    running = await start(SHADOW)
    await running.post(headers={"x-fairlead-opt-out": "1"})
    await looked_at(running, 1)
    assert [entry.purpose for entry in running.entries()] == ["serve"]


async def test_a_failed_request_is_not_copied_and_a_failed_copy_is_kept_as_failed(start):
    faults = lambda _key, model, _attempt: Fault(kind="status", status_code=400) if model == "wren" else None  # noqa: E731
    running = await start(SHADOW, faults=faults)
    await running.post()
    await looked_at(running, 2)
    served, copy = running.entries()
    assert (served.status, copy.status, copy.score) == ("delivered", "failed", None)


async def test_the_days_sum_is_set_aside_before_a_call_and_never_passed(start):
    limits = SHADOW.replace('usd_per_day = "5"', 'usd_per_day = "0.0009"')  # room for one bound and a little
    running = await start(limits + "[limits]\nretries = 0\n")
    for _ in range(6):
        await running.post(json=ASK | {"max_completion_tokens": 2000})
    await looked_at(running, 12)
    copies = [entry for entry in running.entries() if entry.purpose == "shadow"]
    assert 0 < len(copies) < 6
    assert sum(entry.cost_usd for entry in copies) <= Decimal("0.0009")
    served = [entry.decision_id for entry in running.entries() if entry.purpose == "serve"]
    assert [copy.parent_id for copy in copies] == served[: len(copies)]  # the first that does not fit ends the day


async def test_only_the_named_candidates_get_copies(start):
    third = '[models."host/tern"]\nprice = { input_usd_per_mtok = 1, output_usd_per_mtok = 2 }\n'
    both = await start(third + SHADOW)
    await both.post()
    await looked_at(both, 2)
    assert {e.served for e in both.entries() if e.purpose == "shadow"} == {"host/wren", "host/tern"}


JUDGE = (
    SHADOW
    + """
[routes.auto.judge]
model = "host/wren"
usd_per_day = "1"
"""
)


async def test_a_judge_is_a_request_like_any_other_and_its_bill_stands_in_the_ledger(start):
    running = await start(JUDGE)
    await running.post()
    await looked_at(running, 2)
    _, _, judged = running.entries()
    assert (judged.purpose, judged.reason, judged.served) == ("judge", "judge", "host/wren")
    assert judged.cost_usd > 0  # the simulated model gives no verdict that can be read, so no score
    assert not any(row.source.startswith("judge") for entry in running.entries() for row in entry.feedback)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ('shadow = { share = 2, usd_per_day = "1" }', "`routes.auto.shadow.share`"),
        ('shadow = { share = 0.1, usd_per_day = "0" }', "`routes.auto.shadow.usd_per_day` is 0"),
        ('shadow = { share = 0.1, usd_per_day = "1", candidates = ["sim/no"] }', "`routes.auto.shadow.candidates[0]`"),
        ('judge = { model = "sim/albatross", usd_per_day = "1" }', "without `routes.auto.shadow`"),
        ('shadow = { share = 0.1, usd_per_day = "1" }\njudge = { model = "x", usd_per_day = "1" }', "judge.model"),
    ],
)
def test_what_cannot_be_is_refused_before_the_port_opens(tmp_path, settings, complaint):
    path = tmp_path / "fairlead.toml"
    path.write_text(f'[providers.sim]\ndialect = "simulated"\n[routes.auto]\n{settings}\n')
    with pytest.raises(ConfigError) as refused:
        prepare(load(path, {}))
    assert complaint in str(refused.value)


async def test_a_copy_under_way_is_settled_when_the_gateway_stops(tmp_path, empty_ledger):
    faults = lambda _key, model, _attempt: Fault(kind="silent") if model == "wren" else None  # noqa: E731
    async with asyncio.timeout(20), started(tmp_path, empty_ledger, SHADOW, faults=faults) as running:
        await running.post()
        await running.until(lambda: len(running.entries()) == 2)
    copies = [e for e in SqliteLedger.open(tmp_path / "fairlead.db").entries() if e.purpose == "shadow"]
    assert [copy.status for copy in copies] == ["cancelled"]


# Keys -----------------------------------------------------------------------------------------------------------------


async def test_a_copy_bears_the_key_and_the_team_whose_request_it_is_and_takes_nothing_of_their_budget(start):
    running = await start(SHADOW)
    key = made(running, team="search", budget=Budget(usd=Decimal(5), per="day"))
    await running.post(headers=bearing(key))
    await looked_at(running, 2)
    served, copy = running.entries()
    assert copy.purpose == "shadow"
    assert (copy.key_id, copy.team) == (served.key_id, "search")
    reply = await running.post(headers=bearing(key))
    paid = [entry.cost_usd for entry in running.entries() if entry.purpose == "serve"]
    left = Decimal(reply.headers["x-fairlead-budget-remaining-usd"])
    assert left <= 5 - paid[0]
    assert left > 5 - paid[0] - running.entries()[2].reserved_usd - copy.cost_usd / 2


async def test_no_copy_and_no_judge_go_where_the_key_may_not(start):
    running = await start(JUDGE + '[models."host/tern"]\nprice = { input_usd_per_mtok = 1, output_usd_per_mtok = 2 }\n')
    await running.post(headers=bearing(made(running, models=("host/albatross", "host/tern"))))
    await looked_at(running, 2)
    assert {(e.purpose, e.chosen) for e in running.entries()} == {("serve", "host/albatross"), ("shadow", "host/tern")}
