"""Chat completions: what the caller gets, what the ledger keeps, for each way that a request can end."""

import asyncio
from decimal import Decimal
from urllib.parse import urlsplit

import msgspec
import pytest

from fairlead.errors import LedgerError
from fairlead.gateway.app import application
from fairlead.providers.faults import Fault
from fairlead.types import Usage

ASK = {"model": "auto", "messages": [{"role": "user", "content": "Prove that there are infinitely many primes."}]}
USAGE = {"stream_options": {"include_usage": True}}
NO_RETRIES = "[limits]\nretries = 0\nttft_s = 0.3\npatient_ttft_s = 0.3\nidle_s = 0.3\nanswer_s = 0.3\n"


def always(kind, *, models=("albatross", "wren"), **details):
    """Returns a fault rule that strikes every call of these models."""
    return lambda _key, model, _attempt: Fault(kind=kind, **details) if model in models else None


async def stream(running, **more):
    """Returns the reply, its chunks, and the data of its last event."""
    reply = await running.post(json=ASK | {"stream": True} | more)
    *chunks, last = reply.events
    return reply, [msgspec.json.decode(chunk) for chunk in chunks], last


# A whole answer ------------------------------------------------------------------------------------------------------


async def test_the_reply_says_who_served_why_and_what_it_cost(running):
    reply = await running.post()
    told, entry = reply.headers, running.entry()
    body = reply.json
    usage = Usage(input_tokens=body["usage"]["prompt_tokens"], output_tokens=body["usage"]["completion_tokens"])
    cost_usd = running.gateway.routes.candidates["host/albatross"].price.cost_usd(usage)
    assert reply.status == 200
    assert body["model"] == told["x-fairlead-model"] == entry.served == "host/albatross"
    assert told["x-fairlead-request-id"] == told["x-request-id"] == entry.request_id
    assert told["x-fairlead-decision-id"] == entry.decision_id
    assert told["x-fairlead-reason"] == entry.reason == "no_evidence"
    assert Decimal(told["x-fairlead-cost-usd"]) == entry.cost_usd == cost_usd
    assert float(told["x-fairlead-reference-cost-usd"]) == float(cost_usd)
    assert told["x-fairlead-attempts"] == "1"
    assert 0 <= float(told["x-fairlead-overhead-s"]) < 5
    assert body["usage"]["fairlead"]["cost_usd"] == told["x-fairlead-cost-usd"]


async def test_the_ledger_keeps_what_a_decision_depended_on(running):
    await running.post(json=ASK | {"metadata": {"prompt_id": "p1"}}, headers={"x-fairlead-session": "s1"})
    entry = running.entry()
    assert (entry.session_id, entry.session_rule, entry.prompt_id) == ("s1", "header", "p1")
    assert (entry.route, entry.model_asked, entry.propensity) == ("auto", "auto", 1.0)
    assert (entry.chosen, entry.reference, entry.arm) == ("host/albatross", "host/albatross", "policy")
    assert set(entry.candidates) == {"host/albatross", "host/wren"}
    assert entry.reserved_usd is not None
    assert entry.cost_usd <= entry.reserved_usd
    assert entry.config_hash == running.gateway.config_hash


@pytest.mark.parametrize("name", ["host/wren", "wren"])
async def test_a_named_model_is_called_as_asked(running, name):
    reply = await running.post(json=ASK | {"model": name})
    entry = running.entry()
    assert reply.headers["x-fairlead-model"] == "host/wren"
    assert (entry.route, entry.reason, entry.reference) == ("direct", "asked_for", None)
    assert "x-fairlead-reference-cost-usd" not in reply.headers


async def test_an_unknown_price_is_not_told_as_zero(start):
    running = await start('[models."host/tern"]\n')
    reply = await running.post(json=ASK | {"model": "host/tern"})
    assert reply.status == 200
    assert "x-fairlead-cost-usd" not in reply.headers
    assert (running.entry().cost_usd, running.entry().reserved_usd) == (None, None)


