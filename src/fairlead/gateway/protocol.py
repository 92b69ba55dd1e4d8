"""Uvicorn's protocol, but that the head of a reply goes out with the beginning of its body.

Uvicorn hands each to the socket as it comes, and each is a call of the kernel that wakes up the client. Since an
application sends both in one go, whoever reads them gets them no later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio


class Protocol(HttpToolsProtocol):
    """One connection of a client."""

    def on_headers_complete(self) -> None:
        """Begins a request. A HEAD has no body to wait for, and who expects a 100 is answered twice."""
        super().on_headers_complete()
        if self.scope["method"] == "POST" and not self.expect_100_continue:
            self.cycle.transport = cast("asyncio.Transport", HeadWithBody(self.transport))


class HeadWithBody:
    """A transport for one reply, which keeps what is written first until something follows.

    Args:
        transport: the connection's.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = b""  # `None` once it is out

    def write(self, data: bytes) -> None:
        """Writes; the first time with the next."""
        if self._head is None:
            self._transport.write(data)
        elif self._head:
            data, self._head = self._head + data, None
            self._transport.write(data)
        else:
            self._head = data

    def is_closing(self) -> bool:
        """Whether the connection is."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Closes the connection, after what was written."""
        if self._head:
            self._transport.write(self._head)
        self._transport.close()
