"""Deciding together: what comes in during one turn of the event loop is decided as one batch, which costs far less.

Nobody waits for others: the first of a turn has the batch decided as soon as all that came in with it had their say.
Each gets the decision that it would have had alone, to the last bit, and its own error.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairlead.router import Router
    from fairlead.types import Context, Decision, Request


class Together:
    """Gathers requests for each router."""

    def __init__(self) -> None:
        self._waiting: dict[Router, list[_Asked]] = {}

    async def route(self, router: Router, request: Request, context: Context) -> Decision:
        """Returns what `router.route` does, and raises what it raises."""
        loop = asyncio.get_running_loop()
        asked = _Asked(request, context, loop.create_future())
        if router in self._waiting:
            self._waiting[router].append(asked)
        else:
            self._waiting[router] = [asked]
            loop.call_soon(self._answer, router)
        return await asked.answer

    def _answer(self, router: Router) -> None:
        waiting = [asked for asked in self._waiting.pop(router) if not asked.answer.done()]  # some may have left
        for asked, found in zip(waiting, _found(router, waiting), strict=True):
            if isinstance(found, Exception):
                asked.answer.set_exception(found)
            else:
                asked.answer.set_result(found)


class _Asked(NamedTuple):
    request: Request
    context: Context
    answer: asyncio.Future[Decision]


def _found(router: Router, asked: Sequence[_Asked]) -> Iterator[Decision | Exception]:
    """Yields the decision of each, or why there is none; where the batch fails each is decided alone."""
    try:
        decisions = router.decide([one.request for one in asked], [one.context for one in asked])
    except Exception as error:  # noqa: BLE001 - it belongs to one of them, who gets it
        if len(asked) == 1:
            yield error
            return
        for one in asked:
            yield from _found(router, [one])
        return
    for i in range(len(asked)):
        try:
            yield decisions[i]
        except Exception as error:  # noqa: BLE001 - the same; `NoCandidateError` as a rule
            yield error
