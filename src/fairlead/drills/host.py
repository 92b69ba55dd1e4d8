"""A host that misbehaves on the level of TCP: each connection follows a script, byte for byte."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.drills.script import End, Pause, Send

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fairlead.drills.script import Script

MAX_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that reached the host."""

    path: str
    body: bytes
    attempt: int
    """1 for the first call of this path."""
    at_s: float
    """Since the first call of this path, seconds of real time."""


@dataclass(kw_only=True)
class FaultyHost:
    """A server on a loopback port that answers as `script` says; it knows HTTP just well enough to read requests.

    Args:
        script: what to do with a call.
        time_scale: seconds that pass for each second of a script; the times that it notes are of real time again.

    Example:
        >>> from fairlead.drills.script import End
        >>> host = FaultyHost(script=lambda call: (End("reset"),))
        >>> host.calls
        []
    """

    script: Callable[[Call], Script]
    time_scale: float = 1.0
    calls: list[Call] = field(default_factory=list)
    n_left: int = 0
    """Calls whose client left before the script's end."""
    n_open: int = 0
    """Connections that are open."""
    _attempts: Counter[str] = field(default_factory=Counter)
    _first_s: dict[str, float] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Yields the address, `http://127.0.0.1:PORT`, and serves until the context is left."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=MAX_HEAD_BYTES)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def of(self, prefix: str) -> list[Call]:
        """Returns the calls whose path starts so, in order."""
        return [call for call in self.calls if call.path.startswith(prefix)]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_open += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left between two requests, or was faster than us
        finally:
            self.n_open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Plays the script of one call; false where the connection is to be closed."""
        call = self._noted(*await _request(reader))
        for act in self.script(call):
            match act:
                case Send(data):
                    writer.write(data)
                    await writer.drain()
                case Pause(seconds):
                    if await _left(reader, seconds * self.time_scale):
                        self.n_left += 1
                        return False
                case End("reset"):
                    _reset(writer)
                    return False
                case End("hang"):
                    await reader.read(1)
                    self.n_left += 1
                    return False
                case End():
                    return False
        return True

    def _noted(self, path: str, body: bytes) -> Call:
        now = asyncio.get_running_loop().time()
        self._attempts[path] += 1
        since_s = (now - self._first_s.setdefault(path, now)) / self.time_scale
        call = Call(path=path, body=body, attempt=self._attempts[path], at_s=since_s)
        self.calls.append(call)
        return call


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Returns path and body of the next request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head.split("\r\n")
    lengths = [value for name, _, value in (field.partition(":") for field in fields) if name.lower() == _LENGTH]
    body = await reader.readexactly(int(lengths[0])) if lengths else b""
    return line.split(" ")[1], body


_LENGTH = "content-length"


async def _left(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Waits that long, or until the client leaves; says whether it left."""
    try:
        async with asyncio.timeout(seconds):
            await reader.read(1)
    except TimeoutError:
        return False
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    # Closing with a linger of zero seconds sends RST in place of FIN: the client sees a reset, not an end.
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
