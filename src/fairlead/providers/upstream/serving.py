"""Serves an ASGI application on a free loopback port, inside the running loop, without touching signals or logging."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

BREAK_OFF = "fairlead.break_off"
"""Scope extension with two functions: `cut` closes the connection in mid-reply, `reset` resets it."""


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serves `app` while the context is open and yields its address, `http://127.0.0.1:PORT`.

    On leaving, calls that are still running are cancelled. Clients of the OpenAI dialect add `/v1` to the address.
    """
    config = uvicorn.Config(app, interface="asgi3", lifespan="off", ws="none", log_config=None, proxy_headers=False)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Protocol(config, state, {}), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        tasks = list(state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(state.connections):
            connection.transport.close()
        await server.wait_closed()


class _Protocol(HttpToolsProtocol):
    """Uvicorn's protocol with ways to break off a reply, for which ASGI has no word, and without an access log."""

    def __init__(self, config: uvicorn.Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self.access_log = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {BREAK_OFF: {"cut": self.transport.close, "reset": self._reset}}

    def _reset(self) -> None:
        # Closing with a linger of zero seconds sends RST in place of FIN: the client sees a reset, not an end.
        connection: socket.socket = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
