"""What the lean transport does beyond the contract: no reply is taken for another call's, no end is awaited in vain."""

from __future__ import annotations

import asyncio
import socket

import pytest

from fairlead.errors import BadResponseError, UnavailableError
from fairlead.providers import lean_transport
from fairlead.providers.base import Limits
from fairlead.providers.lean_transport import LeanTransport
from fairlead.providers.transport import Call
from tests.contracts.test_transports import SIZED, asked, call, host, opened, saying


@pytest.mark.parametrize("late", [False, True])
async def test_what_a_host_says_unasked_is_no_answer_to_the_next_call(late):
    async def babbling(writer, connection, _number):
        writer.write(SIZED)
        if connection == 1:
            await asyncio.sleep(0.01 if late else 0)
            writer.write(SIZED.replace(b"{}", b"[]"))
        await writer.drain()
        return True

    async with host(babbling) as (url, _), opened(LeanTransport) as transport:
        for _ in range(3):
            assert await asked(transport, url) == b"{}"
            await asyncio.sleep(0.03)


async def test_the_terminator_may_come_after_the_content_was_taken():
    go_on = asyncio.Event()

    async def late(writer, _connection, _number):
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n[DONE]\r\n")
        await go_on.wait()
        writer.write(b"0\r\n\r\n")
        return True

    async with host(late) as (url, seen), opened(LeanTransport) as transport:
        for _ in range(3):
            go_on.clear()
            async with transport.post(call(url, stream=True), Limits()) as reply:
                assert await reply.piece() == b"[DONE]"
            go_on.set()
            await asyncio.sleep(0.01)
        assert seen.n_connections == 1


async def test_an_end_that_never_comes_is_not_awaited_for_long(monkeypatch):
    monkeypatch.setattr("fairlead.providers.connection.DRAIN_S", 0.01)

    async def endless(writer, _connection, _number):
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n[DONE]\r\n")
        return True

    async with host(endless) as (url, seen), opened(LeanTransport) as transport:
        async with transport.post(call(url, stream=True), Limits()) as reply:
            await reply.piece()
        async with asyncio.timeout(5):
            while not seen.n_left:  # noqa: ASYNC110 - the host tells nobody
                await asyncio.sleep(0.001)


async def test_a_connection_that_nobody_uses_is_closed(monkeypatch):
    monkeypatch.setattr(lean_transport, "KEEP_S", 0.02)
    async with host(saying(SIZED)) as (url, seen), opened(LeanTransport) as transport:
        await asyncio.gather(*(asked(transport, url) for _ in range(3)))
        async with asyncio.timeout(5):
            while seen.n_left < seen.n_connections:  # noqa: ASYNC110 - the host tells nobody
                await asyncio.sleep(0.005)
        assert await asked(transport, url) == b"{}"


async def test_small_packets_are_not_held_back():
    async with host(saying(SIZED)) as (url, _), opened(LeanTransport) as transport:
        await asked(transport, url)
        (connection,) = transport._open
        opened_socket = connection._transport.get_extra_info("socket")
        assert opened_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (b"HTTP/1.1 200 OK\r\nx-a: " + b"a" * 100_000, "longer than 65536 bytes"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}", "encoded as `gzip`"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "no HTTP"),
    ],
    ids=["endless head", "compressed", "upgrade"],
)
async def test_what_is_no_reply_is_refused(said, match):
    async with host(saying(said)) as (url, _), opened(LeanTransport) as transport:
        with pytest.raises((BadResponseError, UnavailableError), match=match):
            await asked(transport, url)


async def test_a_user_in_the_address_is_authorised():
    async with host(saying(SIZED)) as (url, seen), opened(LeanTransport) as transport:
        await asked(transport, url.replace("//", "//me:p%40ss@"))
    assert "authorization: Basic bWU6cEBzcw==\r\n" in seen.heads[0]
    assert "me:" not in seen.heads[0]


async def test_a_host_that_is_not_there_is_named_and_its_next_address_is_tried(monkeypatch):
    async with host(saying(SIZED)) as (url, _), opened(LeanTransport) as transport:
        real = asyncio.get_running_loop().getaddrinfo

        async def two_addresses(name, port, **options):
            found = await real("127.0.0.1", port, **options)
            dead = [(*entry[:4], ("127.0.0.1", 1)) for entry in found]
            return dead + found

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two_addresses)
        assert await asked(transport, url) == b"{}"


async def test_nothing_of_a_call_shows():
    secret = Call(candidate="p/m", url="http://127.0.0.1:1/", body=b"a prompt", headers={"authorization": "Bearer k-1"})
    transport = LeanTransport()
    with pytest.raises(UnavailableError) as caught:
        await transport.post(secret, Limits()).__aenter__()
    assert "k-1" not in repr((secret, caught.value, caught.value.__context__))
    await transport.close()
