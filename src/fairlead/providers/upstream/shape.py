"""The contract of a dialect as its servers speak it; the modules `*_shape` are its implementations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.providers.upstream.reply import Asked, Reply


class Shape(Protocol):
    """Decodes calls and encodes replies; pure."""

    def decode(self, body: bytes, path: str, /) -> Asked:
        """Returns what was asked.

        Raises:
            RequestError: the body is not one of this dialect.
        """
        ...

    def whole(self, asked: Asked, reply: Reply, /) -> bytes:
        """Returns the body of a reply that is not streamed."""
        ...

    def events(self, asked: Asked, reply: Reply, /) -> Iterator[bytes]:
        """Yields the events of a streamed reply, in the spelling of server-sent events."""
        ...

    def error(self, status_code: int, message: str, code: str | None, param: str | None, /) -> bytes:
        """Returns the body of an error."""
        ...

    def error_event(self, status_code: int, message: str, code: str | None, /) -> bytes:
        """Returns an error that comes as an event of a stream."""
        ...
