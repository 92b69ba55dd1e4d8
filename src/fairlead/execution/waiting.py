"""A limit on each of many waits: one timer, moved along only when it fires; and on a single one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Waiting:
    """Ends a block that takes too long with a TimeoutError, as `asyncio.timeout` does, again and again in one task.

        waiting = Waiting()
        with waiting.at_most(30.0):
            await ...
        waiting.close()

    A wait that ends in time costs no timer of its own: the one that is set fires, sees that the wait it was set for is
    over, and is set anew for the one that is open. A cancel that comes from elsewhere passes through.
    """

    __slots__ = ("_due_s", "_late", "_limit_s", "_loop", "_n_cancels", "_task", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit_s = 0.0
        self._due_s: float | None = None  # on the loop's clock; `None` while nothing is waited for
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._n_cancels = 0
        self._late = False

    def at_most(self, limit_s: float) -> Self:
        """Returns the context in which `limit_s` seconds may pass."""
        self._limit_s = limit_s
        return self

    def __enter__(self) -> None:
        task = self._task = asyncio.current_task(self._loop)
        assert task is not None
        self._n_cancels = task.cancelling()
        self._due_s = due_s = self._loop.time() + self._limit_s
        if self._timer is None:
            self._timer = self._loop.call_at(due_s, self._look)
        elif self._timer.when() > due_s:
            self._timer.cancel()
            self._timer = self._loop.call_at(due_s, self._look)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._due_s, task, self._task = None, self._task, None
        if not self._late:
            return
        self._late = False
        if task is not None and task.uncancel() <= self._n_cancels and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def close(self) -> None:
        """Takes the timer back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._due_s is None or self._task is None:
            return
        if self._due_s > self._loop.time():
            self._timer = self._loop.call_at(self._due_s, self._look)
        else:
            self._late = True
            self._task.cancel()


class TimeLimit:
    """The same for a single block, with a timer of its own: `asyncio.timeout` for less, since nothing is awaited.

    Example:
        >>> async def wait():
        ...     with TimeLimit(0.001):
        ...         await asyncio.Event().wait()
        >>> asyncio.run(wait())
        Traceback (most recent call last):
        TimeoutError
    """

    __slots__ = ("_late", "_limit_s", "_n_cancels", "_task", "_timer")

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._late = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task, self._n_cancels = task, task.cancelling()
        self._timer = loop.call_later(self._limit_s, self._end)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._late and self._task.uncancel() <= self._n_cancels and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _end(self) -> None:
        self._late = True
        self._task.cancel()
