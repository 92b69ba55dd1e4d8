"""Where a gateway has its answers verified: one process beside it, started when it is needed, ended when it hangs."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.learning.verifiers.base import Answer, Task
    from fairlead.learning.verifiers.worker import Named

MAX_LINE = 64 * 1024 * 1024
MARGIN_S = 2.0
"""What a worker may take beyond the time that its verifiers have."""

_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from fairlead.learning.verifiers.worker import main; main()"
WORKER = (sys.executable, "-I", "-c", _PROGRAM, str(Path(__file__).resolve().parents[3]))
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}
"""Made anew: the process has no business with the keys of providers."""

_SCORES = msgspec.json.Decoder(dict[str, float | None])


class Bench:
    """Verifies one answer after the other; the caller bounds how many wait.

    Args:
        command: of the process, for tests.
    """

    def __init__(self, command: Sequence[str] = WORKER) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self.n_hung = 0
        """Answers that were given up, since the process did not come back with them in time."""

    async def verify(
        self, verifiers: Sequence[Named], task: Task, answer: Answer, *, time_s: float
    ) -> dict[str, float | None]:
        """Returns the score by each verifier, by name; nothing at all where they took longer than `time_s`."""
        order = {"verifiers": verifiers, "task": task, "answer": answer}
        line = msgspec.json.encode(order) + b"\n"
        async with self._turn:
            try:
                async with asyncio.timeout(time_s + MARGIN_S):
                    return await self._answered(line)
            except (TimeoutError, OSError, msgspec.MsgspecError, asyncio.IncompleteReadError):
                self.n_hung += 1
                await self.aclose()
                return {}
            except BaseException:
                await self.aclose()  # it would answer the next one with this one's scores
                raise

    async def aclose(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _answered(self, line: bytes) -> dict[str, float | None]:
        process = self._process = self._process or await self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line)
        await process.stdin.drain()
        return _SCORES.decode(await process.stdout.readuntil(b"\n"))

    async def _started(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *self._command, env=_ENVIRONMENT, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, limit=MAX_LINE
        )
