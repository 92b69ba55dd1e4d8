"""A second stream beside one that does not begin: whichever has content first is delivered, the other is called off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from fairlead.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from fairlead.execution.reading import Reading
    from fairlead.execution.run import Run
    from fairlead.types import Chunk

Beginning = list["Chunk"]
"""The chunks up to the first with content, and those that came with it."""


async def begun(
    run: Run, first: Reading, beside: Callable[[], Awaitable[Reading | None]]
) -> tuple[Reading, Beginning] | None:
    """Returns whose stream begins, and how; `None` where nobody's does. All that lost are closed, and settled.

    Args:
        run: whose calls they are.
        first: the stream that was opened.
        beside: opens another one, where the first is late; returns `None` where there is none to open.
    """
    rival = Rival(run.hedge_stream_after_s(first.progress), beside)
    try:
        said = await _first(first, rival)
        other = None if isinstance(said, list) else await rival.beginning()
    except asyncio.CancelledError:
        await rival.call_off()
        raise
    if isinstance(said, list):
        await _lost(run, rival)
        return first, said
    if isinstance(said, ProviderError):
        run.fail(first.progress, said)
    else:
        await first.aclose()
        run.abandon(first.progress, late=True, streamed=True)
    if rival.reading is None or other is None:
        return None
    if isinstance(other, ProviderError):
        run.fail(rival.reading.progress, other)
        return None
    return rival.reading, other


async def _first(first: Reading, rival: Rival) -> Beginning | ProviderError | None:
    """Returns how the first stream begins, or what broke it; `None` where the other was faster."""
    chunks: Beginning = []
    try:
        async with rival:
            chunks = await first.beginning()
    except ProviderError as error:
        return error
    return None if rival.won else chunks


async def _lost(run: Run, rival: Rival) -> None:
    """Closes and settles the second stream, where there is one."""
    failed = await rival.call_off()
    if rival.reading is None:
        return
    if failed is None:
        run.abandon(rival.reading.progress, late=False, streamed=True)
    else:
        run.fail(rival.reading.progress, failed)


class Rival:
    """Opens a second stream where the block that reads the first one takes long; leaves the block where it is faster.

    A block that ends in time costs one timer and no task. Inside, the loss shows as `asyncio.CancelledError`, which
    ends with the block, as in `asyncio.timeout`; a cancel that comes from elsewhere passes through.

    Args:
        after_s: when the first one is late; `None` for never.
        beside: opens the second stream; returns `None` where there is none to open.
    """

    def __init__(self, after_s: float | None, beside: Callable[[], Awaitable[Reading | None]]) -> None:
        self.reading: Reading | None = None
        """The second stream, once it was opened."""
        self.won = False
        self._after_s = after_s
        self._beside = beside
        self._timer: asyncio.TimerHandle | None = None
        self._reads: asyncio.Task[Beginning | ProviderError | None] | None = None
        self._first: asyncio.Task[object] | None = None
        self._n_cancels = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if self._after_s is not None and (task := asyncio.current_task(loop)) is not None:
            self._first, self._n_cancels = task, task.cancelling()
            self._timer = loop.call_later(self._after_s, self._start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        if self._timer is not None:
            self._timer.cancel()
        first, self._first = self._first, None  # from here on the second one interrupts nobody
        if first is None or not self.won:
            return False
        return first.uncancel() <= self._n_cancels and kind is asyncio.CancelledError

    async def beginning(self) -> Beginning | ProviderError | None:
        """Returns how the second stream begins, or what broke it; `None` where there is none."""
        return None if self._reads is None else await self._reads

    async def call_off(self) -> ProviderError | None:
        """Ends the second stream; returns what had broken it before, where something had."""
        if self._reads is None:
            return None
        self._reads.cancel()
        (said,) = await asyncio.gather(self._reads, return_exceptions=True)
        if self.reading is not None:
            await self.reading.aclose()
        return said if isinstance(said, ProviderError) else None

    def _start(self) -> None:
        self._reads = asyncio.ensure_future(self._read())
        self._reads.add_done_callback(self._interrupt)

    async def _read(self) -> Beginning | ProviderError | None:
        self.reading = await self._beside()
        if self.reading is None:
            return None
        try:
            return await self.reading.beginning()
        except ProviderError as error:
            return error

    def _interrupt(self, reads: asyncio.Task[Beginning | ProviderError | None]) -> None:
        if self._first is not None and not reads.cancelled() and isinstance(reads.result(), list):
            self.won = True
            self._first.cancel()  # which its next step takes up, whatever it was about to read
