"""One streamed answer: falls back unseen until the first content, then passes chunk by chunk.

Where a plan weighs answers against one another they are held back until it is clear which one is delivered; then that
one is passed on, chunk by chunk, as it came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self

from fairlead.errors import ProviderError, ProviderTimeoutError
from fairlead.execution.run import unforeseen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

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
    as they come and not kept, so a slow reader slows the provider, and `outcome` has no response; answers that are
    weighed against others are kept whole until then.
    """

    def __init__(self, run: Run, providers: Mapping[str, Provider], request: Request) -> None:
        self.outcome: Outcome | None = None
        """What came of it: `None` while it is open, complete after the end, an error, or a cancel."""
        self._run = run
        self._providers = providers
        self._request = request
        self._open: tuple[_Reading, ...] = ()
        self._held: deque[Chunk] = deque()  # what came before the first content, or a whole answer that was weighed
        self._kept: dict[int, Sequence[Chunk]] = {}  # number of the attempt -> its answer, where answers are weighed
        self._candidate: str | None = None

    @property
    def candidate(self) -> str | None:
        """Name of the candidate called last: once `start` said yes, the one that answers."""
        return self._candidate

    async def start(self) -> bool:
        """Calls until an answer begins to be delivered; false where every attempt failed, as `outcome` then says."""
        try:
            while calls := await self._run.next_calls():
                self._candidate = calls[0].candidate.name
                self._open = tuple(_Reading(self._run, call, self._providers, self._request) for call in calls)
                if self._run.compares(calls[0]):
                    await self._weigh()
                elif await self._begin():
                    return True
        except asyncio.CancelledError:
            await self.aclose()
            raise
        delivered = self._run.delivered
        self._settle("failed" if delivered is None else "delivered")
        if delivered is not None:
            self._candidate = delivered.candidate
            self._held.extend(self._kept[delivered.number])
        return delivered is not None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        if self._held:
            return self._held.popleft()
        if self.outcome is not None:
            raise StopAsyncIteration
        (reading,) = self._open
        try:
            chunk = await reading.next(reading.patience_s())
        except ProviderError as error:
            self._run.fail(reading.progress, error)
            self._settle("failed")
            raise
        except asyncio.CancelledError:
            await self.aclose()
            raise
        if chunk is None:
            self._run.succeed(reading.progress, reading.progress.usage)
            self._settle("delivered")
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Ends the calls that are still open: the providers stop, and the outcome is `cancelled`."""
        self._held.clear()
        for reading in self._open:
            await reading.aclose()
        if self.outcome is None:
            self._run.cancel()
            self._settle("cancelled")

    async def _begin(self) -> bool:
        """Reads one attempt up to its first content; false where it failed before."""
        (reading,) = self._open
        try:
            async for chunk in reading.beginning():
                self._held.append(chunk)
        except ProviderError as error:
            self._held.clear()
            self._run.fail(reading.progress, error)
            return False
        return True

    async def _weigh(self) -> None:
        """Reads the answers of a whole stage."""
        answers = await asyncio.gather(*(reading.whole() for reading in self._open))
        for reading, answer in zip(self._open, answers, strict=True):
            progress = reading.progress
            if isinstance(answer, ProviderError):
                self._run.fail(progress, answer)
            else:
                self._run.succeed(progress, progress.usage, text="".join(chunk.text for chunk in answer))
                self._kept[len(self._run.attempts)] = answer

    def _settle(self, status: OutcomeStatus) -> None:
        self.outcome = self._run.outcome(status)


class _Reading:
    """The chunks of one call, each within its time."""

    def __init__(self, run: Run, progress: Progress, providers: Mapping[str, Provider], request: Request) -> None:
        self.progress = progress
        self._run = run
        provider = providers[progress.candidate.provider]
        self._chunks = provider.stream(progress.candidate, run.told(progress, request), run.limits)

    async def beginning(self) -> AsyncIterator[Chunk]:
        """Yields the chunks up to the first with content."""
        limit_s = self._run.first_token_s(self.progress)
        while self.progress.ttft_s is None:
            chunk = await self.next(limit_s - self._run.elapsed_s(self.progress))
            if chunk is None:
                break
            yield chunk

    async def whole(self) -> list[Chunk] | ProviderError:
        """Returns all chunks of a complete answer, or what broke it."""
        try:
            chunks = [chunk async for chunk in self.beginning()]
            while (chunk := await self.next(self.patience_s())) is not None:
                chunks.append(chunk)
        except ProviderError as error:
            return error
        else:
            return chunks
        finally:
            self._run.stop(self.progress)

    async def next(self, limit_s: float) -> Chunk | None:
        """Returns the next chunk, or `None` at the end of a complete answer.

        Once a finish reason came the answer is complete, whatever befalls the rest of the stream.
        """
        try:
            async with asyncio.timeout(min(limit_s, self._run.left_s())):
                chunk = await anext(self._chunks, None)
        except Exception as error:  # a bug in an adapter is a failed attempt, and settled as one
            if self.progress.finished:
                return None
            match error:
                case ProviderError():
                    raise
                case TimeoutError():
                    raise self._late(limit_s) from None
                case _:
                    raise unforeseen(error, self.progress.candidate) from error
        if chunk is not None:
            self._run.note(self.progress, chunk)
        return chunk

    def patience_s(self) -> float:
        """Returns how long the next chunk may take."""
        return self._run.limits.finish_s if self.progress.finished else self._run.limits.idle_s

    async def aclose(self) -> None:
        """Closes the call."""
        await self._chunks.aclose()

    def _late(self, limit_s: float) -> ProviderTimeoutError:
        message = f"no content within {limit_s:.3g} s" if self._run.left_s() > 0 else "the request's time is over"
        return ProviderTimeoutError(message, model=self.progress.candidate.name, billed=True)
