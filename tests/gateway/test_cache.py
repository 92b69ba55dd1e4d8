"""The cache: the same is answered again to the same key, as a stream or whole, and shown as saved; nothing else is."""

from datetime import UTC, datetime
from decimal import Decimal

import openai
import pytest

from fairlead.gateway.cache import AnswerCache, Cached, Collector, chunks_of
from fairlead.ledger.budget import KeyTerms
from fairlead.ledger.keys import new_key
from fairlead.types import Request, Response, Text, ToolCall
from tests.gateway.conftest import ASK
from tests.gateway.test_chat import always

CACHE = "[routes.auto]\ncache = { ttl_s = 60 }\n"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
STREAM = {"stream": True, "stream_options": {"include_usage": True}}


def n_calls(running):
    return sum(running.upstream.attempts.values())


def text_of(reply):
    return reply.json["choices"][0]["message"]["content"]


async def test_without_the_setting_nothing_is_kept(running):
    for _ in range(2):
        assert "x-fairlead-cache" not in (await running.post()).headers
    assert n_calls(running) == 2


async def test_the_same_is_answered_again_for_nothing_and_the_row_says_what_that_saved(start):
    running = await start(CACHE)
    first, second = await running.post(), await running.post()
    assert [reply.headers["x-fairlead-cache"] for reply in (first, second)] == ["miss", "hit"]
    assert n_calls(running) == 1
    assert text_of(second) == text_of(first)
    asked, replayed = running.entries()
    assert second.headers["x-fairlead-cost-usd"] == "0"
    assert second.headers["x-fairlead-saved-usd"] == first.headers["x-fairlead-cost-usd"]
    assert (replayed.status, replayed.served, replayed.attempts) == ("delivered", asked.served, ())
    assert (replayed.cost_usd, replayed.saved_usd, asked.saved_usd) == (0, asked.cost_usd, None)
    assert (replayed.purpose, replayed.reason, replayed.parent_id) == ("cache", "cache_hit", asked.decision_id)


@pytest.mark.parametrize(("first", "second"), [({}, STREAM), (STREAM, {}), (STREAM, STREAM)])
async def test_what_was_streamed_is_replayed_whole_and_the_other_way_round(start, first, second):
    running = await start(CACHE)
    said = []
    async with openai.AsyncOpenAI(base_url=running.url + "/v1", api_key="any", max_retries=0) as client:
        for how in (first, second):
            reply = await client.chat.completions.create(**ASK, **how)
            if not how:
                said.append((reply.choices[0].message.content, reply.usage.total_tokens))
                continue
            chunks = [chunk async for chunk in reply]
            words = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
            said.append((words, chunks[-1].usage.total_tokens))
    assert said[0] == said[1]
    assert n_calls(running) == 1


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
@pytest.mark.parametrize("stream", [False, True])
async def test_each_dialect_has_answers_of_its_own(start, path, stream):
    running = await start(CACHE)
    asked = {"model": "auto", "input": "Hello", "stream": stream}
    body = asked if path == "/v1/responses" else {**ASK, "max_tokens": 64, "stream": stream}
    first, second = await running.post(path, json=body), await running.post(path, json=body)
    assert (first.status, second.status, second.headers["x-fairlead-cache"]) == (200, 200, "hit")
    assert (await running.post()).headers["x-fairlead-cache"] == "miss"


@pytest.mark.parametrize(
    "more", [{"temperature": 0.5}, {"seed": 1}, {"max_tokens": 9}, {"messages": [{"role": "user", "content": "Else?"}]}]
)
async def test_any_difference_is_another_question(start, more):
    running = await start(CACHE)
    await running.post()
    assert (await running.post(json=ASK | more)).headers["x-fairlead-cache"] == "miss"


@pytest.mark.parametrize("more", [{"n": 2}, {"logprobs": True}, {"tools": [TOOL]}])
async def test_what_may_come_out_differently_is_not_kept(start, more):
    running = await start(CACHE, plays=True)
    for _ in range(2):
        assert "x-fairlead-cache" not in (await running.post(json=ASK | more)).headers


