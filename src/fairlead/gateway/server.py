"""The process that serves: one port, one loop, a quiet end."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import uvicorn

from fairlead.gateway import heap
from fairlead.gateway.app import application
from fairlead.gateway.keys import is_loopback
from fairlead.gateway.noticing import noticing
from fairlead.gateway.protocol import Protocol
from fairlead.gateway.reload import Reloading
from fairlead.gateway.setup import opened
from fairlead.observers import logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from fairlead.config import ServerConfig
    from fairlead.gateway.keys import Door
    from fairlead.gateway.setup import Setup
    from fairlead.gateway.state import Gateway

    Surface = Callable[[Setup, Gateway], AbstractAsyncContextManager[Sequence[BaseRoute]]]
    """Opens further routes beside those of a gateway."""

KEEP_ALIVE_S = 75
"""How long an idle connection stays open: longer than the pools of common clients keep theirs."""
LOOPBACK = "127.0.0.1"
BACKLOG = 2048
"""Connections that wait to be accepted."""


@asynccontextmanager
async def nothing_more(_setup: Setup, _gateway: Gateway) -> AsyncIterator[Sequence[BaseRoute]]:
    """Yields no further routes."""
    yield ()


def run(
    setup: Setup,
    on_listening: Callable[[str, str], None],
    surface: Surface = nothing_more,
    *,
    again: Callable[[], Setup] | None = None,
) -> None:
    """Serves until a signal asks to stop; returns when everything is settled and closed.

    Args:
        setup: what to serve.
        on_listening: called once as soon as requests are answered, with the address, and with what to say of who may
            ask; empty where keys are needed.
        surface: what is served beside, such as the dashboard.
        again: reads the configuration anew, on SIGHUP and when its files changed; without it nothing is read again.

    Raises:
        LedgerError: the ledger cannot be written.
        OSError: the port cannot be opened.
    """
    config = setup.config
    keys = config.secrets
    with (
        logs.written(config.observability.log_level, keys) as redaction,
        asyncio.Runner(loop_factory=_new_loop()) as runner,
    ):
        runner.run(_serve(setup, on_listening, surface, again, redaction))


async def _serve(
    setup: Setup,
    on_listening: Callable[[str, str], None],
    surface: Surface,
    again: Callable[[], Setup] | None,
    redaction: logs.Redaction,
) -> None:
    @asynccontextmanager
    async def build(setup: Setup, gateway: Gateway) -> AsyncIterator[ASGIApp]:
        async with surface(setup, gateway) as more:
            yield application(gateway, more)

    table = setup.config.server
    async with opened(setup) as gateway, build(setup, gateway) as app:
        if again is None:
            await _listening(app, gateway.door, table, on_listening)
            return
        reloading = Reloading(gateway, setup, app, build=build, again=again, learn=redaction.learn)
        async with noticing(reloading, poll_s=table.reload_poll_s):
            await _listening(reloading, gateway.door, table, on_listening)


async def _listening(app: ASGIApp, door: Door, table: ServerConfig, on_listening: Callable[[str, str], None]) -> None:
    host, notice = await _place(door, table.host)
    listener = _listen(host, table.port)
    config = uvicorn.Config(
        app,
        interface="asgi3",
        http=Protocol,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(table.drain_s),
    )
    server = _Server(config, lambda: on_listening(_address(host, listener), notice))
    heap.settle()
    await server.serve(sockets=[listener])
    await asyncio.gather(*server.server_state.tasks, return_exceptions=True)  # cancelled ones settle, too


async def _place(door: Door, wanted: str) -> tuple[str, str]:
    """Returns where to listen, and what to say of it: without keys only where this machine alone can reach us."""
    if await door.needs_key():
        door.closed = not is_loopback(wanted)
        return wanted, ""
    remedy = "`fairlead keys create NAME` makes one, `server.admin_key_env` names another"
    if is_loopback(wanted):
        return wanted, f"no key is configured: whoever is on this machine is served. {remedy}"
    notice = f"no key is configured: only this machine is served, at {LOOPBACK} and not at {wanted}. {remedy}"
    return LOOPBACK, notice


class _Server(uvicorn.Server):
    """Uvicorn's server; tells when it listens, and leaves it to us to end the process after a signal."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # Python repeats the address in parentheses
        raise OSError(
            f"cannot listen on `{host}:{port}`: {reason}. Stop what uses the port, or choose another by "
            "`--port`; 0 picks a free one."
        ) from None


def _address(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def _new_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - there is none on Windows

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
