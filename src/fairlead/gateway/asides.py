"""Calls that nobody asked for: copies of requests, and judges. Each has its own rows, and is paid for beforehand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import structs

from fairlead.errors import NoCandidateError
from fairlead.gateway.keys import Caller
from fairlead.gateway.paying import Paying
from fairlead.gateway.record import Record
from fairlead.gateway.routes import Routed
from fairlead.learning.aftermath import Aside
from fairlead.learning.delivered import answer_of
from fairlead.observers import Laps

if TYPE_CHECKING:
    from fairlead.gateway.state import Gateway
    from fairlead.learning.delivered import Delivered
    from fairlead.ledger.base import Purpose
    from fairlead.ledger.budget import Limit
    from fairlead.types import Decision, Request


class Asides:
    """Makes them; see `learning.aftermath.Calls`.

    Args:
        gateway: that serves.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def call(
        self, delivered: Delivered, request: Request, decision: Decision, *, purpose: Purpose, limit: Limit
    ) -> Aside | None:
        """Returns the answer, `None` where there is none that can be scored."""
        gateway, now = self._gateway, datetime.now(UTC)
        name = decision.model
        context = structs.replace(delivered.context, now=now, session=None, hosts={})
        routed = Routed(route=delivered.route, decision=decision, candidates={name: gateway.routes.candidates[name]})
        record = Record(
            gateway=gateway,
            request=request,
            context=context,
            routed=routed,
            laps=Laps(),
            caller=Caller(key_id=delivered.key_id, team=delivered.team),  # whose doing it was; not who pays
            purpose=purpose,
            parent_id=delivered.decision_id,
            purse=Paying(
                ledger=gateway.ledger,
                request=request,
                routed=routed,
                routes=gateway.routes,
                limits=(limit, *gateway.limits_of(delivered.route)),
                at=now,
                lease_s=gateway.limits.total_s,
            ),
        )
        try:
            await record.intend()
        except NoCandidateError:
            return None  # what it may cost cannot be told
        outcome = await gateway.executor.execute(decision, request, seed=context.seed, purse=record.purse)
        await record.settle(outcome)
        if outcome.status == "cancelled":  # the executor made an outcome of it, so that it could be settled
            raise asyncio.CancelledError
        answer = None if outcome.response is None else answer_of(outcome.response)
        return None if answer is None else Aside(record.decision_id, answer)