async def test_a_failed_call_falls_back_and_both_attempts_are_kept(start):
    running = await start(NO_RETRIES, faults=always("status", models=("albatross",), status_code=503))
    reply = await running.post()
    entry = running.entry()
    assert reply.headers["x-fairlead-model"] == entry.served == "host/wren"
    assert reply.headers["x-fairlead-attempts"] == "2"
    assert [attempt.status for attempt in entry.attempts] == ["failed", "ok"]
    assert entry.attempts[0].cost_usd == 0


async def test_a_request_that_fails_everywhere_is_settled_as_failed(start):
    running = await start(NO_RETRIES, faults=always("status", status_code=429, retry_after_s=7))
    reply = await running.post()
    entry = running.entry()
    assert reply.status == 429
    assert reply.headers["retry-after"] == "7"
    assert reply.headers["x-should-retry"] == "false"
    assert reply.headers["x-fairlead-request-id"] == entry.request_id
    assert reply.json["error"]["code"] == "upstream_rate_limit"
    assert (entry.status, entry.served, len(entry.attempts)) == ("failed", None, 2)


async def test_a_silent_host_is_a_gateway_timeout(start):
    running = await start(NO_RETRIES + "max_attempts = 1", faults=always("silent"))
    reply = await running.post()
    assert reply.status == 504
    assert running.entry().cost_usd is None


# A stream ------------------------------------------------------------------------------------------------------------


async def test_a_stream_ends_with_its_cost_and_done(running):
    reply, chunks, last = await stream(running, **USAGE)
    entry, usage = running.entry(), chunks[-1]["usage"]
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["x-fairlead-model"] == "host/albatross"
    assert "x-fairlead-cost-usd" not in reply.headers
    assert last == b"[DONE]"
    assert {chunk["model"] for chunk in chunks} == {"host/albatross"}
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert chunks[-1]["choices"] == []
    assert Decimal(usage["fairlead"]["cost_usd"]) == entry.cost_usd
    assert usage["fairlead"]["decision_id"] == entry.decision_id == reply.headers["x-fairlead-decision-id"]
    assert entry.status == "delivered"


async def test_a_stream_without_usage_asked_for_is_settled_with_it(running):
    _, chunks, last = await stream(running)
    assert last == b"[DONE]"
    assert not any("usage" in chunk for chunk in chunks)
    assert running.entry().cost_usd > 0


async def test_a_stream_falls_back_before_its_first_chunk(start):
    running = await start(NO_RETRIES, faults=always("status", models=("albatross",)))
    reply, chunks, last = await stream(running, **USAGE)
    assert reply.headers["x-fairlead-model"] == chunks[0]["model"] == "host/wren"
    assert chunks[-1]["usage"]["fairlead"]["attempts"] == 2
    assert last == b"[DONE]"


async def test_a_stream_that_never_begins_is_an_error_of_its_own_status(start):
    running = await start(NO_RETRIES, faults=always("status", status_code=503))
    reply = await running.post(json=ASK | {"stream": True})
    assert reply.status == 503
    assert reply.headers["content-type"] == "application/json"
    assert running.entry().status == "failed"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("cut", "upstream_bad_response"),
        ("stall", "upstream_timeout"),
        ("malformed", "upstream_bad_response"),
        ("in_band", "upstream_bad_response"),
    ],
)
async def test_a_broken_stream_ends_in_an_error_and_never_in_done(start, kind, code):
    running = await start(NO_RETRIES, faults=always(kind, after_events=4))
    reply, _, last = await stream(running, **USAGE)
    entry = running.entry()
    assert reply.status == 200
    assert msgspec.json.decode(last)["error"]["code"] == code
    assert b"[DONE]" not in reply.body
    assert b'"finish_reason":"stop"' not in reply.body
    assert (entry.status, entry.served, entry.cost_usd) == ("failed", None, None)


# A caller that leaves ------------------------------------------------------------------------------------------------


