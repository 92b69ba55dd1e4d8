"""What a request leaves to learn from: nothing, unless a route asks for it."""

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np

from fairlead.features.kept import Kept, decoded
from fairlead.gateway.keeping import forget
from fairlead.ledger.verify import verify
from fairlead.types import Request
from tests.gateway.conftest import ASK

PROMPT = ASK["messages"][0]["content"]


def left(running):
    ids = [entry.request_id for entry in running.entries()]
    return [{p.kind: p.content for p in running.gateway.ledger.payloads(ids).get(name, ())} for name in ids]


async def test_by_default_nothing_is_kept(running):
    await running.post()
    assert left(running) == [{}]
    assert running.entry().features_hash is None


async def test_features_are_kept_without_the_words(start):
    running = await start("[routes.auto]\nstore_features = true\n")
    await running.post()
    await running.post(json=ASK | {"model": "auto:cost"})  # a variant of the route
    await running.post(json=ASK | {"model": "host/wren"})  # decided by nobody
    first, second, direct = left(running)
    assert first == second
    assert direct == {}
    assert set(first) == {"features"}
    assert "primes" not in first["features"]
    kept = decoded(first["features"])
    features = Kept().fit([Request.from_prompt(PROMPT), Request.from_prompt("Hello")])
    fresh, remembered = features.transform([Request.from_prompt(PROMPT), Request(messages=(), kept=kept)])
    np.testing.assert_array_equal(fresh, remembered)
    assert kept.n_chars == len(PROMPT)


async def test_words_are_kept_where_that_is_asked_for(start):
    running = await start("[routes.auto]\nstore_prompts = true\n")
    await running.post()
    assert left(running) == [{"prompt": PROMPT}]
    assert verify(running.gateway.ledger).ok


async def test_what_is_too_old_is_forgotten(start, records):
    running = await start("[routes.auto]\nstore_prompts = true\n[ledger]\nretention_days = 30\n")
    ledger = running.gateway.ledger
    await running.post()
    (payload,) = ledger.payloads([running.entry().request_id])[running.entry().request_id]
    old = datetime.now(UTC) - timedelta(days=31)
    await ledger.intent(records.intent(1, at=old, payloads=(payload,)))
    task = asyncio.create_task(forget(ledger, 30))
    await running.until(ledger.erasures)
    task.cancel()
    assert left(running) == [{}, {"prompt": PROMPT}]
    assert verify(ledger).ok
