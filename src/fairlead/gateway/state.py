"""What a running gateway holds."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import structs

from fairlead.errors import NoCandidateError
from fairlead.gateway.body import read_body
from fairlead.gateway.keeping import Keeping
from fairlead.gateway.keys import ANYBODY, caller_of
from fairlead.gateway.paying import Paying, Remaining
from fairlead.ledger.ids import RANDOM
from fairlead.types import CallerLimits, Context
from fairlead.wire import anthropic_request, responses_request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import Receive, Scope

    from fairlead.execution import Executor
    from fairlead.gateway.cache import AnswerCache
    from fairlead.gateway.keys import Caller, Door
    from fairlead.gateway.routes import Routed, Routes
    from fairlead.gateway.sessions import Sessions
    from fairlead.gateway.watching import Watch
    from fairlead.learning.aftermath import Aftermath
    from fairlead.ledger.base import Ledger
    from fairlead.ledger.budget import Limit
    from fairlead.observers import Observers
    from fairlead.observers.metrics import Metrics
    from fairlead.providers.base import Limits
    from fairlead.types import Request


NO_LIMITS = CallerLimits()
LEASE_MARGIN_S = 60.0
"""How much longer than its deadline a request may take to be settled, seconds: then its lease ends."""
THINKING = {anthropic_request.THOUGHTS, responses_request.THOUGHTS}
"""Hints of a request that say that it carries signed thinking."""


@dataclass(slots=True, kw_only=True)
class Loaded:
    """How the configuration that serves came to be: told by `/health/ready`."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was taken up."""
    n_reloads: int = 0
    n_refused: int = 0
    """Changes that were not taken up."""
    error: str | None = None
    """Why the last change was not; `None` where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Everything that serving needs, built before the port opens."""

    config_hash: str
    routes: Routes
    executor: Executor
    ledger: Ledger
    sessions: Sessions
    limits: Limits
    max_body_bytes: int
    max_in_flight: int
    metrics: Metrics
    observers: Observers
    watch: Watch
    door: Door
    caches: Mapping[str, AnswerCache]
    """Route -> its answers, for those that keep them."""
    keeping: Keeping = field(default_factory=Keeping)
    remaining: Remaining = field(default_factory=Remaining)
    aftermath: Aftermath | None = None
    """What looks at answers once they were delivered; `None` where no route learns."""
    loaded: Loaded = field(default_factory=Loaded)
    """How its configuration came to be."""
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What is closed when another configuration has taken the place of this one."""

    async def body(self, scope: Scope, receive: Receive) -> bytes:
        """Returns the body of a request, within the limits; see `read_body`."""
        return await read_body(scope, receive, max_bytes=self.max_body_bytes, patience_s=self.limits.idle_s)

    def with_thinker(self, request: Request, context: Context) -> Request:
        """Returns the request with whose thinking it carries, where the session remembers who answered last."""
        last = None if context.session is None else context.session.last_candidate
        candidate = self.routes.candidates.get(last or "")
        if candidate is None or THINKING.isdisjoint(request.hints):
            return request
        return structs.replace(request, thinker=candidate.weights or candidate.model)

    def limits_of(self, model: str, caller: Caller = ANYBODY) -> tuple[Limit, ...]:
        """Returns the limits that a request for this model or route is under: the caller's, and the route's."""
        budget = self.routes.budgets.get(model)
        return caller.limits if budget is None else (*caller.limits, budget)

    def purse(self, request: Request, routed: Routed, context: Context, limits: tuple[Limit, ...]) -> Paying | None:
        """Returns what pays for a request; `None` where nothing limits it."""
        if not limits:
            return None
        return Paying(
            ledger=self.ledger,
            request=request,
            routed=routed,
            routes=self.routes,
            limits=limits,
            at=context.now,
            lease_s=self.limits.total_s + LEASE_MARGIN_S,
        )

    def context(self, request: Request, scope: Scope, limits: Sequence[Limit] = ()) -> Context:
        """Returns the circumstances of a request, taken once: from here on deciding is pure."""
        now, caller = datetime.now(UTC), caller_of(scope)
        return Context(
            now=now,
            seed=RANDOM.bits(63),
            hosts=self.executor.hosts.states(),
            session=self.sessions.state(request, scope, now),
            limits=NO_LIMITS if caller.models is None else CallerLimits(allowed=caller.models),
            budget_remaining_usd=self.remaining.of(limits, now) if limits else None,
            alarms=self.watch.alarms(request.model),
        )

    async def decide(self, request: Request, context: Context, caller: Caller = ANYBODY) -> tuple[Routed, Context]:
        """Returns the decision, and the circumstances under which it was made; see `Routes.decide`.

        Where calls of everybody are held back the hosts are tried all the same: one that answers now and then is better
        than none.
        """
        if caller is not ANYBODY:
            self.routes.check(request.model, caller)
        try:
            return await self.routes.decide(request, context), context
        except NoCandidateError as error:
            if "breaker_open" not in error.excluded.values():
                raise
        context = structs.replace(context, hosts={})
        return await self.routes.decide(request, context), context
