"""The contract of what carries calls to providers, small enough to put any HTTP client under it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

    from fairlead.providers.base import Limits

MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One POST of a JSON body; `headers` hold the key and never show."""

    candidate: str
    """Name of the candidate, for errors."""
    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    stream: bool = False


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

    async def close(self) -> None:
        """Closes all connections; may be called again."""
        ...
