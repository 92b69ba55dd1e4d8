"""One streamed answer: falls back unseen until the first content, then passes on what arrives.

Where a plan weighs answers against one another they are held back until it is clear which one is delivered; then that
one is passed on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from fairlead.errors import ProviderError
from fairlead.execution.continuing import Beginning, Seam
from fairlead.execution.reading import Reading
from fairlead.execution.rival import begun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.execution.run import Progress, Run
    from fairlead.providers.base import Provider
    from fairlead.types import Chunk, Outcome, OutcomeStatus, Request


class Stream:
    """A streamed answer; made by `Executor.stream`.

        if await stream.start():
            async for chunks in stream: ...  # as many as arrived together
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
        self._open: tuple[Reading, ...] = ()
        self._held: Sequence[Chunk] = ()  # what came before the first content, or a whole answer that was weighed
        self._kept: dict[int, Sequence[Chunk]] = {}  # number of the attempt -> its answer, where answers are weighed
        self._candidate: str | None = None
        self._beginning = Beginning() if run.may_go_on else None
        self._seam: Seam | None = None

    @property
    def candidate(self) -> str | None:
        """Name of the candidate called last: once `start` said yes, the one that answers."""
        return self._candidate

    async def start(self) -> bool:
        """Calls until an answer begins to be delivered; false where every attempt failed, as `outcome` then says."""
        try:
            while calls := await self._run.next_calls():
                self._candidate = calls[0].candidate.name
                self._open = tuple(map(self._reading, calls))
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
            self._held = self._kept[delivered.number]
        return delivered is not None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Chunk]:
        if self._held:
            chunks, self._held = self._held, ()
        elif self.outcome is not None:
            raise StopAsyncIteration
        else:
            chunks = await self._next()
        if self._beginning is not None:
            self._beginning.note(chunks)
        return chunks

    async def _next(self) -> Sequence[Chunk]:
        """Returns what arrives next, from whoever goes on where the answer breaks off."""
        (reading,) = self._open
        try:
            chunks = await self._read_on(reading)
        except asyncio.CancelledError:
            await self.aclose()
            raise
        except ProviderError:
            self._settle("failed")
            raise
        if chunks is None:
            self._run.succeed(self._open[0].progress, self._open[0].progress.usage)
            self._settle("delivered")
            raise StopAsyncIteration
        return chunks

    async def _read_on(self, reading: Reading) -> Sequence[Chunk] | None:
        try:
            chunks = await reading.next(reading.patience_s())
        except ProviderError as error:
            self._run.fail(reading.progress, error)
            chunks = await self._go_on()
            if chunks is None:
                raise
        return chunks if chunks is None or self._seam is None else [*map(self._seam.chunk, chunks)]

    async def _go_on(self) -> Sequence[Chunk] | None:
        """Returns how the rest of a broken answer begins; `None` where nobody goes on with it."""
        text = None if self._beginning is None else self._beginning.text
        if text is None:
            return None
        seam = Seam(text)
        while (asked := await self._run.go_on(seam.begun)) is not None:
            progress, request = asked
            reading = Reading(self._run, progress, self._providers, request)
            self._open = (reading,)
            try:
                chunks = await reading.beginning()
            except ProviderError as error:
                self._run.fail(progress, error)
            else:
                self._seam, self._candidate = seam, progress.candidate.name
                return chunks
        return None

    async def aclose(self) -> None:
        """Ends the calls that are still open: the providers stop, and the outcome is `cancelled`."""
        self._held = ()
        for reading in self._open:
            await reading.aclose()
        if self.outcome is None:
            self._run.cancel()
            self._settle("cancelled")

    async def _begin(self) -> bool:
        """Reads one call, or one beside it, up to its first content; false where all failed before."""
        (first,) = self._open
        found = await begun(self._run, first, lambda: self._beside(first))
        if found is None:
            return False
        reading, self._held = found
        self._open, self._candidate = (reading,), reading.progress.candidate.name
        return True

    async def _beside(self, slow: Reading) -> Reading | None:
        second = await self._run.hedge(slow.progress)
        return None if second is None else self._reading(second)

    def _reading(self, call: Progress) -> Reading:
        return Reading(self._run, call, self._providers, self._run.told(call, self._request))

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
