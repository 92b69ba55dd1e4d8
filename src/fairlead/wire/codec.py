"""The contract of a caller's dialect: bytes to Request; answers, streams and faults to bytes.

A module of this folder that has these functions is one: `openai_chat`, `openai_responses`, `anthropic_messages`,
`openai_embeddings`. The gateway has one handler, which serves any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypedDict

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fairlead.types import Chunk, Request, Response, Usage
    from fairlead.wire.rate_limits import RateLimit

Notes = Mapping[str, str | int | float | None]
"""What we add to the usage of an answer under `fairlead`, such as `cost_usd`."""


class OwnEvent(TypedDict, total=False):
    """The provider's own event, for a chunk; empty where its bytes are not wanted."""

    event: str
    body: bytes


_NULL = msgspec.Raw(b"null")


def noted(usage: object, notes: Notes) -> list[tuple[str, object]]:
    """Returns where our notes go, for `splice.put`: into the usage, and nowhere where the usage is not known."""
    unknown = usage is None or usage == _NULL
    return [] if unknown or not notes else [("usage.fairlead", dict(notes))]


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """What stands over an answer, whoever gave it."""

    id: str
    """Our own id of the request: for an answer that has to be written anew in the caller's dialect."""
    model: str
    """The candidate that serves."""
    created: int
    """Unix time, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error as the caller sees it; each dialect has its own words for the status."""

    status_code: int
    message: str
    code: str
    param: str | None = None
    retry_after_s: float | None = None
    final: bool = False
    """We have tried what can be tried: asking again at once would only multiply our own retries."""
    request_id: str | None = None


class StreamEncoder(Protocol):
    """Writes one streamed answer; what would be its end is kept back until the gateway says that it is settled."""

    @property
    def id(self) -> str:
        """The id under which the caller knows the answer."""
        ...

    def chunk(self, chunk: Chunk, /) -> bytes:
        """Returns the events of one chunk, none where there is nothing to tell yet."""
        ...

    def end(self, usage: Usage | None, notes: Notes, /) -> bytes:
        """Returns the last bytes of a whole answer: its end, its usage with our notes, the dialect's last event."""
        ...

    def fault(self, fault: Fault, /) -> bytes:
        """Returns the event of a failure in mid-stream; nothing may follow it."""
        ...


class Codec(Protocol):
    """One dialect, as its callers speak it; pure."""

    @property
    def REQUEST_ID(self) -> bytes:  # noqa: N802 - a module's constant
        """The header in which its clients look for the id of a request."""
        ...

    @property
    def PASSED_ON(self) -> tuple[bytes, ...]:  # noqa: N802 - a module's constant
        """Headers of the caller that go on to a provider of the same dialect, in lower case."""
        ...

    def decode(self, body: bytes, /) -> Request:
        """Returns the request in a body.

        Raises:
            RequestError: status 400, in the words of the dialect.
        """
        ...

    def encode(self, response: Response, request: Request, heading: Heading, notes: Notes, /) -> bytes:
        """Returns the body of a whole answer; where the provider speaks this dialect, its own bytes and our notes."""
        ...

    def answer_id(self, response: Response, heading: Heading, /) -> str:
        """Returns the id under which the caller knows a whole answer."""
        ...

    def encoder(self, request: Request, heading: Heading, /) -> StreamEncoder:
        """Returns what writes the streamed answer to `request`."""
        ...

    def encode_fault(self, fault: Fault, /) -> bytes:
        """Returns the body of an error."""
        ...

    def rate_limits(self, limits: Sequence[RateLimit], now: datetime, /) -> list[tuple[bytes, bytes]]:
        """Returns the headers in which its clients look for limits a minute."""
        ...
