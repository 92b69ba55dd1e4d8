"""One streamed call as it arrives, each wait within its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.errors import ProviderError, ProviderTimeoutError
from fairlead.execution.run import unforeseen
from fairlead.execution.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.execution.run import Progress, Run
    from fairlead.providers.base import Provider
    from fairlead.types import Chunk, Request


class Reading:
    """The chunks of one call; those that arrive together come together."""

    def __init__(self, run: Run, progress: Progress, providers: Mapping[str, Provider], request: Request) -> None:
        self.progress = progress
        self._run = run
        self._waiting = Waiting()
        provider = providers[progress.candidate.provider]
        self._chunks = provider.stream(progress.candidate, request, run.limits)

    async def beginning(self) -> list[Chunk]:
        """Returns the chunks up to the first with content, and those that came with it."""
        chunks: list[Chunk] = []
        limit_s = self._run.first_token_s(self.progress)
        while self.progress.ttft_s is None:
            more = await self.next(limit_s - self._run.elapsed_s(self.progress))
            if more is None:
                break
            chunks += more
        return chunks

    async def whole(self) -> list[Chunk] | ProviderError:
        """Returns all chunks of a complete answer, or what broke it."""
        try:
            chunks = await self.beginning()
            while (more := await self.next(self.patience_s())) is not None:
                chunks += more
        except ProviderError as error:
            return error
        else:
            return chunks
        finally:
            self._waiting.close()
            self._run.stop(self.progress)

    async def next(self, limit_s: float) -> Sequence[Chunk] | None:
        """Returns the chunks that come next, or `None` at the end of a complete answer.

        Once a finish reason came the answer is complete, whatever befalls the rest of the stream.
        """
        try:
            with self._waiting.at_most(min(limit_s, self._run.left_s())):
                chunks = await anext(self._chunks, None)
        except Exception as error:  # a bug in an adapter is a failed attempt, and settled as one
            self._waiting.close()
            if self.progress.finished:
                return None
            match error:
                case ProviderError():
                    raise
                case TimeoutError():
                    raise self._late(limit_s) from None
                case _:
                    raise unforeseen(error, self.progress.candidate) from error
        if chunks is None:
            self._waiting.close()
        else:
            self._run.note(self.progress, chunks)
        return chunks

    def patience_s(self) -> float:
        """Returns how long the next chunk may take."""
        return self._run.limits.finish_s if self.progress.finished else self._run.limits.idle_s

    async def aclose(self) -> None:
        """Closes the call."""
        self._waiting.close()
        await self._chunks.aclose()

    def _late(self, limit_s: float) -> ProviderTimeoutError:
        message = f"no content within {limit_s:.3g} s" if self._run.left_s() > 0 else "the request's time is over"
        return ProviderTimeoutError(message, model=self.progress.candidate.name, billed=True)
