"""The client at the other end of one call: what it sent, what it is sent, and whether it is still there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from fairlead.errors import RequestError
from fairlead.providers.upstream.serving import BREAK_OFF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from fairlead.providers.upstream.script import Script

MAX_BODY_BYTES = 64 * 2**20


class ClientLeftError(Exception):
    """The client closed the connection before the end of the reply."""


class Client:
    """One call's client, over ASGI; every wait ends with ClientLeftError when it leaves."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._left: asyncio.Task[None] | None = None

    async def body(self) -> bytes:
        """Reads the body whole, then begins to watch for the client's leaving.

        Raises:
            RequestError: it is larger than `MAX_BODY_BYTES`.
            ClientLeftError: the client left before its end.
        """
        parts, n_bytes, more = [], 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeftError
            parts.append(message.get("body", b""))
            n_bytes += len(parts[-1])
            if n_bytes > MAX_BODY_BYTES:
                raise RequestError(f"the body has over {MAX_BODY_BYTES} bytes", status_code=413)
            more = message.get("more_body", False)
        self._left = asyncio.create_task(self._watch())
        return b"".join(parts)

    async def send_json(self, status_code: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Sends a whole JSON reply."""
        await self.start(status_code, "application/json", headers)
        await self.send_event(content)
        await self.finish()

    async def start(self, status_code: int, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        """Sends the status and the headers."""
        named = {"content-type": content_type, **(headers or {})}
        encoded = [(name.encode(), value.encode()) for name, value in named.items()]
        await self._send({"type": "http.response.start", "status": status_code, "headers": encoded})

    async def send_event(self, content: bytes) -> None:
        """Sends a piece of the body and lets others run."""
        await self._send({"type": "http.response.body", "body": content, "more_body": True})
        await self.pause(0)

    async def finish(self) -> None:
        """Ends the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def play(self, script: Script, *, first_s: float, gap_s: float, time_scale: float) -> None:
        """Sends the events of `script`, the first after `first_s`, the others `gap_s` apart, and ends as it says."""
        pause_s = first_s + script.delay_s
        for event in script.events:
            await self.pause(pause_s * time_scale)
            await self.send_event(event)
            pause_s = gap_s
        match script.end:
            case "finish":
                await self.finish()
            case "cut":
                await self._break_off("cut")
            case "hang":
                await self.until_left()

    async def pause(self, seconds: float) -> None:
        """Waits that long."""
        if seconds <= 0:
            await asyncio.sleep(0)
        elif self._left is not None:
            await asyncio.wait({self._left}, timeout=seconds)
        if self._left is not None and self._left.done():
            raise ClientLeftError

    async def until_left(self) -> None:
        """Says nothing more until the client leaves."""
        if self._left is not None:
            await self._left
        raise ClientLeftError

    async def reset(self) -> None:
        """Resets the connection."""
        await self._break_off("reset")

    def close(self) -> None:
        """Stops watching."""
        if self._left is not None:
            self._left.cancel()

    async def _break_off(self, how: Literal["cut", "reset"]) -> None:
        extensions = self._scope.get("extensions", {})
        if BREAK_OFF not in extensions:  # a server without a word for it sees the application fail
            raise ConnectionResetError("a simulated fault: the connection breaks off")
        extensions[BREAK_OFF][how]()
        if self._left is not None:
            await self._left

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
