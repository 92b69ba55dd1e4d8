"""What every transport must do, against hosts that are written byte by byte."""

from __future__ import annotations

# ruff: noqa: SIM117 - a host, then who calls it
import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import uvloop

from fairlead.errors import BadResponseError, ProviderError, ProviderTimeoutError, UnavailableError
from fairlead.providers.aiohttp_transport import AiohttpTransport
from fairlead.providers.base import Limits
from fairlead.providers.lean_transport import LeanTransport
from fairlead.providers.transport import Call

TLS = Path(__file__).parents[1] / "providers" / "tls"
AUTHORITY = str(TLS / "authority.pem")
SIZED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\ntrailer: 1\r\n\r\n"
)
UNTIL_CLOSED = b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\nhello world"
EARLY = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + SIZED

pytestmark = pytest.mark.parametrize("kind", [AiohttpTransport, LeanTransport])


class Host:
    """Answers each request by `play(writer, number of the connection, number of its request)`.

    A host that returns true from it keeps the connection, else it is closed.
    """

    def __init__(self, play):
        self.play = play
        self.n_connections = 0
        self.bodies = []
        self.heads = []
        self.n_left = 0
        self.serving = set()

    async def serve(self, reader, writer):
        self.serving.add(asyncio.current_task())
        self.n_connections += 1
        connection, number = self.n_connections, 0
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                try:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode()
                except (ConnectionError, asyncio.IncompleteReadError):
                    self.n_left += 1
                    raise
                length = next(int(x[15:]) for x in head.lower().split("\r\n") if x.startswith("content-length:"))
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(length))
                number += 1
                if not await self.play(writer, connection, number):
                    break
        writer.close()
        with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
            await writer.wait_closed()


def saying(reply, *, keep=True):
    async def play(writer, _connection, _number):
        writer.write(reply)
        await writer.drain()
        return keep

    return play


@asynccontextmanager
async def host(play, *, secure=False):
    context = None
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "host.pem")
    playing = Host(play)
    server = await asyncio.start_server(playing.serve, "0.0.0.0", 0, ssl=context, limit=2**26)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if secure else 'http'}://127.0.0.1:{port}/v1/x", playing
    finally:
        server.close()
        for task in playing.serving:
            task.cancel()
        await asyncio.gather(*playing.serving, return_exceptions=True)
        await asyncio.sleep(0)


@asynccontextmanager
async def opened(kind, **options):
    transport = kind(**options)
    try:
        yield transport
    finally:
        await transport.close()
        await asyncio.sleep(0)


def call(url, body=b"{}", **options):
    return Call(candidate="p/m", url=url, body=body, headers={"content-type": "application/json"}, **options)


async def asked(transport, url, body=b"{}", limits=Limits(), *, stream=False):  # noqa: B008 - frozen
    async with transport.post(call(url, body, stream=stream), limits) as reply:
        if not stream:
            return await reply.body()
        return b"".join(await pieces_of(reply))


async def pieces_of(reply):
    pieces = []
    while piece := await reply.piece():
        pieces.append(piece)
    return pieces


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("said", "body", "keep"),
    [
        (SIZED, b"{}", True),
        (CHUNKED, b"hello world", True),
        (UNTIL_CLOSED, b"hello world", False),
        (EARLY, b"{}", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    ],
    ids=["sized", "chunked", "until closed", "early hints", "no content"],
)
async def test_a_body_is_read_however_it_is_framed_and_cut(kind, said, body, keep, stream):
    async def byte_by_byte(writer, _connection, _number):
        for i in range(len(said)):
            writer.write(said[i : i + 1])
            await asyncio.sleep(0)
        return keep

    for play in (saying(said, keep=keep), byte_by_byte):
        async with host(play) as (url, _), opened(kind) as transport:
            assert await asked(transport, url, stream=stream) == body


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        b"no HTTP at all\r\n\r\n",
    ],
)
async def test_a_body_that_breaks_off_is_no_body(kind, said):
    async with host(saying(said, keep=False)) as (url, _), opened(kind) as transport:
        with pytest.raises(BadResponseError):
            await asked(transport, url)


async def test_head_and_body_are_sent_as_given(kind):
    async with host(saying(SIZED)) as (url, seen), opened(kind) as transport:
        await asked(transport, f"{url}?a=b%20c&d=1", b'{"x": "\xc3\xa9"}' * 300_000)
    (head,) = seen.heads
    assert head.startswith("POST /v1/x?a=b%20c&d=1 HTTP/1.1\r\n")
    assert (
        head.lower().count("\r\nhost: 127.0.0.1:") == head.lower().count("\r\ncontent-type: application/json\r\n") == 1
    )
    assert seen.bodies == [b'{"x": "\xc3\xa9"}' * 300_000]


async def test_one_connection_carries_calls_after_one_another_and_as_many_as_are_open_at_once(kind):
    async with host(saying(CHUNKED)) as (url, seen), opened(kind) as transport:
        for i in range(6):
            await asked(transport, url, stream=i % 2 == 0)
        assert seen.n_connections == 1
        await asyncio.gather(*(asked(transport, url) for _ in range(5)))
        assert seen.n_connections <= 5


async def test_a_host_that_closes_after_each_reply_without_a_word_costs_no_call(kind):
    async with host(saying(SIZED, keep=False)) as (url, seen), opened(kind) as transport:
        for _ in range(20):
            assert await asked(transport, url) == b"{}"
            await asyncio.sleep(0.001)  # the end is on its way
        assert len(seen.bodies) == 20


