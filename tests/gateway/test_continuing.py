"""A stream that is continued over HTTP: its rows, its money, and what is not learned from it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import aiohttp
import msgspec
import pytest

from fairlead.config import load
from fairlead.drills.host import FaultyHost
from fairlead.drills.script import End, Send
from fairlead.drills.speech import TEXT, Speech
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.providers.upstream import serving
from fairlead.wire import sse
from tests.gateway.conftest import Running

MODELS = """
[providers.host]
base_url = "{address}/v1"
[models."host/model"]
price = {{ input_usd_per_mtok = 1, output_usd_per_mtok = 10 }}
capabilities = {{ context_tokens = 100000, max_output_tokens = 4000, reasoning = false, prefill = true }}
[routes.auto]
objective = "order"
candidates = ["host/model"]
"""
ASK = {
    "model": "auto",
    "stream": True,
    "stream_options": {"include_usage": True},
    "messages": [{"role": "user", "content": "Say the sixty tokens."}],
}
BEGUN = TEXT[: TEXT.index("token40")].rstrip()


@dataclass
class Host:
    """Dies after forty tokens of the first call, and goes on in the others."""

    bodies: list[dict] = field(default_factory=list)

    def __call__(self, call):
        self.bodies.append(msgspec.json.decode(call.body))
        speech = Speech(dialect="chat", stream=True, model="model")
        last = self.bodies[-1]["messages"][-1]
        if last["role"] == "assistant":
            return speech.onward(last["content"])
        return (Send(speech.head() + speech.first(40)), End("close"))


@pytest.fixture
def start(tmp_path):
    @asynccontextmanager
    async def start(more=""):
        plays = Host()
        host = FaultyHost(script=plays)
        async with host.serving() as address:
            path = tmp_path / "fairlead.toml"
            path.write_text(MODELS.format(address=address) + more, encoding="utf-8")
            async with (
                opened(prepare(load(path, {}))) as gateway,
                serving(application(gateway)) as url,
                aiohttp.ClientSession() as http,
            ):
                yield Running(url, gateway, plays, http)

    return start


def read(reply):
    events = [event.data for event in sse.Parser().feed(reply.body)]
    chunks = [msgspec.json.decode(data) for data in events if data != b"[DONE]"]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", ()))
    return text, chunks, events[-1] == b"[DONE]"


async def test_every_call_has_its_row_and_its_bill(start):
    async with start() as running:
        text, chunks, ended = read(await running.post(json=ASK))
        assert (text, ended, len({chunk["id"] for chunk in chunks})) == (TEXT, True, 1)
        entry = await running.settled()
    assert (entry.status, entry.served, entry.cost_usd) == ("delivered", "host/model", None)
    broken, going_on = entry.attempts
    assert [(a.kind, a.status) for a in (broken, going_on)] == [("call", "failed"), ("continuation", "ok")]
    assert (broken.cost_usd, going_on.cost_usd) == (None, Decimal("0.000611"))
    assert chunks[-1]["usage"] is None  # what the broken call used is not known
    assert running.upstream.bodies[1]["messages"][1:] == [{"role": "assistant", "content": BEGUN}]


async def test_each_call_is_paid_for_out_of_a_budget_and_the_longer_input_fits_into_its_sum(start):
    async with start('budget = { usd = "1", per = "month" }\n') as running:
        text, _, _ = read(await running.post(json=ASK))
        entry = await running.settled()
        first, second = running.upstream.bodies
    assert text == TEXT
    assert [attempt.reserved_usd for attempt in entry.attempts] == [entry.attempts[0].reserved_usd] * 2
    assert second["max_completion_tokens"] == first["max_completion_tokens"] - -(-len(BEGUN) // 4)
    assert len(BEGUN) / 10 < -(-len(BEGUN) // 4)  # so the longer input, at a tenth of the price, is paid for, too


async def test_a_budget_that_pays_for_no_second_call_ends_the_stream_with_an_error(start):
    async with start('budget = { usd = "0.05", per = "month" }\n') as running:
        text, chunks, ended = read(await running.post(json=ASK))
    assert TEXT.startswith(text)
    assert (ended, "error" in chunks[-1], len(running.upstream.bodies)) == (False, True, 1)


async def test_the_setting_turns_it_off(start):
    async with start("[limits]\ncontinuations = 0\n") as running:
        _, chunks, ended = read(await running.post(json=ASK))
        entry = await running.settled()
    assert (ended, "error" in chunks[-1], len(entry.attempts)) == (False, True, 1)


async def test_an_answer_of_two_calls_is_not_given_again(start):
    async with start("cache = { ttl_s = 600 }\n") as running:
        for _ in range(2):
            reply = await running.post(json=ASK)
            assert read(reply)[0] == TEXT
            assert reply.headers["x-fairlead-cache"] == "miss"
