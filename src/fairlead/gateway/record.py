"""The two rows of a request: the intent before the first call, the settlement before the reply's last byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from fairlead.features.kinds import task_kind
from fairlead.gateway.bound import most_usd
from fairlead.gateway.keys import ANYBODY
from fairlead.gateway.served_as import served_as
from fairlead.learning.delivered import Delivered
from fairlead.ledger.base import Intent, Settlement
from fairlead.ledger.ids import new_id
from fairlead.observers import Served
from fairlead.wire.codec import Heading
from fairlead.wire.translation import lost

if TYPE_CHECKING:
    from decimal import Decimal

    from fairlead.errors import BudgetExceededError
    from fairlead.gateway.cache import Cached, Place
    from fairlead.gateway.keys import Caller
    from fairlead.gateway.paying import Paying
    from fairlead.gateway.routes import Routed
    from fairlead.gateway.state import Gateway
    from fairlead.learning.verifiers.base import Answer
    from fairlead.ledger.base import Purpose
    from fairlead.observers import Laps
    from fairlead.types import Context, Decision, Outcome, Request


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was decided, and its way into the ledger."""

    gateway: Gateway
    request: Request
    context: Context
    routed: Routed
    laps: Laps
    """Began when the request came in."""
    trace_parent: str | None = None
    """The caller's own trace."""
    caller: Caller = ANYBODY
    purse: Paying | None = None
    """The limits that the request is under; `None` for none."""
    purpose: Purpose = "serve"
    parent_id: str | None = None
    """The decision that a shadow or a judge follows."""
    place: Place | None = None
    """Where the answer will be kept; `None` where it will not."""
    cached: Cached | None = None
    """The answer that is given again."""
    request_id: str = msgspec.field(default_factory=lambda: new_id("req"))
    decision_id: str = msgspec.field(default_factory=lambda: new_id("dec"))

    @property
    def decision(self) -> Decision:
        """What was decided."""
        return self.routed.decision

    @property
    def created(self) -> int:
        """When it came in, Unix time, seconds."""
        return int(self.context.now.timestamp())

    def heading(self, served: str | None) -> Heading:
        """Returns what stands over the answer of the candidate that serves."""
        return Heading(id=self.request_id, model=served or self.decision.model, created=self.created)

    async def intend(self) -> None:
        """Returns when it is committed what will be called, and what it costs at most.

        Raises:
            LimitExceededError: a limit forbids it; so does LedgerError: it is not committed. Nothing may be called.
        """
        if self.purse is None:
            await self.gateway.ledger.intent(self._intent())
        else:
            claims = self.purse.opening(self.request_id)
            self.purse.granted(await self.gateway.ledger.intent(self._intent(), claims))
            self.gateway.remaining.note(self.purse.standings, self.context.now)
        self.laps.lap("ledger")

    async def cheaper(self, error: BudgetExceededError) -> Record | None:
        """Returns the record of this request with those whom the rest of a budget pays for; `None` for nobody."""
        purse, gateway = self.purse, self.gateway
        affordable = frozenset() if purse is None else purse.affordable(error.remaining)
        if not affordable or purse is None or self.routed.route not in gateway.routes.routers:
            return None
        context = msgspec.structs.replace(self.context, limits=replace(self.context.limits, affordable=affordable))
        routed, context = await gateway.decide(self.request, context, self.caller)
        paying = gateway.purse(self.request, routed, context, purse.limits)
        return msgspec.structs.replace(self, context=context, routed=routed, purse=paying)

    async def settle(self, outcome: Outcome) -> None:
        """Returns when it is committed what came of it.

        Raises:
            LedgerError: it is not: then the reply must not end as if it were.
        """
        self.laps.lap("upstream")
        row = Settlement(
            request_id=self.request_id,
            at=datetime.now(UTC),
            outcome=outcome,
            reference_cost_usd=self.reference_cost_usd(outcome),
            dropped=self.dropped(outcome.served),
            saved_usd=self.saved_usd,
        )
        settled = False
        try:
            await self.gateway.ledger.settle(row)
            settled = True
        finally:
            self.laps.lap("ledger")
            if self.purpose in {"serve", "cache"}:
                self.gateway.observers.notify(self._served(row, settled=settled))
        if self.context.session is not None and self.purpose != "cache":
            self.gateway.sessions.served(self.context.session, outcome.served)

    def known_as(self, answer_id: str) -> None:
        """Notes the id of the answer, where a later request may go on from it by that id."""
        if self.request.dialect == "responses" and self.context.session is not None:
            self.gateway.sessions.answered(self.context.session, answer_id)

    @property
    def saved_usd(self) -> Decimal | None:
        """What the answer that is given again had cost."""
        return None if self.cached is None else self.cached.cost_usd

    @property
    def cache_state(self) -> str | None:
        """Whether the answer was kept already: `hit` or `miss`; `None` where answers are not kept."""
        if self.cached is not None:
            return "hit"
        return None if self.place is None else "miss"

    def output_limit(self, served: str | None) -> int | None:
        """Returns the limit on the output that was sent because a budget pays for no more; `None` for none."""
        return None if served is None or self.purse is None else self.purse.output_limit(served)

    @property
    def budget_remaining_usd(self) -> str | None:
        """What was left of the tightest budget when this request had been paid for; `None` without one."""
        left = [] if self.purse is None else [s.remaining for s in self.purse.standings if s.limit.kind == "usd"]
        return format(min(left), "f") if left else None

    def dropped(self, served: str | None) -> tuple[str, ...]:
        """Returns the hints of the request that the host which serves cannot be told."""
        if served is None:
            return ()
        candidate = self.routed.candidates[served]
        return lost(self.request, candidate.dialects, candidate.refused).hints

    def reference_cost_usd(self, outcome: Outcome) -> float | None:
        """Returns what the reference cost where it served, else what it was predicted to cost."""
        reference = self.decision.reference
        for attempt in outcome.attempts:
            if attempt.candidate == reference and attempt.status == "ok" and attempt.cost_usd is not None:
                return float(attempt.cost_usd)
        return next((p.cost_usd for p in self.decision.predictions if p.candidate == reference), None)

    def served_as(self, outcome: Outcome) -> str | None:
        """Returns the name that the host gave its model, where it is another one than was asked for."""
        return served_as(outcome.delivered, self.routed.candidates.get(outcome.served or ""))

    def overhead_s(self, outcome: Outcome) -> float:
        """Returns what the gateway added so far: the time that no call to a host was open in."""
        return max(0.0, self.laps.total_s() - sum(attempt.latency_s for attempt in outcome.attempts))

    def _served(self, row: Settlement, *, settled: bool) -> Served:
        outcome = msgspec.structs.replace(row.outcome, response=None)
        return Served(
            request_id=self.request_id,
            decision_id=self.decision_id,
            at=self.context.now,
            route=self.routed.route,
            dialect=self.request.dialect,
            stream=self.request.stream,
            decision=self.decision,
            outcome=outcome,
            reference_cost_usd=row.reference_cost_usd,
            served_as=self.served_as(outcome),
            settled=settled,
            spent_s=dict(self.laps.spent_s),
            total_s=self.laps.total_s(),
            overhead_s=self.overhead_s(outcome),
            trace_parent=self.trace_parent,
        )

    @property
    def studied(self) -> bool:
        """Whether anything is learned from the answer."""
        aftermath = self.gateway.aftermath
        return aftermath is not None and aftermath.wants(self.routed.route)

    def delivered(self, outcome: Outcome, answer: Answer | None) -> None:
        """Hands the answer on, now that the caller has it, to whatever learns from it."""
        aftermath = self.gateway.aftermath
        if aftermath is None or answer is None or outcome.status != "delivered" or outcome.served is None:
            return
        aftermath.take(
            Delivered(
                decision_id=self.decision_id,
                route=self.routed.route,
                request=self.request,
                context=self.context,
                decision=self.decision,
                candidates=self.routed.candidates,
                candidate=outcome.served,
                answer=answer,
                config_hash=self.gateway.config_hash,
                key_id=self.caller.key_id,
                team=self.caller.team,
            )
        )

    def _intent(self) -> Intent:
        candidates, session, limits = self.routed.candidates, self.context.session, self.gateway.limits
        now = self.context.now
        return Intent(
            request_id=self.request_id,
            decision_id=self.decision_id,
            at=now,
            route=self.routed.route,
            model_asked=self.request.model,
            dialect=self.request.dialect,
            stream=self.request.stream,
            session_id=session.id if session else None,
            session_rule=session.rule if session else None,
            prompt_id=self.request.metadata.get("prompt_id"),
            decision=self.decision,
            context=self.context,
            reserved_usd=most_usd(
                self.request,
                self.decision,
                candidates,
                max_attempts=limits.max_attempts,
                retries=limits.retries,
                between=(now, now + timedelta(seconds=limits.total_s)),
                bounds=self.purse.bounds if self.purse is not None and self.purse.has_budget else None,
            ),
            config_hash=self.gateway.config_hash,
            key_id=self.caller.key_id,
            team=self.caller.team,
            opted_out=session is not None and session.opted_out,
            payloads=self.gateway.keeping.payloads(self.routed.route, self.request) if self.purpose == "serve" else (),
            purpose=self.purpose,
            parent_id=self.parent_id,
            candidates={
                name: price.id if (price := candidate.price_at(now)) else None for name, candidate in candidates.items()
            },
            kind=task_kind(self.request),
        )
