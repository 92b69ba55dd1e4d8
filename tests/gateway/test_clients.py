"""The real OpenAI client, sync and async, streaming and not, over each kind of provider."""

import asyncio
import shutil
from contextlib import asynccontextmanager

import openai
import pytest

from fairlead.config import load
from fairlead.config.known import KNOWN_PROVIDERS
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.providers import PROVIDERS
from fairlead.providers.aiohttp_transport import AiohttpTransport
from fairlead.providers.simulated import World
from fairlead.providers.upstream import Upstream, serving
from fairlead.testing import make_outcomes
from fairlead.types import Candidate

PROMPT = "Prove that there are infinitely many primes."
MESSAGES = [{"role": "user", "content": PROMPT}]
SIMULATED = '[providers.sim]\ndialect = "simulated"\ntime_scale = 0\n'
PRICE = "price = { input_usd_per_mtok = 5, output_usd_per_mtok = 25 }\n"


@pytest.fixture
def serve(tmp_path, empty_ledger):
    """Serves a configuration; yields the base URL for OpenAI clients."""

    @asynccontextmanager
    async def serve(text):
        shutil.copy(empty_ledger, tmp_path / "fairlead.db")
        path = tmp_path / "fairlead.toml"
        path.write_text(text)
        setup = prepare(load(path, {"HOST_KEY": "k"}))
        async with opened(setup) as gateway, serving(application(gateway)) as url:
            yield f"{url}/v1", gateway

    return serve


def whole(url, **more):
    with openai.OpenAI(base_url=url, api_key="any", max_retries=0) as client:
        return client.chat.completions.create(model="auto", messages=MESSAGES, **more)


def streamed(url):
    options = {"stream": True, "stream_options": {"include_usage": True}}
    with openai.OpenAI(base_url=url, api_key="any", max_retries=0) as client:
        return list(client.chat.completions.create(model="auto", messages=MESSAGES, **options))


def text_of(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
async def test_a_host_of_each_dialect_streams_what_it_says_whole(serve, dialect):
    world = World(seed=1)
    async with serving(Upstream(world, time_scale=0, api_key="k")) as address:
        version = "v1beta" if dialect == "gemini" else "v1"
        text = (
            f'[providers.host]\ndialect = "{dialect}"\nbase_url = "{address}/{version}"\napi_key_env = "HOST_KEY"\n'
            f'[models."host/wren"]\n{PRICE}'
        )
        async with serve(text) as (url, gateway):
            reply = await asyncio.to_thread(whole, url)
            chunks = await asyncio.to_thread(streamed, url)
            costs = {entry.cost_usd for entry in gateway.ledger.entries()}
    assert reply.choices[0].message.content == text_of(chunks) == world.respond("wren", PROMPT, None, 1).text
    assert reply.model == chunks[0].model == "host/wren"
    assert min(reply.created, chunks[0].created) > 0
    assert reply.usage.completion_tokens == chunks[-1].usage.completion_tokens > 0
    assert len(costs) == 1
    assert None not in costs


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("openai", "https://api.openai.com/v1/chat/completions"),
        ("anthropic", "https://api.anthropic.com/v1/messages"),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"),
    ],
)
def test_a_known_provider_is_called_where_its_reference_says(provider, path):
    known = KNOWN_PROVIDERS[provider]
    host = PROVIDERS[known.dialect](base_url=known.base_url, transport=AiohttpTransport())
    assert host.url(Candidate(name=f"{provider}/m", model="m"), stream=False) == path


async def test_the_simulated_provider_answers(serve):
    async with serve(SIMULATED) as (url, _):
        reply = await asyncio.to_thread(whole, url)
    assert reply.model == "sim/albatross"
    assert reply.choices[0].finish_reason == "stop"


async def test_the_recorded_provider_answers_with_the_tables_bill(serve, tmp_path):
    outcomes = make_outcomes(20)
    outcomes.write(tmp_path / "table")
    text = '[providers.table]\ndialect = "recorded"\ntable = "table"\n'
    async with serve(text) as (url, gateway), openai.AsyncOpenAI(base_url=url, api_key="any") as client:
        reply = await client.chat.completions.create(
            model="auto",
            messages=[{"role": "user", "content": outcomes.prompts[3]}],
            metadata={"prompt_id": outcomes.prompt_ids[3]},
        )
        (entry,) = gateway.ledger.entries()
    assert reply.model == "table/strong"
    assert reply.choices[0].message.content.startswith(outcomes.answer[3, 0])
    assert entry.cost_usd == outcomes.bill(3, 0)
    assert entry.prompt_id == outcomes.prompt_ids[3]


async def test_the_client_raises_what_went_wrong(serve):
    async with serve(SIMULATED) as (url, _), openai.AsyncOpenAI(base_url=url, api_key="any") as client:
        with pytest.raises(openai.NotFoundError, match="Expected one of `auto`"):
            await client.chat.completions.create(model="none", messages=MESSAGES)
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="auto", messages=[])
    assert caught.value.param == "messages"


async def test_the_client_lists_models(serve):
    async with serve(SIMULATED) as (url, _), openai.AsyncOpenAI(base_url=url, api_key="any") as client:
        listed = {model.id: model async for model in client.models.list()}
        one = await client.models.retrieve("sim/wren")
    assert list(listed)[:3] == ["auto", "auto:cost", "auto:quality"]
    assert listed["auto"].owned_by == "fairlead"
    assert listed["auto"].context_length == max(listed[name].context_length for name in listed if "/" in name)
    assert (one.price["input_usd_per_mtok"], one.price["output_usd_per_mtok"]) == ("0.1", "0.4")
