"""The gateway's end of the child process that reads the ledger and renders pages.

A statement over a month of traffic takes seconds of arithmetic. Done here it would hold up requests that are being
served, in a thread as well, since threads take turns. So a child does it: started by the first page, at low priority,
asked one question at a time, stopped when it takes too long and when nobody has looked for a while.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from fairlead.dashboard.question import HEAD_BYTES, MAX_FRAME_BYTES, Page, decoded, framed
from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from fairlead.dashboard.question import Installation, Question

PATIENCE_S = 60.0
"""The longest that a page may take."""
IDLE_S = 120.0
"""How long the child stays when nobody looks."""
MAX_WAITING = 32
"""Questions that may wait for their turn."""


class Busy(FairleadError):  # noqa: N818 - said to a person, with a page
    """The dashboard cannot answer now; the gateway serves on."""


class Reader:
    """Asks the child process, and starts it where there is none.

    Args:
        installation: told to each child.
        patience_s: the longest that a page may take.
        idle_s: how long the child stays when nobody looks.
    """

    def __init__(self, installation: Installation, *, patience_s: float = PATIENCE_S, idle_s: float = IDLE_S) -> None:
        self._installation = installation
        self._patience_s = patience_s
        self._idle_s = idle_s
        self._child: Process | None = None
        self._turn = asyncio.Lock()
        self._n_waiting = 0
        self._leaving: asyncio.TimerHandle | None = None

    async def ask(self, question: Question) -> Page:
        """Returns the page.

        Raises:
            Busy: too many ask at once, the page takes too long, or the child broke.
        """
        if self._n_waiting >= MAX_WAITING:
            raise Busy(f"{MAX_WAITING} pages are waited for already. Try again soon.")
        self._n_waiting += 1
        try:
            async with self._turn:
                return await self._answer(question)
        finally:
            self._n_waiting -= 1

    async def close(self) -> None:
        """Ends the child."""
        if self._leaving is not None:
            self._leaving.cancel()
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            child.kill()
        if child is not None:
            await child.wait()

    async def _answer(self, question: Question) -> Page:
        if self._leaving is not None:
            self._leaving.cancel()
        try:
            async with asyncio.timeout(self._patience_s):
                page = await self._exchange(question)
        except TimeoutError:
            await self.close()
            raise Busy(f"The page took longer than {self._patience_s:g} s. Ask for a shorter period.") from None
        except (OSError, EOFError, ValueError) as error:
            await self.close()
            raise Busy(f"The reader broke ({type(error).__name__}). Try again; the gateway serves on.") from error
        except asyncio.CancelledError:  # half an answer lies in the pipe
            await self.close()
            raise
        self._leaving = asyncio.get_running_loop().call_later(self._idle_s, self._send_away)
        return page

    async def _exchange(self, question: Question) -> Page:
        child = await self._running()
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(framed(question))
        await child.stdin.drain()
        size = int.from_bytes(await child.stdout.readexactly(HEAD_BYTES), "big")
        if size > MAX_FRAME_BYTES:
            raise ValueError("a page is too large")
        page: Page = decoded(await child.stdout.readexactly(size), Page)
        return page

    async def _running(self) -> Process:
        if self._child is None or self._child.returncode is not None:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "fairlead.dashboard.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the gateway, which ends the child
            )
            assert self._child.stdin is not None
            self._child.stdin.write(framed(self._installation))
        return self._child

    def _send_away(self) -> None:
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()  # it ends by itself
            self._child = None
