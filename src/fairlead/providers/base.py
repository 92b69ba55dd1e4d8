"""The contract of providers: one upstream call each, no retry, no fallback."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from fairlead.types import Candidate, Chunk, Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may wait for, and how often it may try. Seconds."""

    connect_s: float = 5.0
    """For a connection to the provider."""
    ttft_s: float = 10.0
    """For the first content of a stream where somebody else can answer; three times its p99 where that is longer."""
    patient_ttft_s: float = 120.0
    """The same of a model that thinks first, or may, and of the last one that is left to ask."""
    hedge_s: float = 10.0
    """For an answer that is not streamed, before somebody else is asked as well; its p95 where that is longer."""
    hedge_ttft_s: float = 0.5
    """For the first content of a stream, before somebody else is asked as well; its p95 where that is longer."""
    idle_s: float = 30.0
    """For the next chunk of a stream."""
    finish_s: float = 2.0
    """For what may follow a finish reason (usage, the end): then the answer is complete without it."""
    answer_s: float = 300.0
    """For a whole answer that is not streamed."""
    total_s: float = 600.0
    """For the request, all attempts and pauses together."""
    max_attempts: int = 4
    """Calls, all together."""
    retries: int = 1
    """Further calls of the same step after a failure worth retrying."""
    continuations: int = 2
    """Calls that go on with a stream that broke off."""
    backoff_s: float = 0.25
    """Pause before the first retry; doubles with each, times a draw from [0.5, 1.5)."""
    max_retry_after_s: float = 2.0
    """The longest `Retry-After` that is waited for; for a longer one the next step is taken at once."""

    breaker_failures: int = 5
    """Failures of a host in a row after which calls of the candidate are held back; 0 never."""
    breaker_open_s: float = 5.0
    """For how long, the first time; each try that fails doubles it."""
    breaker_max_s: float = 20.0
    """And at most."""
    retry_share: float = 0.2
    """Retries, as a share of the requests."""
    hedge_share: float = 0.05
    """Second calls beside a slow one, as a share of the requests."""
    hedge_usd_per_hour: float = 1.0
    """What such calls may be expected to cost."""
    burst: int = 20
    """Retries, and second calls, that may be saved up."""

    def scaled(self, factor: float) -> Self:
        """Returns the same limits with all times so many times as long: for drills that take less than real time."""
        times = {field.name: getattr(self, field.name) for field in fields(self) if field.name.endswith("_s")}
        return replace(self, **{name: factor * value for name, value in times.items()})


class Provider(Protocol):
    """A host that answers requests in its own dialect."""

    def stream(self, candidate: Candidate, request: Request, limits: Limits) -> AsyncGenerator[Sequence[Chunk], None]:
        """Yields the answer as it arrives, the chunks that come together at once; ends only where it is complete.

        Closing the generator closes the call. The waits for content and between chunks are the caller's to limit.

        Raises:
            ProviderError: the call failed, or the stream ended before the answer did.
        """
        ...

    async def complete(self, candidate: Candidate, request: Request, limits: Limits) -> Response:
        """Returns the whole answer.

        Raises:
            ProviderError: the call failed, or the reply is no whole answer.
        """
        ...

    async def count(self, candidate: Candidate, request: Request, limits: Limits) -> int | None:
        """Returns the tokens of the input, `None` where the host does not count for a caller of this dialect.

        Raises:
            ProviderError: the call failed.
        """
        ...

    async def close(self) -> None:
        """Gives back connections; may be called again."""
        ...