async def test_a_call_that_a_host_may_have_worked_on_is_never_made_twice_unseen(kind):
    async def once(writer, connection, number):
        if connection == 1 and number == 2:
            return False
        return await saying(SIZED)(writer, connection, number)

    async with host(once) as (url, seen), opened(kind) as transport:
        await asked(transport, url)
        with pytest.raises(UnavailableError) as caught:
            await asked(transport, url)
        assert (caught.value.retryable, caught.value.billed, len(seen.bodies)) == (True, True, 2)
        assert await asked(transport, url) == b"{}"


async def test_an_idle_connection_does_not_count_as_silence(kind):
    limits = Limits(answer_s=0.05, idle_s=0.05, ttft_s=0.05, patient_ttft_s=0.05)
    async with host(saying(SIZED)) as (url, seen), opened(kind) as transport:
        for _ in range(3):
            assert await asked(transport, url, limits=limits) == b"{}"
            await asyncio.sleep(0.08)
        assert seen.n_connections == 1


async def test_a_host_that_falls_silent_is_given_up(kind):
    async def half(writer, _connection, number):
        if number == 1:
            writer.write(CHUNKED[:60])
        await asyncio.sleep(60)

    limits = Limits(answer_s=0.05)
    async with host(half) as (url, seen), opened(kind) as transport:
        with pytest.raises(ProviderTimeoutError) as caught:
            await asked(transport, url, limits=limits)
        assert caught.value.billed
        assert seen.n_connections == 1


async def test_leaving_closes_the_connection(kind):
    async def stalling(writer, _connection, _number):
        writer.write(CHUNKED[:60])
        return True

    async with host(stalling) as (url, seen), opened(kind) as transport:
        async with transport.post(call(url, stream=True), Limits()) as reply:
            assert await reply.piece()
            with suppress(asyncio.CancelledError):
                raise asyncio.CancelledError
        waiting = asyncio.ensure_future(asked(transport, url))
        while len(seen.bodies) < 2:  # noqa: ASYNC110 - the host tells nobody
            await asyncio.sleep(0.001)
        waiting.cancel()
        await transport.close()
        async with asyncio.timeout(5):
            while seen.n_left < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)


async def test_a_reader_that_is_slow_slows_the_host(kind):
    size = 40_000_000
    written = 0

    async def flooding(writer, _connection, _number):
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while written < size:
            writer.write(bytes(100_000))
            written += 100_000
            await writer.drain()
        return True

    async with host(flooding) as (url, _), opened(kind) as transport:
        async with transport.post(call(url, stream=True), Limits()) as reply:
            read = len(await reply.piece())
            before = -1
            while before != written:
                before = written
                await asyncio.sleep(0.05)
            assert written < size / 2
            read += sum(map(len, await pieces_of(reply)))
    assert read == size


async def test_no_proxy_is_taken_from_the_environment(kind, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with host(saying(SIZED)) as (url, _), opened(kind) as transport:
        assert await asked(transport, url) == b"{}"


@pytest.mark.parametrize("header", [{"x-a": "b\r\nx-evil: 1"}, {"x-a": "b\nx-evil: 1"}, {"x-a\r\nx-evil": "1"}])
async def test_no_header_can_smuggle_another_one_in(kind, header):
    async with host(saying(SIZED)) as (url, seen), opened(kind) as transport:
        smuggling = Call(candidate="p/m", url=url, body=b"{}", headers=header)
        with pytest.raises((ProviderError, ValueError)):
            async with transport.post(smuggling, Limits()) as reply:
                await reply.body()
        assert not any("x-evil" in head for head in seen.heads)


async def test_over_tls_connections_are_used_again(kind):
    async with host(saying(CHUNKED), secure=True) as (url, seen), opened(kind, authorities=AUTHORITY) as transport:
        for i in range(4):
            assert await asked(transport, url, bytes(200_000), stream=i % 2 == 0) == b"hello world"
        assert seen.n_connections == 1
    assert [len(body) for body in seen.bodies] == [200_000] * 4


async def test_over_tls_nobody_else_is_taken_for_the_host(kind):
    async with host(saying(SIZED), secure=True) as (url, seen):
        async with opened(kind) as transport:  # the system's authorities do not know it
            with pytest.raises(UnavailableError, match="no secure connection") as caught:
                await asked(transport, url)
            assert not caught.value.retryable
        async with opened(kind, authorities=AUTHORITY) as transport:  # the name is another one
            with pytest.raises(UnavailableError, match="no secure connection"):
                await asked(transport, url.replace("127.0.0.1", "127.0.0.2"))
        assert seen.bodies == []


async def test_over_tls_a_reply_that_breaks_off_is_no_reply(kind):
    async with host(saying(CHUNKED[:-12], keep=False), secure=True) as (url, _):
        async with opened(kind, authorities=AUTHORITY) as transport:
            with pytest.raises(BadResponseError):
                await asked(transport, url)


@pytest.mark.parametrize("secure", [False, True])
def test_it_does_the_same_in_the_loop_that_serves(kind, secure):
    async def main():
        async with host(saying(CHUNKED), secure=secure) as (url, seen):
            async with opened(kind, authorities=AUTHORITY) as transport:
                for _ in range(3):
                    assert await asked(transport, url, bytes(3_000_000)) == b"hello world"
                assert seen.n_connections == 1
        async with host(saying(SIZED, keep=False), secure=secure) as (url, _):
            async with opened(kind, authorities=AUTHORITY) as transport:
                for _ in range(5):
                    assert await asked(transport, url) == b"{}"
                    await asyncio.sleep(0.002)
        async with host(saying(CHUNKED[:60], keep=False), secure=secure) as (url, _):
            async with opened(kind, authorities=AUTHORITY) as transport:
                with pytest.raises(BadResponseError):
                    await asked(transport, url)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