async def test_tools_take_part_where_that_is_asked_for(start):
    running = await start(CACHE.replace("ttl_s = 60", "tools = true"), plays=True)
    first, second = [await running.post(json=ASK | {"tools": [TOOL]}) for _ in range(2)]
    assert second.headers["x-fairlead-cache"] == "hit"
    assert second.json["choices"] == first.json["choices"]


async def test_a_caller_may_ask_for_a_new_answer_or_have_none_kept(start):
    running = await start(CACHE)

    async def told(wish):
        reply = await running.post(headers={"cache-control": wish})
        return reply.headers.get("x-fairlead-cache"), n_calls(running)

    assert await told("no-store") == (None, 1)
    assert await told("max-age=60") == ("miss", 2)
    assert await told("no-cache") == ("miss", 3)
    assert await told("private, No-Store") == (None, 4)
    assert await told("") == ("hit", 4)


async def test_keys_never_share_an_answer(start):
    running = await start(CACHE)
    running.gateway.door.refresh_s = 0.0
    states = []
    for _ in range(2):
        secret, key = new_key("test", KeyTerms(requests_per_minute=2), datetime.now(UTC))
        running.gateway.ledger.keys.add(key)
        for _ in range(2):
            reply = await running.post(headers={"authorization": f"Bearer {secret}"})
            states.append(reply.headers["x-fairlead-cache"])
    assert states == ["miss", "hit", "miss", "hit"]
    over = await running.post(headers={"authorization": f"Bearer {secret}"})
    assert over.status == 429  # what is given again counts as a request, too


async def test_a_failure_is_not_kept(start):
    running = await start(CACHE + "[limits]\nretries = 0\n", faults=always("status", status_code=503))
    for _ in range(2):
        assert (await running.post()).status == 503
    assert [entry.purpose for entry in running.entries()] == ["serve", "serve"]


async def test_a_spent_budget_does_not_keep_what_is_known_from_being_said(start):
    running = await start(CACHE + 'candidates = ["host/albatross"]\nbudget = { usd = "0.15" }\n')
    await running.post()
    while (await running.post(json=ASK | {"seed": n_calls(running)})).status == 200:
        pass
    assert (await running.post()).headers["x-fairlead-cache"] == "hit"


# The cache alone -----------------------------------------------------------------------------------------------------


def cached(text="Yes.", finish_reason="stop"):
    response = Response(id="r", model="m", parts=(Text(text=text),), finish_reason=finish_reason, usage=None)
    return Cached(response=response, candidate="a/b", cost_usd=Decimal(1), decision_id="dec")


def test_an_answer_is_given_for_a_time_and_the_oldest_goes_first():
    now = [0.0]
    cache = AnswerCache(ttl_s=10, max_bytes=4_500, timer=lambda: now[0])
    for name in (b"a", b"b", b"c", b"d"):
        cache.keep(name, cached())
    cache.find(b"a")
    cache.keep(b"e", cached())
    assert [cache.find(name) is not None for name in (b"a", b"b", b"c", b"d", b"e")] == [True, False, True, True, True]
    assert cache.n_bytes <= cache.max_bytes
    now[0] = 10.0
    assert cache.find(b"a") is None


def test_what_was_cut_is_not_kept():
    cache = AnswerCache(ttl_s=10, max_bytes=10_000)
    for finish_reason in ("length", "content_filter"):
        cache.keep(b"a", cached(finish_reason=finish_reason))
        assert cache.find(b"a") is None


def test_the_same_fields_in_another_order_are_the_same_question():
    cache = AnswerCache(ttl_s=10, max_bytes=10_000)
    bodies = (b'{"model":"auto","seed":1}', b'{"stream":true,"seed":1,"model":"auto"}', b'{"model":"auto","seed":2}')
    names = [cache.name(Request(messages=(), body=body), "k") for body in bodies]
    assert names[0] == names[1] != names[2]
    assert cache.name(Request(messages=(), body=bodies[0]), "other") != names[0]


def test_an_answer_survives_the_way_through_a_stream():
    calls = tuple(ToolCall(id=f"c{i}", name="look", arguments='{"at": 1}') for i in range(2))
    whole = Response(id="r", model="m", parts=(Text(text="So: "), *calls), finish_reason="tool_calls", usage=None)
    collector = Collector()
    for chunk in chunks_of(whole):
        collector.note([chunk])
    assert collector.response("x") == whole
