"""The least that a Python gateway can do: bytes in, bytes on, bytes back; uvicorn and aiohttp, no JSON, no routing."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import aiohttp
import uvicorn
import uvloop

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

HEADERS = {"content-type": "application/json", "authorization": "Bearer k"}


class PassThrough:
    """Sends every body to one address.

    Args:
        url: the address.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        )

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Passes one request on, as ASGI asks."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        async with self._session.post(self._url, data=body, headers=HEADERS) as reply:
            content_type = reply.headers["content-type"].encode()
            heading = [(b"content-type", content_type)]
            if b"json" in content_type:
                whole = await reply.read()
                heading.append((b"content-length", str(len(whole)).encode()))
                await send({"type": "http.response.start", "status": reply.status, "headers": heading})
                await send({"type": "http.response.body", "body": whole})
                return
            await send({"type": "http.response.start", "status": reply.status, "headers": heading})
            async for piece in reply.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def main(port: int, url: str) -> None:
    """Serves until it is killed."""
    app = PassThrough(url)
    config = uvicorn.Config(
        app, port=port, interface="asgi3", http="httptools", lifespan="off", ws="none", log_level="critical"
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), sys.argv[2]))
