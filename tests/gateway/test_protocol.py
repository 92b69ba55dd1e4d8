"""The head of a reply goes out with the beginning of its body, and is never left behind."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from fairlead.gateway.protocol import Protocol

HEAD = {"type": "http.response.start", "status": 200, "headers": []}


class Socket(asyncio.Transport):
    """Keeps what is written, write by write."""

    def __init__(self):
        super().__init__({"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)})
        self.writes = []
        self.closed = False

    def write(self, data):
        self.writes.append(bytes(data))

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def set_write_buffer_limits(self, high=None, low=None):
        pass


async def replied(app, request):
    """Returns the connection when the request was answered, and its protocol."""
    config = uvicorn.Config(app, interface="asgi3", http=Protocol, lifespan="off", ws="none", log_config=None)
    config.load()
    socket, state = Socket(), ServerState()
    protocol = Protocol(config, state, {})
    protocol.connection_made(socket)
    protocol.data_received(request)
    await asyncio.gather(*state.tasks)
    protocol.connection_lost(None)
    return socket


def saying(*bodies):
    async def app(_scope, receive, send):
        await receive()
        await send(HEAD)
        for body in bodies:
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


POST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"


async def test_head_and_first_words_are_one_write_and_the_others_one_each():
    socket = await replied(saying(b"one", b"two"), POST)
    first, second, end = socket.writes
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first.endswith(b"\r\n\r\n3\r\none\r\n")
    assert (second, end) == (b"3\r\ntwo\r\n", b"0\r\n\r\n")


@pytest.mark.parametrize(
    "request_", [POST, b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n", POST.replace(b"host", b"expect: 100-continue\r\nhost")]
)
async def test_a_reply_without_a_body_has_its_head(request_):
    writes = (await replied(saying(), request_)).writes
    assert b"".join(writes).count(b"HTTP/1.1 200 OK\r\n") == 1
    assert b"".join(writes).count(b"HTTP/1.1 100 Continue") == (b"expect" in request_)


@pytest.mark.parametrize("breaks", [False, True])
async def test_what_breaks_off_behind_the_head_is_seen_to_be_cut(breaks):
    async def cut(_scope, receive, send):
        await receive()
        await send(HEAD)
        if breaks:
            raise ValueError

    socket = await replied(cut, POST)
    assert socket.closed
    assert b"".join(socket.writes).startswith(b"HTTP/1.1 200 OK\r\n")
