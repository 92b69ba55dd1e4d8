"""The contract of what carries calls to providers, small enough to put any HTTP client under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

    from fairlead.providers.base import Limits

MAX_BODY_BYTES = 64 * 1024 * 1024


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One POST of a JSON body; `headers` hold the key, and what it holds never shows."""

    candidate: str
    """Name of the candidate, for errors."""
    url: str
    body: bytes
    headers: Mapping[str, str]
    stream: bool = False

    def __repr__(self) -> str:
        """Returns whom it calls, and nothing of what is said."""
        return f"Call(candidate={self.candidate!r}, url={self.url!r}, stream={self.stream!r})"


class Whole(NamedTuple):
    """A reply that has arrived to its end."""

    status: int
    headers: Mapping[str, str]
    """By name, in lower case."""
    body: bytes


class Reply(Protocol):
    """A reply whose head has arrived."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, in lower case."""
        ...

    async def body(self) -> bytes:
        """Returns the whole body; a ProviderError where it breaks off or is larger than `MAX_BODY_BYTES`."""
        ...

    async def piece(self) -> bytes:
        """Returns what has arrived of the body, at least a byte; nothing at its end, a ProviderError at a break."""
        ...


class Transport(Protocol):
    """Makes calls over pooled connections."""

    def post(self, call: Call, limits: Limits) -> AbstractAsyncContextManager[Reply]:
        """Opens a call; leaving the context early closes its connection, so that the provider stops."""
        ...

    async def whole(self, call: Call, limits: Limits) -> Whole:
        """Returns the whole reply to a call; a ProviderError as from `Reply.body`."""
        ...

    async def close(self) -> None:
        """Closes all connections; may be called again."""
        ...
