"""A caller that leaves cancels its call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.types import Receive


class CancelledByLeaving:
    """Cancels what runs in its block as soon as the caller is gone; `left` says afterwards whether that happened.

    Inside, the leave shows as `asyncio.CancelledError`, so whatever cleans up at a cancel cleans up here; it ends with
    the block. A cancel that comes from elsewhere passes through.
    """

    def __init__(self, receive: Receive) -> None:
        self.left = False
        self._receive = receive

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        self._watch = asyncio.ensure_future(self._wait())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        self._watch.cancel()
        if not self.left or self._task is None:
            return False
        return self._task.uncancel() == 0 and kind is asyncio.CancelledError

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        if self._task is not None:
            self._task.cancel()
