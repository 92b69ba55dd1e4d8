"""A caller that leaves cancels its call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from starlette.types import Receive


class CancelledByLeaving:
    """Cancels what runs in its block as soon as the caller is gone; `left` says afterwards whether that happened.

    Inside, the leave shows as `asyncio.CancelledError`, so whatever cleans up at a cancel cleans up here; it ends with
    the block. A cancel that comes from elsewhere passes through.

    Nothing runs beside the block: what waits for the caller's leaving is resumed by the very future that it waits for,
    which saves every request a task.
    """

    def __init__(self, receive: Receive) -> None:
        self.left = False
        self._receive = receive

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(loop)
        self._waiting: Coroutine[asyncio.Future[object] | None, None, None] | None = self._until_left()
        loop.call_soon(self._step)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.close()
        if not self.left or self._task is None:
            return False
        return self._task.uncancel() == 0 and kind is asyncio.CancelledError

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _step(self, _done: object = None) -> None:
        """Lets the wait go on until the next future, as a task would."""
        if self._waiting is None:
            return
        try:
            future = self._waiting.send(None)
        except StopIteration:
            self._leave()
        else:
            _call_when_done(future, self._step)

    def _leave(self) -> None:
        self._waiting, self.left = None, True
        if self._task is not None:
            self._task.cancel()


def _call_when_done(future: asyncio.Future[object] | None, step: Callable[[object], object]) -> None:
    """Has `step` called when a future that a coroutine awaits is done; `None` is a turn that it gives to others."""
    if future is None:
        asyncio.get_running_loop().call_soon(step, None)
        return
    future._asyncio_future_blocking = False  # noqa: SLF001 - the mark of `await`: whoever drives a coroutine takes it off
    future.add_done_callback(step)
