"""Group commit: many callers wait, and all that has gathered is written in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import defaultdict
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from fairlead.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    _Write = Callable[[Sequence["T"]], "Sequence[R | Exception] | None"]

T = TypeVar("T")
R = TypeVar("R")

MAX_BATCH = 500
"""Changes in one transaction."""
MAX_AT_ONCE = 100
"""Changes that the loop writes in one turn, about 4 ms of it; more are left to the thread, and the loop goes on."""
MAX_WAITING = 20_000
"""Changes that may wait for the writer; more are refused, so that a stalled disk cannot eat the memory."""


class _Waiting(msgspec.Struct, Generic[T, R], frozen=True):
    change: T
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[R]


class GroupCommit(Generic[T, R]):
    """Commits changes from any number of tasks together: those of one turn of the loop, or more.

    What can be written at once is written by the loop itself: to hand it to a thread and back takes longer. Whatever
    has to be waited for is left to one writer thread. It starts with the first such change, sleeps while there is none,
    and takes whatever has gathered while it was writing: the busier it is, the larger its batches. One of the two
    writes at a time.

    Args:
        write: commits a batch; returns, for each change, what came of it, or why it was not kept.
        name: of the thread.
        at_once: the same without waiting; `None` where it has to be waited for something, and nothing was done.
        idle: called in the thread while there is nothing to write.
        pause: returns after how many seconds without a change `idle` is due; `None` for never.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Sequence[R | Exception]],
        *,
        name: str,
        at_once: Callable[[Sequence[T]], Sequence[R | Exception] | None] = lambda _: None,
        idle: Callable[[], object] = lambda: None,
        pause: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._write = write
        self._at_once = at_once
        self._idle = idle
        self._pause = pause
        self._waiting: list[_Waiting[T, R]] = []
        self._calls: SimpleQueue[None] = SimpleQueue()
        """Each wakes the thread."""
        self._called = False  # one is on its way
        self._writing = False  # somebody is
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._lock = threading.Lock()  # over all of the above
        self._closed = False

    @property
    def n_waiting(self) -> int:
        """Changes that wait to be written."""
        return len(self._waiting)

    async def commit(self, change: T) -> R:
        """Returns what came of `change` when it is committed.

        A caller that is cancelled stops waiting; its change is committed all the same.

        Raises:
            LedgerError: it was not kept; the message says why.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[R] = loop.create_future()
        self._put(_Waiting(change, loop, done))
        return await done

    async def close(self) -> None:
        """Returns when all that was handed over is written and the thread has ended."""
        with self._lock:
            self._closed = True
            if self._waiting:
                self._start()
        self._calls.put(None)
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def _put(self, waiting: _Waiting[T, R]) -> None:
        with self._lock:
            if self._closed:
                raise LedgerError("this ledger is closed. Open it anew to write to it.")
            if len(self._waiting) >= MAX_WAITING:
                raise LedgerError(
                    f"{MAX_WAITING} rows wait for the ledger, which is its limit. Look at the disk it writes to."
                )
            self._waiting.append(waiting)
            called, self._called = self._called, True
        if not called:  # once a turn of the loop: whoever else commits in it is in the same batch
            waiting.loop.call_soon(self._turn, waiting.loop)

    def _turn(self, here: asyncio.AbstractEventLoop) -> None:
        """Writes what has gathered in this turn of the loop; calls the thread for what that leaves."""
        self._called = False
        batch = self._taken() if len(self._waiting) <= MAX_AT_ONCE else []
        answers = self._answers(self._at_once, batch) if batch else None
        with self._lock:
            if batch:
                self._writing = False
            if answers is None:
                self._waiting = [*batch, *self._waiting]
            if left := bool(self._waiting):
                self._start()
        if left:
            self._calls.put(None)
        if answers is not None:
            _wake(batch, answers, here)

    def _taken(self) -> list[_Waiting[T, R]]:
        """Returns what waits, to be written by whoever asks; nothing while somebody writes."""
        with self._lock:
            if self._writing:
                return []
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            self._writing = bool(batch)
            return batch

    def _answers(self, write: _Write[T, R], batch: Sequence[_Waiting[T, R]]) -> Sequence[R | Exception] | None:
        try:
            return write([waiting.change for waiting in batch])
        except Exception as error:  # noqa: BLE001 - whatever broke, nobody may be left waiting
            return [error] * len(batch)

    def _start(self) -> None:
        if self._thread.ident is None:
            self._thread.start()

    def _run(self) -> None:
        while batch := self._gather():
            answers = self._answers(self._write, batch)
            self._written()
            _wake(batch, answers or ())

    def _gather(self) -> list[_Waiting[T, R]]:
        """Returns all that waits, at least one change; nothing once this is closed and all is written."""
        while True:
            if (batch := self._taken()) or (self._closed and not self._waiting):
                return batch
            try:
                self._calls.get(timeout=self._pause())
            except Empty:
                self._rest()

    def _rest(self) -> None:
        """Does what is due while there is nothing to write; nobody else writes meanwhile."""
        with self._lock:
            if self._writing:
                return
            self._writing = True
        try:
            self._idle()
        finally:
            self._written()

    def _written(self) -> None:
        with self._lock:
            self._writing = False


def _wake(
    batch: Sequence[_Waiting[T, R]], answers: Sequence[R | Exception], here: asyncio.AbstractEventLoop | None = None
) -> None:
    """Tells each event loop once what became of its changes; the one that we are in, `here`, without a detour."""
    by_loop = defaultdict(list)
    for waiting, answer in zip(batch, answers, strict=True):
        by_loop[waiting.loop].append((waiting.done, answer))
    for loop, answered in by_loop.items():
        if loop is here:
            _answer(answered)
            continue
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_answer, answered)


def _answer(answered: Sequence[tuple[asyncio.Future[R], R | Exception]]) -> None:
    for done, answer in answered:
        if done.done():  # its caller was cancelled
            continue
        if isinstance(answer, Exception):
            done.set_exception(answer)
        else:
            done.set_result(answer)
