"""A request whose answer is kept already: nobody is called, and it has its two rows as any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.gateway.cache import chunks_of
from fairlead.gateway.record import Record
from fairlead.gateway.routes import Routed
from fairlead.types import Decision, Outcome, Stage, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.gateway.cache import Cached
    from fairlead.gateway.keys import Caller
    from fairlead.gateway.state import Gateway
    from fairlead.ledger.budget import Limit
    from fairlead.observers import Laps
    from fairlead.types import Context, Request
    from fairlead.wire.codec import StreamEncoder


def replayed(
    gateway: Gateway,
    request: Request,
    context: Context,
    caller: Caller,
    *,
    cached: Cached,
    limits: tuple[Limit, ...],
    laps: Laps,
) -> Record:
    """Returns the record of a request that is answered with what is kept.

    It counts as a request of its key, and uses neither tokens nor money.
    """
    gateway.routes.check(request.model, caller)
    plan = (Stage(steps=(Step(candidate=cached.candidate),)),)
    decision = Decision(plan=plan, propensity=1.0, reason="cache_hit", policy="cache")
    routed = Routed(route=request.model, decision=decision, candidates=gateway.routes.candidates_of(request.model))
    counted = tuple(limit for limit in limits if limit.kind == "requests")
    return Record(
        gateway=gateway,
        request=request,
        context=context,
        routed=routed,
        laps=laps,
        caller=caller,
        purse=gateway.purse(request, routed, context, counted),
        purpose="cache",
        parent_id=cached.decision_id,
        cached=cached,
    )


def outcome_of(cached: Cached) -> Outcome:
    """Returns what comes of a replay: an answer, and no call."""
    return Outcome(status="delivered", attempts=(), response=cached.response, served=cached.candidate)


def events_of(cached: Cached, encoder: StreamEncoder) -> Iterator[bytes]:
    """Yields the kept answer as a stream, but for its end."""
    yield from filter(None, map(encoder.chunk, chunks_of(cached.response)))
