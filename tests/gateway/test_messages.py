"""Anthropic's messages over HTTP, with its own client: what the caller gets, whoever serves."""

from __future__ import annotations

import anthropic
import msgspec
import pytest

from fairlead.providers.faults import Fault
from fairlead.wire import anthropic_messages, sse

PROMPT = "Prove that there are infinitely many primes."
TURNS = [{"role": "user", "content": PROMPT}]
ASK = {"model": "auto", "max_tokens": 500, "messages": TURNS}
NO_RETRIES = "[limits]\nretries = 0\nttft_s = 0.3\npatient_ttft_s = 0.3\nidle_s = 0.3\nanswer_s = 0.3\n"
DIALECTS = ["openai", "anthropic", "gemini"]


def client(running):
    return anthropic.AsyncAnthropic(base_url=running.url, api_key="any", max_retries=0)


def always(kind, *, models=("albatross", "wren"), **details):
    return lambda _key, model, _attempt: Fault(kind=kind, **details) if model in models else None


async def post(running, **more):
    return await running.post("/v1/messages", json=ASK | more)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_host_of_each_dialect_streams_what_it_says_whole(start, dialect):
    running = await start(dialect=dialect)
    async with client(running) as messages:
        whole = await messages.messages.create(**ASK)
        async with messages.messages.stream(**ASK) as stream:
            kinds = [event.type async for event in stream]
            streamed = await stream.get_final_message()
    said = running.upstream.responder.respond("albatross", PROMPT, None, 1).text
    assert whole.content[0].text == streamed.content[0].text == said
    assert whole.model == streamed.model == "host/albatross"
    assert whole.stop_reason == streamed.stop_reason == "end_turn"
    assert whole.usage.input_tokens == streamed.usage.input_tokens > 0
    assert whole.usage.output_tokens == streamed.usage.output_tokens > 0
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    assert len({entry.cost_usd for entry in running.entries()}) == 1


async def test_the_reply_says_who_served_why_and_what_it_cost(running):
    reply = await post(running)
    entry = running.entry()
    told = reply.json["usage"]["fairlead"]
    assert reply.headers["request-id"] == reply.headers["x-fairlead-request-id"] == entry.request_id
    assert told["cost_usd"] == reply.headers["x-fairlead-cost-usd"] == format(entry.cost_usd, "f")
    assert (told["decision_id"], told["reason"]) == (entry.decision_id, "no_evidence")


async def test_a_stream_tells_its_cost_before_its_last_event(running):
    reply = await post(running, stream=True)
    *_, delta, stop = sse.Parser().feed(reply.body)
    told = msgspec.json.decode(delta.data)["usage"]["fairlead"]
    assert told["cost_usd"] == format(running.entry().cost_usd, "f")
    assert stop.event == "message_stop"


@pytest.mark.parametrize("stream", [False, True])
async def test_bytes_of_the_same_dialect_reach_the_caller_as_they_are(start, stream):
    running = await start(dialect="anthropic")
    direct_url = running.gateway.executor.providers["host"].base_url
    async with running.http.post(
        f"{direct_url}/messages", json=ASK | {"model": "albatross", "stream": stream}
    ) as direct:
        expected = (await direct.read()).replace(b'"model":"albatross"', b'"model":"host/albatross"')
    reply = await post(running, stream=stream)
    before, _, rest = reply.body.partition(b',"fairlead":{')
    _, _, after = rest.partition(b"}")
    assert before + after == expected


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", ["cut", "stall", "malformed", "in_band"])
async def test_a_broken_stream_ends_in_an_error_and_never_in_a_stop(start, dialect, kind):
    running = await start(NO_RETRIES, dialect=dialect, faults=always(kind, after_events=4))
    reply = await post(running, stream=True)
    *_, last = sse.Parser().feed(reply.body)
    assert reply.status == 200
    assert (last.event, msgspec.json.decode(last.data)["type"]) == ("error", "error")
    assert b"message_stop" not in reply.body
    assert b"stop_reason" not in reply.body.partition(b"content_block_start")[2]
    assert (running.entry().status, running.entry().cost_usd) == ("failed", None)


async def test_a_client_sees_the_error_of_its_own_kind(start):
    running = await start(NO_RETRIES, faults=always("status", status_code=429, retry_after_s=7))
    async with client(running) as messages:
        with pytest.raises(anthropic.RateLimitError) as caught:
            await messages.messages.create(**ASK)
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.request_id == running.entry().request_id
    assert caught.value.body["error"]["type"] == "rate_limit_error"


