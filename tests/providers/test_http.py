"""Replies that no well-behaved host sends, byte by byte."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress

import pytest

from fairlead.errors import BadResponseError, RefusedRequestError, UnavailableError
from fairlead.providers import Anthropic, Gemini, OpenAI
from fairlead.providers.aiohttp_transport import AiohttpTransport
from fairlead.providers.base import Limits
from fairlead.providers.lean_transport import LeanTransport
from fairlead.types import Candidate, Media, Message, Request, Text

CANDIDATE = Candidate(name="p/m", provider="p", model="org/m 1")
REQUEST = Request.from_prompt("hello")
Transport = LeanTransport


@pytest.fixture(autouse=True, params=[AiohttpTransport, LeanTransport])
def both(request, monkeypatch):
    """Each test runs over both transports."""
    monkeypatch.setattr(request.module, "Transport", request.param, raising=False)


@asynccontextmanager
async def host(head: str, body: bytes = b"", *, then_close: bool = True):
    """Serves these very bytes; yields the address and the requests it received."""
    received = []

    async def serve(reader, writer):
        asked = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in asked.lower().split(b"\r\n") if line.startswith(b"content-length"))
        received.append((asked.decode(), await reader.readexactly(length)))
        with suppress(ConnectionError):
            writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
            await writer.drain()
            if not then_close:
                await reader.read()  # until the client leaves
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    transport = Transport()
    try:
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", transport, received
    finally:
        await transport.close()


SSE = "HTTP/1.1 200 OK\ncontent-type: text/event-stream\nconnection: close"
HTML = "HTTP/1.1 200 OK\ncontent-type: text/html\nconnection: close"


def chunk(content: str = "", finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}, ensure_ascii=False).encode() + b"\n\n"


@pytest.fixture(autouse=True)
async def no_task_is_left_behind():
    yield
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others)


async def read(url, transport):
    provider = OpenAI(base_url=url, transport=transport)
    return [c async for chunks in provider.stream(CANDIDATE, REQUEST, Limits()) for c in chunks]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (SSE, b""),
        (SSE, b": keep-alive\n\n"),
        (SSE, chunk("Hi")),
        (SSE, chunk("Hi") + b"data: [DONE]\n\n"),
        (SSE, chunk("Hi") + chunk(finish="stop")[:-20]),
        (SSE, chunk("H\u00e9")[:-40].rpartition(b"\xa9")[0]),
        (SSE, chunk("Hi") + b'data: {"error": {"message": "overloaded"}}\n\n' + chunk(finish="stop")),
        (SSE, b"data: " + b"x" * 10_000_000 + b"\n\n"),
        (HTML, b"<html>502 Bad Gateway</html>"),
        ("HTTP/1.1 302 Found\nlocation: http://127.0.0.1:1/\ncontent-length: 0", b""),
        ("no HTTP at all", b""),
    ],
    ids=[
        "empty",
        "comments",
        "no end",
        "terminator only",
        "cut event",
        "cut character",
        "error",
        "huge",
        "html",
        "redirect",
        "no http",
    ],
)
async def test_what_has_no_end_is_no_answer(head, body):
    async with host(head, body) as (url, transport, _):
        with pytest.raises(BadResponseError):
            await read(url, transport)


async def test_an_error_in_place_of_a_stream_keeps_its_words():
    body = b'{"error": {"message": "Overloaded.", "code": "busy"}}'
    head = f"HTTP/1.1 200 OK\ncontent-type: application/json\ncontent-length: {len(body)}"
    async with host(head, body) as (url, transport, _):
        with pytest.raises(BadResponseError, match=r"answered 200: Overloaded\.") as caught:
            await read(url, transport)
    assert caught.value.code == "busy"


async def test_a_stream_without_terminator_that_has_its_finish_reason_is_whole():
    async with host(SSE, chunk("Hi") + chunk(finish="stop")) as (url, transport, _):
        assert [c.text for c in await read(url, transport)] == ["Hi", ""]


async def test_the_terminator_ends_the_stream_though_the_connection_stays_open():
    content = chunk("Hi") + chunk(finish="stop") + b"data: [DONE]\n\n"
    async with host(SSE, content, then_close=False) as (url, transport, _):
        assert len(await read(url, transport)) == 2


async def test_a_key_that_a_host_quotes_is_masked():
    body = b'{"error": {"message": "Incorrect API key: sk-secret"}}'
    head = f"HTTP/1.1 400 Bad Request\ncontent-length: {len(body)}"
    async with host(head, body) as (url, transport, _):
        with pytest.raises(RefusedRequestError, match=r"Incorrect API key: \*\*\*"):
            await OpenAI(base_url=url, transport=transport, api_key="sk-secret").complete(CANDIDATE, REQUEST, Limits())


@pytest.mark.parametrize(
    ("kind", "line", "header"),
    [
        (OpenAI, "POST /chat/completions HTTP/1.1", "authorization: bearer k"),
        (Anthropic, "POST /messages HTTP/1.1", "x-api-key: k\r\n"),
        (Gemini, "POST /models/org%2Fm%201:streamGenerateContent?alt=sse HTTP/1.1", "x-goog-api-key: k"),
    ],
)
async def test_address_and_key_of_each_dialect(kind, line, header):
    async with host(HTML) as (url, transport, received):
        with pytest.raises(BadResponseError):
            await anext(kind(base_url=url + "/", transport=transport, api_key="k").stream(CANDIDATE, REQUEST, Limits()))
    ((asked, _),) = received
    assert asked.startswith(line)
    assert header in asked.lower()
    assert "cookie" not in asked.lower()


async def test_what_a_dialect_cannot_say_is_refused_before_any_call():
    sound = Request(messages=(Message(role="user", parts=(Media(kind="audio", data="UklG"),)),))
    async with host(HTML) as (url, transport, received):
        with pytest.raises(RefusedRequestError):
            await Anthropic(base_url=url, transport=transport).complete(CANDIDATE, sound, Limits())
    assert received == []


async def test_a_large_request_is_sent_whole():
    long = Request(messages=(Message(role="user", parts=(Text(text="x" * 3_000_000),)),))
    async with host("HTTP/1.1 503 Busy\ncontent-length: 0") as (url, transport, received):
        with pytest.raises(UnavailableError):
            await OpenAI(base_url=url, transport=transport).complete(CANDIDATE, long, Limits())
    assert len(received[0][1]) > 3_000_000
