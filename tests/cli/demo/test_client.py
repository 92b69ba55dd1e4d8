"""The demo's client does what the `openai` package does, against the same servers."""

from __future__ import annotations

from contextlib import asynccontextmanager

import openai
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from fairlead.cli.demo.client import connected
from fairlead.config import load
from fairlead.errors import ProviderError
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.providers.simulated import World
from fairlead.providers.upstream import serving

HEADERS = {"x-fairlead-decision-id": "dec-1"}


@pytest.fixture
async def gateway(tmp_path):
    path = tmp_path / "fairlead.toml"
    path.write_text('[providers.simulated]\ndialect = "simulated"\ntime_scale = 0\n')
    async with opened(prepare(load(path, {}))) as opened_gateway, serving(application(opened_gateway)) as address:
        yield f"{address}/v1"


@asynccontextmanager
async def answering(content: bytes, *, status: int = 200, media_type: str = "text/event-stream"):
    async def chat(_request):
        return Response(content, status_code=status, media_type=media_type, headers=HEADERS)

    app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
    async with serving(app) as address, connected(f"{address}/v1") as client:
        yield client


@pytest.mark.parametrize("stream", [False, True])
async def test_it_gets_what_the_openai_package_gets(gateway, stream):
    task = World().tasks(1, seed=5)[0]
    async with connected(gateway) as client:
        ours = await client.ask(task, stream=stream)
    async with openai.AsyncOpenAI(base_url=gateway, api_key="none-needed", max_retries=0) as package:
        asked = {"model": "auto", "messages": [{"role": "user", "content": task.prompt}]}
        if stream:
            chunks = [chunk async for chunk in await package.chat.completions.create(**asked, stream=True)]
            model = chunks[0].model
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        else:
            completion = await package.chat.completions.create(**asked)
            model, text = completion.model, completion.choices[0].message.content
    assert (ours.model, ours.text) == (model, text)


async def test_an_error_in_a_stream_is_an_error():
    content = b'data: {"choices": [{"delta": {"content": "Half"}}]}\n\ndata: {"error": {"message": "cut off"}}\n\n'
    async with answering(content) as client:
        with pytest.raises(ProviderError, match="cut off"):
            await client.ask(World().tasks(1, seed=5)[0], stream=True)


async def test_a_stream_without_its_end_is_no_answer():
    async with answering(b'data: {"choices": [{"delta": {"content": "Half"}}]}\n\n') as client:
        with pytest.raises(ProviderError, match=r"before `\[DONE\]`"):
            await client.ask(World().tasks(1, seed=5)[0], stream=True)


async def test_a_refusal_says_why():
    content = b'{"error": {"message": "no candidate can serve this"}}'
    async with answering(content, status=503, media_type="application/json") as client:
        with pytest.raises(ProviderError, match="no candidate can serve this"):
            await client.ask(World().tasks(1, seed=5)[0], stream=False)
