"""What happens once a reply was delivered: nobody waits for it, and nobody is served later because of it.

    served answer -> its verifiers score it
                  -> a share is copied to the other candidates; their answers are verified
                  -> a judge compares all of them

A bounded number of answers wait; what does not fit is not looked at, and counted.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from fairlead.errors import LimitExceededError
from fairlead.events import Event
from fairlead.learning.judging import hearing
from fairlead.learning.shadowing import copy_of
from fairlead.learning.verifying import Verifying, keep
from fairlead.ledger.base import Feedback

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from fairlead.learning.delivered import Delivered
    from fairlead.learning.judging import Judging
    from fairlead.learning.shadowing import Shadowing
    from fairlead.learning.verifiers.base import Answer
    from fairlead.learning.verifiers.bench import Bench
    from fairlead.ledger.base import Ledger, Purpose
    from fairlead.ledger.budget import Limit
    from fairlead.types import Decision, Request

LOG = logging.getLogger("fairlead.learning")
MAX_WAITING = 256
"""Answers that wait to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What one route learns from its answers."""

    verifying: Verifying
    shadowing: Shadowing | None = None
    judging: Judging | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """The answer to a call that nobody asked for, and the decision that it is kept under."""

    decision_id: str
    answer: Answer


class Calls(Protocol):
    """Makes calls that nobody asked for, each with rows of its own in the ledger."""

    async def call(
        self, delivered: Delivered, request: Request, decision: Decision, *, purpose: Purpose, limit: Limit
    ) -> Aside | None:
        """Returns the answer, `None` where there is none that can be scored.

        Raises:
            LimitExceededError: what it may cost does not fit into the day's sum: nothing was called.
        """
        ...


class Aftermath:
    """Looks at answers that were delivered, one after the other.

    Args:
        studies: route -> what it learns; other routes learn nothing.
        ledger: takes the scores.
        bench: where answers are verified.
        calls: makes copies and asks judges.
        max_waiting: answers that may wait to be verified, and as many that may wait to be copied.
    """

    def __init__(
        self,
        studies: Mapping[str, Study],
        ledger: Ledger,
        bench: Bench,
        calls: Calls,
        *,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._studies = studies
        self._ledger = ledger
        self._bench = bench
        self._calls = calls
        self._to_verify: asyncio.Queue[Delivered] = asyncio.Queue(max_waiting)
        self._to_copy: asyncio.Queue[Delivered] = asyncio.Queue(max_waiting)
        self.n_taken = 0
        self.n_passed_over = 0
        """Answers that were not verified, or not copied, since too many waited."""

    def wants(self, route: str) -> bool:
        """Says whether anything is learned from the answers of a route, or of one of its variants."""
        return _base(route) in self._studies

    def take(self, delivered: Delivered) -> None:
        """Takes an answer that was delivered; never waits."""
        study = self._studies[_base(delivered.route)]
        if study.verifying.verifiers:
            self._put(self._to_verify, delivered)
        if study.shadowing is not None and study.shadowing.drawn(delivered):
            self._put(self._to_copy, delivered)

    async def run(self) -> None:
        """Looks at what was taken, until it is cancelled; a copy that takes long holds up no verifier."""
        await asyncio.gather(self._work(self._to_verify, self._verify_served), self._work(self._to_copy, self._compare))

    async def idle(self) -> None:
        """Returns when all that was taken was looked at."""
        await self._to_verify.join()
        await self._to_copy.join()

    def _put(self, queue: asyncio.Queue[Delivered], delivered: Delivered) -> None:
        try:
            queue.put_nowait(delivered)
            self.n_taken += 1
        except asyncio.QueueFull:
            self.n_passed_over += 1
            if self.n_passed_over & (self.n_passed_over - 1) == 0:  # the 1st, 2nd, 4th, 8th ...
                LOG.warning(Event("answers_passed_over", n=self.n_passed_over, waiting=queue.qsize()))

    async def _work(self, queue: asyncio.Queue[Delivered], look: Callable[[Study, Delivered], Awaitable[None]]) -> None:
        while True:
            delivered = await queue.get()
            try:
                await look(self._studies[_base(delivered.route)], delivered)
            except Exception as error:  # noqa: BLE001 - learning never ends because of one answer
                LOG.warning(Event("answer_not_looked_at", error=type(error).__name__))
            finally:
                queue.task_done()

    async def _verify_served(self, study: Study, delivered: Delivered) -> None:
        await self._verify(study, delivered, _answered(delivered))

    async def _compare(self, study: Study, delivered: Delivered) -> None:
        """Copies a request, and has the answers judged."""
        assert study.shadowing is not None
        copies = await self._copied(study, study.shadowing, delivered)
        if copies and study.judging is not None and study.judging.drawn(delivered):
            await self._judge(study.judging, delivered, [_answered(delivered), *copies])

    async def _copied(self, study: Study, shadowing: Shadowing, delivered: Delivered) -> list[Aside]:
        """Sends the copies; returns what came back, verified."""
        copies: list[Aside] = []
        request = copy_of(delivered.request)
        for candidate in shadowing.others(delivered, datetime.now(UTC)):
            now = datetime.now(UTC)
            if not shadowing.is_open(now):
                break
            decision = shadowing.decision(delivered, candidate)
            try:
                copy = await self._calls.call(delivered, request, decision, purpose="shadow", limit=shadowing.limit)
            except LimitExceededError:
                shadowing.close(now)
                break
            if copy is not None:
                copies.append(copy)
                await self._verify(study, delivered, copy)
        return copies

    async def _verify(self, study: Study, delivered: Delivered, aside: Aside) -> None:
        said = await study.verifying.scores(self._bench, aside.decision_id, delivered.request, aside.answer)
        await keep(self._ledger, said)

    async def _judge(self, judging: Judging, delivered: Delivered, answers: Sequence[Aside]) -> None:
        asked = hearing(delivered, [(one.decision_id, one.answer.text) for one in answers])
        if asked is None:
            return
        try:
            reply = await self._calls.call(
                delivered, asked.request, judging.decision(), purpose="judge", limit=judging.limit
            )
        except LimitExceededError:
            return
        scores = {} if reply is None else asked.scores(reply.answer.text)
        now = datetime.now(UTC)
        await keep(
            self._ledger,
            [
                Feedback(decision_id=decision_id, at=now, score=score, source=judging.source)
                for decision_id, score in scores.items()
            ],
        )


def _answered(delivered: Delivered) -> Aside:
    return Aside(delivered.decision_id, delivered.answer)


def _base(route: str) -> str:
    return route.partition(":")[0]
