"""Trying a key by the list of models: what each kind of host says of a good key, a bad one and none, for nothing."""

from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from fairlead.config.flavours import FLAVOURS
from fairlead.providers import Anthropic, Gemini, OpenAI
from fairlead.providers.lean_transport import LeanTransport
from fairlead.providers.listing import listing

GOOD = "sk-a-good-key-of-some-length"


@asynccontextmanager
async def hosting(answer):
    """Yields the address of a host, and the requests that it got."""
    seen = []

    async def handle(request):
        seen.append(request)
        return answer(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", seen
    finally:
        await runner.cleanup()


def guarded(header, value, body):
    def answer(request):
        if request.headers.get(header) == value:
            return web.json_response(body)
        return web.json_response({"error": {"message": f"Incorrect API key provided: {GOOD}"}}, status=401)

    return answer


HOSTS = {
    "openai": (OpenAI, {}, "authorization", f"Bearer {GOOD}", {"data": [{"id": "a"}, {"id": "b"}]}),
    "azure": (
        OpenAI,
        {"flavour": FLAVOURS["azure"], "api_version": "v1"},
        "api-key",
        GOOD,
        {"data": [{"id": "a"}, {"id": "b"}]},
    ),
    "together": (OpenAI, {}, "authorization", f"Bearer {GOOD}", [{"id": "a"}, {"id": "b"}]),
    "anthropic": (Anthropic, {}, "x-api-key", GOOD, {"data": [{"id": "a"}, {"id": "b"}], "has_more": False}),
    "gemini": (Gemini, {}, "x-goog-api-key", GOOD, {"models": [{"name": "models/a"}, {"name": "models/b"}]}),
}


@pytest.mark.parametrize("kind", HOSTS)
async def test_a_key_is_taken_or_refused_in_each_dialects_own_header(kind):
    provider, more, header, value, body = HOSTS[kind]
    async with hosting(guarded(header, value, body)) as (address, seen):
        found = await listing(provider(base_url=address, transport=LeanTransport(), api_key=GOOD, **more))
        assert (found.verdict, found.models) == ("taken", {"a", "b"})
        refused = await listing(provider(base_url=address, transport=LeanTransport(), api_key="sk-wrong", **more))
    assert refused.verdict == "refused"
    assert "the provider answered 401" in refused.says
    assert {request.method for request in seen} == {"GET"}
    assert {request.path for request in seen} == {"/v1/models"}


async def test_a_key_in_the_hosts_words_is_blackened():
    async with hosting(guarded("authorization", "other", {})) as (address, _):
        found = await listing(OpenAI(base_url=address, transport=LeanTransport(), api_key=GOOD))
    assert found.verdict == "refused"
    assert GOOD not in found.says


async def test_a_list_that_is_open_to_anybody_tells_nothing_of_the_key():
    async with hosting(lambda _: web.json_response({"data": [{"id": "a"}]})) as (address, _):
        found = await listing(OpenAI(base_url=address, transport=LeanTransport(), api_key=GOOD))
        keyless = await listing(OpenAI(base_url=address, transport=LeanTransport()))
    assert (found.verdict, keyless.verdict) == ("untried", "untried")
    assert "anybody" in found.says


async def test_google_says_400_of_a_key_that_is_none():
    said = {
        "error": {
            "code": 400,
            "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT",
        }
    }
    async with hosting(lambda _: web.json_response(said, status=400)) as (address, _):
        found = await listing(Gemini(base_url=address, transport=LeanTransport(), api_key=GOOD))
    assert found.verdict == "refused"


@pytest.mark.parametrize(
    "reply",
    [
        {"status": 404, "text": "nothing here"},
        {"status": 500},
        {"status": 302, "headers": {"location": "http://127.0.0.1:9/"}},
    ],
)
async def test_a_host_without_a_list_is_unclear(reply):
    async with hosting(lambda _: web.Response(**reply)) as (address, seen):
        found = await listing(OpenAI(base_url=address, transport=LeanTransport(), api_key=GOOD))
    assert (found.verdict, found.models, len(seen)) == ("unclear", None, 1)


async def test_a_host_that_nobody_reaches_is_unclear():
    found = await listing(OpenAI(base_url="http://127.0.0.1:1/v1", transport=LeanTransport(), api_key=GOOD))
    assert found.verdict == "unclear"
    assert "no reply" in found.says


async def test_a_page_of_many_tells_no_names():
    body = {"data": [{"id": "a"}], "has_more": True}
    async with hosting(guarded("x-api-key", GOOD, body)) as (address, _):
        found = await listing(Anthropic(base_url=address, transport=LeanTransport(), api_key=GOOD))
    assert (found.verdict, found.models) == ("taken", None)
