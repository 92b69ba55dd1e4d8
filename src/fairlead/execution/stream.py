"""One streamed answer: falls back unseen until the first content, then passes chunk by chunk."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self

from fairlead.errors import ProviderError, ProviderTimeoutError
from fairlead.execution.run import unforeseen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from fairlead.execution.run import Progress, Run
    from fairlead.providers.base import Provider
    from fairlead.types import Chunk, Outcome, OutcomeStatus, Request


class Stream:
    """A streamed answer; made by `Executor.stream`.

        if await stream.start():
            async for chunk in stream: ...
        await stream.aclose()
        stream.outcome

    Iterating raises a ProviderError where the answer breaks off after its beginning was delivered. Chunks are passed
    as they come and not kept, so a slow reader slows the provider, and `outcome` has no response.
    """

    def __init__(self, run: Run, providers: Mapping[str, Provider], request: Request) -> None:
        self.outcome: Outcome | None = None
        """What came of it: `None` while it is open, complete after the end, an error, or a cancel."""
        self._run = run
        self._providers = providers
        self._request = request
        self._progress: Progress | None = None
        self._chunks: AsyncGenerator[Chunk, None] | None = None
        self._held: deque[Chunk] = deque()  # what came before the first content

    @property
    def candidate(self) -> str | None:
        """Name of the candidate called last: once `start` said yes, the one that answers."""
        return None if self._progress is None else self._progress.candidate.name

    async def start(self) -> bool:
        """Calls until the first content arrives; false where every attempt failed, as `outcome` then says."""
        try:
            while (progress := await self._run.next_call()) is not None:
                if await self._begin(progress):
                    return True
        except asyncio.CancelledError:
            await self.aclose()
            raise
        self._settle("failed")
        return False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        if self._held:
            return self._held.popleft()
        if self.outcome is not None:
            raise StopAsyncIteration
        try:
            chunk = await self._next(self._patience_s())
        except ProviderError as error:
            self._run.fail(error)
            self._settle("failed")
            raise
        except asyncio.CancelledError:
            await self.aclose()
            raise
        if chunk is None:
            self._deliver()
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Ends the call if it is still open: the provider stops, and the outcome is `cancelled`."""
        self._held.clear()
        if self._chunks is not None:
            await self._chunks.aclose()
        if self.outcome is None:
            self._run.cancel()
            self._settle("cancelled")

    async def _begin(self, progress: Progress) -> bool:
        """Reads one attempt up to its first content; false where it failed before."""
        self._progress = progress
        provider = self._providers[progress.candidate.provider]
        self._chunks = provider.stream(progress.candidate, self._request, self._run.limits)
        try:
            while progress.ttft_s is None:
                chunk = await self._next(self._run.limits.ttft_s - self._run.elapsed_s())
                if chunk is None:
                    break
                self._held.append(chunk)
        except ProviderError as error:
            self._held.clear()
            self._run.fail(error)
            return False
        return True

    async def _next(self, limit_s: float) -> Chunk | None:
        """Returns the next chunk, or `None` at the end of a complete answer.

        Once a finish reason came the answer is complete, whatever befalls the rest of the stream.
        """
        assert self._chunks is not None
        assert self._progress is not None
        try:
            async with asyncio.timeout(min(limit_s, self._run.left_s())):
                chunk = await anext(self._chunks, None)
        except Exception as error:  # a bug in an adapter is a failed attempt, and settled as one
            if self._progress.finished:
                return None
            match error:
                case ProviderError():
                    raise
                case TimeoutError():
                    raise self._late(limit_s) from None
                case _:
                    raise unforeseen(error, self._progress.candidate) from error
        if chunk is not None:
            self._run.note(chunk)
        return chunk

    def _late(self, limit_s: float) -> ProviderTimeoutError:
        assert self._progress is not None
        message = f"no content within {limit_s:.3g} s" if self._run.left_s() > 0 else "the request's time is over"
        return ProviderTimeoutError(message, model=self._progress.candidate.name, billed=True)

    def _patience_s(self) -> float:
        finished = self._progress is not None and self._progress.finished
        return self._run.limits.finish_s if finished else self._run.limits.idle_s

    def _deliver(self) -> None:
        assert self._progress is not None
        self._run.succeed(self._progress.usage, self._progress.model_served)
        self._settle("delivered")

    def _settle(self, status: OutcomeStatus) -> None:
        self.outcome = self._run.outcome(status)
