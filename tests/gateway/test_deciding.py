"""The routes beside chat: decide alone, health."""

import pytest

from fairlead.errors import LedgerError

ASK = {"model": "auto", "messages": [{"role": "user", "content": "Hello."}]}


async def test_deciding_calls_nobody_and_keeps_nothing(running):
    reply = await running.post("/v1/route", json=ASK)
    decision = reply.json
    assert decision["schema"] == "fairlead.route/1"
    assert (decision["route"], decision["model"], decision["reason"]) == ("auto", "host/albatross", "no_evidence")
    assert decision["plan"] == ["host/albatross", "host/wren"]
    assert [prediction["candidate"] for prediction in decision["predictions"]] == ["host/albatross", "host/wren"]
    assert not running.upstream.attempts
    assert running.entries() == []


async def test_what_is_decided_is_what_is_served(running):
    decided = (await running.post("/v1/route", json=ASK)).json
    await running.post(json=ASK)
    entry = running.entry()
    assert (entry.chosen, entry.reason, entry.propensity) == tuple(
        decided[name] for name in ("model", "reason", "propensity")
    )


async def test_an_exclusion_is_named(running):
    image = {"type": "image_url", "image_url": {"url": "https://example.org/ship.png"}}
    settings = ASK | {"model": "host/wren", "messages": [{"role": "user", "content": [image]}]}
    assert (await running.post("/v1/route", json=settings)).json["reason"] == "asked_for"
    reply = await running.post("/v1/route", json=settings | {"model": "auto"})
    assert reply.status == 400
    assert "`host/wren`: vision_unknown" in reply.json["error"]["message"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_health_calls_nobody(running, path):
    async with running.http.get(running.url + path) as reply:
        assert reply.status == 200
        assert (await reply.json())["status"] in {"live", "ready"}
    assert not running.upstream.attempts


async def test_a_gateway_without_its_ledger_is_alive_and_not_ready(running, monkeypatch):
    def fail(_self):
        raise LedgerError("the file is gone")

    monkeypatch.setattr(type(running.gateway.ledger), "prices", fail)
    async with running.http.get(running.url + "/health/ready") as reply:
        assert reply.status == 503
    async with running.http.get(running.url + "/health/live") as reply:
        assert reply.status == 200


async def test_who_opts_out_is_served_by_the_policy_and_kept_as_such(start):
    running = await start("[routes.auto]\ncontrol_share = 0.99\n")
    headers = [{"x-fairlead-session": f"s{i}"} for i in range(6)]
    for given in headers:
        await running.post(headers=given | {"x-fairlead-opt-out": "1"})
    assert {entry.reason for entry in running.entries()} == {"no_evidence"}
    assert all(entry.opted_out and entry.arm == "policy" for entry in running.entries())
    assert {entry.propensity for entry in running.entries()} == {1.0}
    await running.post(headers={"x-fairlead-session": "another"})
    assert not running.entries()[-1].opted_out


async def test_who_needs_what_nobody_knows_of_is_told_how_to_say_it(running):
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    refused = await running.post(json=ASK | {"tools": tools})
    assert (refused.status, refused.json["error"]["code"]) == (400, "no_candidate")
    remedy = '`[models."host/albatross"]`, `capabilities = { tools = true }`.'
    assert refused.json["error"]["message"].endswith(f"If it does, say so: {remedy}")