async def test_a_stream_falls_back_before_its_first_event(start):
    running = await start(NO_RETRIES, dialect="anthropic", faults=always("cut", models=("albatross",), after_events=1))
    async with client(running) as messages, messages.messages.stream(**ASK) as stream:
        final = await stream.get_final_message()
    assert final.model == "host/wren"
    assert [attempt.status for attempt in running.entry().attempts] == ["failed", "ok"]


async def test_a_dropped_hint_is_named_to_the_caller_and_in_the_ledger(running):
    reply = await post(running, top_k=4, system=[{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}])
    assert reply.headers["x-fairlead-dropped"] == "cache_control, top_k"
    assert running.entry().dropped == ("cache_control", "top_k")


async def test_in_its_own_dialect_nothing_is_dropped(start):
    running = await start(dialect="anthropic")
    reply = await post(running, top_k=4)
    assert "x-fairlead-dropped" not in reply.headers
    assert running.entry().dropped == ()


async def test_what_changes_the_meaning_is_refused_where_nobody_can_be_told(running):
    reply = await post(running, mcp_servers=[{"type": "url", "url": "https://example.org", "name": "x"}])
    assert reply.status == 400
    assert reply.json["type"] == "error"
    assert reply.json["error"]["type"] == "invalid_request_error"
    assert "`host/wren`: untranslatable" in reply.json["error"]["message"]
    assert "`mcp_servers`" in reply.json["error"]["message"]
    assert not running.upstream.attempts


async def test_a_named_model_that_cannot_be_told_refuses_too(running):
    reply = await post(running, model="host/wren", mcp_servers=[{"type": "url", "url": "https://example.org"}])
    assert reply.status == 400
    assert "`mcp_servers`" in reply.json["error"]["message"]
    assert not running.upstream.attempts


async def test_a_host_of_this_dialect_counts_tokens_itself(start):
    running = await start(dialect="anthropic")
    async with client(running) as messages:
        counted = await messages.messages.count_tokens(model="auto", messages=TURNS)
    assert counted.input_tokens == len(PROMPT.split())
    assert running.entries() == []


async def test_elsewhere_tokens_are_estimated_and_it_is_said(running):
    body = {"model": "auto", "messages": TURNS}
    reply = await running.post("/v1/messages/count_tokens", json=body)
    image = {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}
    seen = await running.post(
        "/v1/messages/count_tokens", json=body | {"messages": [{"role": "user", "content": [image]}]}
    )
    assert len(PROMPT) / 4 <= reply.json["input_tokens"] <= len(PROMPT) / 3
    assert reply.headers["x-fairlead-estimated"] == "true"
    assert seen.json["input_tokens"] > 1000
    assert not running.upstream.attempts


async def test_models_are_listed_in_this_shape_to_clients_of_this_dialect(running):
    async with client(running) as messages:
        listed = [model async for model in messages.models.list()]
        one = await messages.models.retrieve("host/wren")
        with pytest.raises(anthropic.NotFoundError, match="not_found_error"):
            await messages.models.retrieve("none")
    assert [model.id for model in listed] == ["auto", "auto:cost", "auto:quality", "host/albatross", "host/wren"]
    assert {model.type for model in listed} == {"model"}
    assert (one.id, one.display_name) == ("host/wren", "host/wren")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/messages", 405), ("POST", "/v1/messages/none", 404)]
)
async def test_an_error_of_the_edge_has_this_shape_too(running, method, path, status):
    async with running.http.request(method, running.url + path, json=ASK) as reply:
        assert reply.status == status
        body = await reply.json()
        assert set(body) == {"type", "error", "request_id"}
        assert body["request_id"] == reply.headers["request-id"]


async def test_a_session_remembers_whose_thinking_a_conversation_carries(start):
    running = await start(dialect="anthropic")
    await post(running)
    thought = {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "EqQB"}]}
    asked = anthropic_messages.decode(msgspec.json.encode(ASK | {"messages": [*TURNS, thought]}))
    scope = {"headers": [(b"x-api-key", b"any")]}
    gateway = running.gateway
    first = gateway.context(asked, scope)
    assert gateway.with_thinker(asked, first).thinker == ""
    gateway.sessions.served(first.session, "host/wren")
    assert gateway.with_thinker(asked, gateway.context(asked, scope)).thinker == "wren"
    without = anthropic_messages.decode(msgspec.json.encode(ASK))
    assert gateway.with_thinker(without, gateway.context(without, scope)).thinker == ""
