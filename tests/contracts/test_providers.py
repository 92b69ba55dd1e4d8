"""What every dialect of provider must do, against a host that speaks it exactly."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, asynccontextmanager

import pytest

from fairlead.errors import (
    BadResponseError,
    ContentPolicyError,
    ContextLengthError,
    CredentialsError,
    ProviderTimeoutError,
    RateLimitError,
    RefusedRequestError,
    UnavailableError,
)
from fairlead.providers import PROVIDERS
from fairlead.providers.aiohttp_transport import AiohttpTransport
from fairlead.providers.base import Limits
from fairlead.providers.faults import Fault
from fairlead.providers.lean_transport import LeanTransport
from fairlead.providers.upstream import Reply, Upstream, serving
from fairlead.types import Candidate, Request, Usage

KEY = "sk-very-secret"
TEXT = "Forty-two: é, 数, \N{GRINNING FACE}. " * 20
USAGE = Usage(input_tokens=70, output_tokens=50)
PATHS = {"openai": "/v1", "responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta"}
CANDIDATE = Candidate(name="p/echo", provider="p", model="echo")
REQUEST = Request.from_prompt("hello")
SHORT = Limits(ttft_s=0.05, patient_ttft_s=0.05, idle_s=0.05, answer_s=0.05)

pytestmark = pytest.mark.parametrize("dialect", PROVIDERS)
Transport = LeanTransport


@pytest.fixture(autouse=True, params=[AiohttpTransport, LeanTransport])
def both(request, monkeypatch):
    """Each test runs over both transports."""
    monkeypatch.setattr(request.module, "Transport", request.param, raising=False)


class Echo:
    label = "simulated"
    models = ("echo",)

    def __init__(self, fault=None):
        self.fault = fault

    def respond(self, *_asked):
        return Reply(text=TEXT, usage=USAGE, fault=self.fault)


class Noting(Upstream):
    """A host that knows its callers, one a connection."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.callers = set()

    async def __call__(self, scope, receive, send):
        self.callers.add(tuple(scope["client"]))
        await super().__call__(scope, receive, send)


@asynccontextmanager
async def host(dialect, fault=None, api_key=None):
    upstream, transport = Noting(Echo(fault), time_scale=0, api_key=api_key), Transport()
    try:
        async with serving(upstream) as url:
            yield PROVIDERS[dialect](base_url=url + PATHS[dialect], transport=transport, api_key=KEY), upstream
            await transport.close()
    finally:
        await transport.close()


async def read(provider, limits=None):
    async with aclosing(provider.stream(CANDIDATE, REQUEST, limits or Limits())) as arriving:
        return [chunk async for chunks in arriving for chunk in chunks]


async def ask(provider, *, stream, limits=None):
    if stream:
        return await read(provider, limits)
    return await provider.complete(CANDIDATE, REQUEST, limits or Limits())


async def test_a_whole_answer(dialect):
    async with host(dialect, api_key=KEY) as (provider, _):
        answer = await provider.complete(CANDIDATE, REQUEST, Limits())
    assert (answer.text, answer.finish_reason, answer.usage) == (TEXT, "stop", USAGE)
    assert (answer.model, answer.dialect) == ("echo", dialect)
    assert answer.id


async def test_a_stream_gives_the_same_answer(dialect):
    async with host(dialect, api_key=KEY) as (provider, _):
        chunks = await read(provider)
    assert "".join(chunk.text for chunk in chunks) == TEXT
    assert len([chunk for chunk in chunks if chunk.text]) > 10
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]
    assert [chunk.usage for chunk in chunks if chunk.usage][-1] == USAGE
    assert next(chunk.model for chunk in chunks if chunk.model) == "echo"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "kind", "billed"),
    [
        (Fault(kind="status", status_code=400, code="context_length_exceeded"), ContextLengthError, False),
        (Fault(kind="status", status_code=400, code="content_policy_violation"), ContentPolicyError, False),
        (Fault(kind="status", status_code=422), RefusedRequestError, False),
        (Fault(kind="status", status_code=429, retry_after_s=2), RateLimitError, False),
        (Fault(kind="status", status_code=500), UnavailableError, False),
        (Fault(kind="reset"), UnavailableError, True),
        (Fault(kind="cut", after_events=3), BadResponseError, True),
        (Fault(kind="cut", after_events=0), BadResponseError, True),
        (Fault(kind="malformed", after_events=3), BadResponseError, True),
        (Fault(kind="in_band", after_events=3), BadResponseError, True),
        (Fault(kind="in_band", code="content_filter", after_events=3), ContentPolicyError, True),
        (Fault(kind="in_band", code="context_length_exceeded", after_events=3), ContextLengthError, True),
        (Fault(kind="silent"), ProviderTimeoutError, True),
        (Fault(kind="stall", after_events=3), ProviderTimeoutError, True),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
async def test_every_fault_is_an_error_and_never_an_answer(dialect, fault, kind, billed, stream):
    silent = fault.kind in {"silent", "stall"}
    async with host(dialect, fault) as (provider, _):
        with pytest.raises(kind) as caught:
            await ask(provider, stream=stream, limits=SHORT if silent else None)
    error = caught.value
    assert type(error) is kind
    assert (error.model, error.billed) == ("p/echo", billed)
    assert error.retry_after_s == fault.retry_after_s
    expected = fault.error("p/echo")
    assert (type(error), error.billed, error.retryable) == (type(expected), expected.billed, expected.retryable)


async def test_a_host_that_is_not_there_is_unavailable_and_costs_nothing(dialect):
    async with host(dialect) as (provider, _):
        pass
    with pytest.raises(UnavailableError) as caught:
        await provider.complete(CANDIDATE, REQUEST, Limits())
    assert not caught.value.billed
    await provider.close()


async def test_the_key_is_sent_and_shown_nowhere(dialect, caplog):
    caplog.set_level(logging.DEBUG)
    async with host(dialect, api_key="another") as (provider, _):
        assert KEY not in repr(provider)
        with pytest.raises(CredentialsError) as caught:
            await read(provider)
    shown = [repr(caught.value), str(caught.value), repr(caught.value.__context__), caplog.text]
    assert not any(KEY in words for words in shown)


async def test_closing_a_stream_stops_the_host(dialect):
    async with host(dialect, Fault(kind="stall", after_events=4)) as (provider, upstream):
        chunks = provider.stream(CANDIDATE, REQUEST, Limits())
        await anext(chunks)
        assert upstream.n_open == 1
        await chunks.aclose()
        while not upstream.n_left:  # noqa: ASYNC110 - the host offers counts, not events
            await asyncio.sleep(0)
        assert upstream.n_open == 0


async def test_connections_are_used_again(dialect):
    async with host(dialect) as (provider, upstream):
        for _ in range(3):
            await ask(provider, stream=True)
            await ask(provider, stream=False)
    assert len(upstream.callers) == 1
