"""The two rows of a request: the intent before the first call, the settlement before the reply's last byte."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fairlead.gateway.bound import most_usd
from fairlead.ledger.base import Intent, Settlement
from fairlead.ledger.ids import new_id
from fairlead.wire.codec import Heading
from fairlead.wire.translation import lost

if TYPE_CHECKING:
    from fairlead.gateway.routes import Routed
    from fairlead.gateway.state import Gateway
    from fairlead.types import Context, Decision, Outcome, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A request that was decided, and its way into the ledger."""

    gateway: Gateway
    request: Request
    context: Context
    routed: Routed
    arrived_s: float
    """When the request came in, by `time.perf_counter`."""
    request_id: str = field(default_factory=lambda: new_id("req"))
    decision_id: str = field(default_factory=lambda: new_id("dec"))

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
            LedgerError: it is not: then nothing may be called.
        """
        await self.gateway.ledger.intent(self._intent())

    async def settle(self, outcome: Outcome) -> None:
        """Returns when it is committed what came of it.

        Raises:
            LedgerError: it is not: then the reply must not end as if it were.
        """
        reference_cost_usd = self.reference_cost_usd(outcome)
        at = datetime.now(UTC)
        await self.gateway.ledger.settle(
            Settlement(
                request_id=self.request_id,
                at=at,
                outcome=outcome,
                reference_cost_usd=reference_cost_usd,
                dropped=self.dropped(outcome.served),
            )
        )
        if self.context.session is not None:
            self.gateway.sessions.served(self.context.session, outcome.served)

    def known_as(self, answer_id: str) -> None:
        """Notes the id of the answer, where a later request may go on from it by that id."""
        if self.request.dialect == "responses" and self.context.session is not None:
            self.gateway.sessions.answered(self.context.session, answer_id)

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

    def _intent(self) -> Intent:
        candidates, session, limits = self.routed.candidates, self.context.session, self.gateway.limits
        return Intent(
            request_id=self.request_id,
            decision_id=self.decision_id,
            at=self.context.now,
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
                self.request, self.decision, candidates, max_attempts=limits.max_attempts, retries=limits.retries
            ),
            config_hash=self.gateway.config_hash,
            candidates={
                name: candidate.price.id if candidate.price else None for name, candidate in candidates.items()
            },
        )
