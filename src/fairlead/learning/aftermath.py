"""What happens once a reply was delivered: nobody waits for it, and nobody is served later because of it.

    served answer -> its verifiers score it

A bounded number of answers wait; what does not fit is not looked at, and counted.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.learning.verifying import Verifying, keep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.learning.delivered import Delivered
    from fairlead.learning.verifiers.bench import Bench
    from fairlead.ledger.base import Ledger

LOG = logging.getLogger("fairlead.learning")
MAX_WAITING = 256
"""Answers that wait to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What one route learns from its answers."""

    verifying: Verifying


class Aftermath:
    """Looks at answers that were delivered, one after the other.

    Args:
        studies: route -> what it learns; other routes learn nothing.
        ledger: takes the scores.
        bench: where answers are verified.
        max_waiting: answers that may wait.
    """

    def __init__(
        self, studies: Mapping[str, Study], ledger: Ledger, bench: Bench, *, max_waiting: int = MAX_WAITING
    ) -> None:
        self._studies = studies
        self._ledger = ledger
        self._bench = bench
        self._waiting: asyncio.Queue[Delivered] = asyncio.Queue(max_waiting)
        self.n_taken = 0
        self.n_passed_over = 0
        """Answers that nobody looked at, since too many waited."""

    def wants(self, route: str) -> bool:
        """Says whether anything is learned from the answers of a route, or of one of its variants."""
        return _base(route) in self._studies

    def take(self, served: Delivered) -> None:
        """Takes an answer that was delivered; never waits."""
        try:
            self._waiting.put_nowait(served)
            self.n_taken += 1
        except asyncio.QueueFull:
            self.n_passed_over += 1

    async def run(self) -> None:
        """Looks at what was taken, until it is cancelled."""
        while True:
            served = await self._waiting.get()
            try:
                await self._look_at(served)
            except Exception as error:  # noqa: BLE001 - learning never ends because of one answer
                LOG.warning("an answer could not be looked at: %s", type(error).__name__)
            finally:
                self._waiting.task_done()

    async def idle(self) -> None:
        """Returns when all that was taken was looked at."""
        await self._waiting.join()

    async def _look_at(self, served: Delivered) -> None:
        study = self._studies[_base(served.route)]
        said = await study.verifying.scores(self._bench, served.decision_id, served.request, served.answer)
        await keep(self._ledger, said)


def _base(route: str) -> str:
    return route.partition(":")[0]
