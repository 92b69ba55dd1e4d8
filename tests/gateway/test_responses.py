"""OpenAI's responses and embeddings over HTTP, with its own client: what the caller gets, whoever serves."""

from __future__ import annotations

import msgspec
import openai
import pytest

from fairlead.providers.faults import Fault
from fairlead.wire import sse

PROMPT = "Prove that there are infinitely many primes."
ASK = {"model": "auto", "input": PROMPT}
NO_RETRIES = "[limits]\nretries = 0\nttft_s = 0.3\npatient_ttft_s = 0.3\nidle_s = 0.3\nanswer_s = 0.3\n"
DIALECTS = ["openai", "responses", "anthropic", "gemini"]


def client(running):
    return openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key="any", max_retries=0)


def always(kind, *, models=("albatross", "wren"), **details):
    return lambda _key, model, _attempt: Fault(kind=kind, **details) if model in models else None


async def post(running, **more):
    return await running.post("/v1/responses", json=ASK | more)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_host_of_each_dialect_streams_what_it_says_whole(start, dialect):
    running = await start(dialect=dialect)
    async with client(running) as ours:
        whole = await ours.responses.create(**ASK)
        async with ours.responses.stream(**ASK) as stream:
            kinds = [event.type async for event in stream]
            streamed = await stream.get_final_response()
    said = running.upstream.responder.respond("albatross", PROMPT, None, 1).text
    assert whole.output_text == streamed.output_text == said
    assert whole.model == streamed.model == "host/albatross"
    assert whole.usage.output_tokens == streamed.usage.output_tokens > 0
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert len({entry.cost_usd for entry in running.entries()}) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_bytes_of_the_same_dialect_reach_the_caller_as_they_are(start, stream):
    running = await start(dialect="responses")
    base_url = running.gateway.executor.providers["host"].speakers["responses"].base_url
    direct_ask = ASK | {"model": "albatross", "stream": stream}
    async with running.http.post(f"{base_url}/responses", json=direct_ask) as direct:
        expected = (await direct.read()).replace(b'"model":"albatross"', b'"model":"host/albatross"')
    reply = await post(running, stream=stream)
    before, _, rest = reply.body.partition(b',"fairlead":{')
    assert before + rest.partition(b"}")[2] == expected


async def test_a_host_that_speaks_both_is_asked_in_the_callers_dialect(start):
    running = await start(host_settings="responses = true\n")
    assert (await post(running, include=["reasoning.encrypted_content"], previous_response_id="resp_1")).status == 200
    assert "x-fairlead-dropped" not in (await post(running, truncation="auto")).headers


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", ["cut", "stall", "malformed", "in_band"])
async def test_a_broken_stream_ends_in_an_error_and_is_never_completed(start, dialect, kind):
    running = await start(NO_RETRIES, dialect=dialect, faults=always(kind, after_events=5))
    reply = await post(running, stream=True)
    *_, failed, last = sse.Parser().feed(reply.body)
    assert reply.status == 200
    assert (failed.event, last.event) == ("response.failed", "error")
    assert b"response.completed" not in reply.body
    assert (running.entry().status, running.entry().cost_usd) == ("failed", None)


async def test_the_client_raises_what_broke_the_stream(start):
    running = await start(NO_RETRIES, faults=always("cut", after_events=5))
    async with client(running) as ours:
        with pytest.raises(openai.APIError, match=r"attempts? failed"):
            async for _ in await ours.responses.create(**ASK, stream=True):
                pass


async def test_a_named_answer_is_gone_on_from_in_its_session(start):
    running = await start(dialect="responses")
    first = await post(running)
    await post(running, input="And now?", previous_response_id=first.json["id"])
    await post(running, stream=True, input="More.", previous_response_id="resp_of_somebody_else")
    one, two, three = running.entries()
    assert (one.session_rule, two.session_rule) == ("content", "previous_response_id")
    assert one.session_id == two.session_id
    assert three.session_id == "resp_of_somebody_else"


async def test_what_only_one_host_keeps_is_refused_by_the_others(running):
    reply = await post(running, previous_response_id="resp_1")
    assert reply.status == 400
    assert "`previous_response_id`" in reply.json["error"]["message"]
    assert reply.json["error"]["code"] == "no_candidate"


async def test_embeddings_come_from_the_model_that_is_named(running):
    async with client(running) as ours:
        vectors = await ours.embeddings.create(model="host/wren", input=["a ship", "a boat"])
    entry = running.entry()
    assert [len(each.embedding) for each in vectors.data] == [8, 8]
    assert vectors.model == entry.served == "host/wren"
    assert entry.attempts[0].usage.input_tokens == vectors.usage.prompt_tokens > 0
    assert entry.cost_usd > 0


async def test_there_is_no_route_for_vectors(running):
    reply = await running.post("/v1/embeddings", json={"model": "auto", "input": "x"})
    assert (reply.status, reply.json["error"]["param"]) == (400, "model")
    assert running.entries() == []


async def test_vectors_come_from_any_host_of_one_model(start):
    more = '[models."host/second"]\nweights = "wren"\n[routes.vectors]\ncandidates = ["host/wren", "host/second"]\n'
    running = await start(more + 'reference = "host/wren"\nobjective = "order"\n')
    reply = await running.post("/v1/embeddings", json={"model": "vectors", "input": "x"})
    assert (reply.status, reply.json["model"]) == (200, "host/wren")
    assert running.entry().route == "vectors"


async def test_a_host_without_embeddings_is_not_asked_for_them(start):
    running = await start(dialect="anthropic")
    reply = await running.post("/v1/embeddings", json={"model": "host/wren", "input": "x"})
    assert reply.status == 400
    assert not running.upstream.attempts


async def test_a_whole_answer_of_embeddings_fails_like_any_other(start):
    running = await start(NO_RETRIES, faults=always("status", status_code=503))
    reply = await running.post("/v1/embeddings", json={"model": "host/wren", "input": "x"})
    assert reply.status == 503
    assert msgspec.json.decode(reply.body)["error"]["code"] == "upstream_unavailable"