async def asked(running, body):
    """Sends a request over a socket of our own, so that we can hang up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(running.url).port)
    encoded = msgspec.json.encode(body)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\ncontent-length: {len(encoded)}\r\n\r\n"
    writer.write(head.encode() + encoded)
    await writer.drain()
    return reader, writer


async def test_leaving_in_mid_stream_stops_the_provider_and_is_settled(start):
    running = await start(time_scale=1)  # left alone, it would go on for seconds
    reader, writer = await asked(running, ASK | {"stream": True})
    await reader.readuntil(b"data: ")
    assert running.upstream.n_open == 1
    writer.close()
    entry = await running.settled()
    await running.until(lambda: running.upstream.n_left == 1)
    assert running.upstream.n_open == 0
    assert (entry.status, entry.served, entry.cost_usd) == ("cancelled", None, None)
    assert [attempt.status for attempt in entry.attempts] == ["cancelled"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_leaving_before_the_answer_stops_the_provider_and_is_settled(start, streamed):
    running = await start(time_scale=1000)
    _, writer = await asked(running, ASK | {"stream": streamed})
    await running.until(lambda: running.upstream.n_open == 1)
    writer.close()
    entry = await running.settled()
    await running.until(lambda: running.upstream.n_left == 1)
    assert (entry.status, len(entry.attempts)) == ("cancelled", 1)


async def test_leaving_before_the_body_is_whole_leaves_no_trace(running):
    _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(running.url).port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    assert (await running.post()).status == 200
    assert len(running.entries()) == 1


async def test_a_reader_that_takes_nothing_is_not_waited_for(start):
    running = await start("[limits]\nidle_s = 0.05\n")
    body = msgspec.json.encode(ASK | {"stream": True})
    received = iter([{"type": "http.request", "body": body}])

    async def receive():
        return next(received, None) or await asyncio.Event().wait()

    async def send(message):
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
    async with asyncio.timeout(5):
        await application(running.gateway)(scope, receive, send)
    assert running.entry().status == "cancelled"


# The ledger ----------------------------------------------------------------------------------------------------------


def failing(monkeypatch, running, name):
    async def fail(_row):
        raise LedgerError("the disk is full")

    monkeypatch.setattr(type(running.gateway.ledger), name, lambda _self, row: fail(row))


@pytest.mark.parametrize("streamed", [False, True])
async def test_nothing_is_called_where_the_intent_cannot_be_kept(running, monkeypatch, streamed):
    failing(monkeypatch, running, "intent")
    reply = await running.post(json=ASK | {"stream": streamed})
    assert reply.status == 503
    assert reply.json["error"]["code"] == "ledger_unavailable"
    assert not running.upstream.attempts


async def test_an_answer_that_cannot_be_settled_is_not_delivered(running, monkeypatch):
    failing(monkeypatch, running, "settle")
    reply = await running.post()
    assert reply.status == 503
    assert running.entry().status == "unsettled"


async def test_a_stream_that_cannot_be_settled_does_not_end_as_done(running, monkeypatch):
    failing(monkeypatch, running, "settle")
    reply, _, last = await stream(running, **USAGE)
    assert msgspec.json.decode(last)["error"]["code"] == "ledger_unavailable"
    assert b"[DONE]" not in reply.body
    assert running.entry().status == "unsettled"


async def test_settling_comes_before_the_last_byte(running, monkeypatch):
    seen = []
    ledger = running.gateway.ledger
    settle = type(ledger).settle

    async def slow_settle(self, row):
        await asyncio.sleep(0.05)
        await settle(self, row)
        seen.append("settled")

    monkeypatch.setattr(type(ledger), "settle", slow_settle)
    async with running.http.post(running.url + "/v1/chat/completions", json=ASK | {"stream": True} | USAGE) as reply:
        async for line in reply.content:
            if b'"choices":[]' in line or b"[DONE]" in line:
                seen.append("last bytes")  # noqa: PERF401 - when it comes is the point
    assert seen == ["settled", "last bytes", "last bytes"]


async def test_feedback_finds_its_decision(running):
    reply = await running.post()
    body = {"decision_id": reply.headers["x-fairlead-decision-id"], "score": 0.25, "source": "human:test"}
    assert (await running.post("/v1/feedback", json=body)).status == 200
    assert running.entry().score == 0.25
