"""A request whose answer is kept already: nobody is called, and it has its two rows as any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.gateway.cache import Collector, cached_of, chunks_of
from fairlead.gateway.record import Record
from fairlead.gateway.routes import Routed
from fairlead.types import Decision, Outcome, Stage, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.gateway.cache import AnswerCache, Cached
    from fairlead.gateway.keys import Caller
    from fairlead.gateway.state import Gateway
    from fairlead.ledger.budget import Limit
    from fairlead.observers import Laps
    from fairlead.types import Context, Request, Response
    from fairlead.wire.codec import StreamEncoder


@dataclass(frozen=True, slots=True)
class Place:
    """Where the answer to a request is kept, or will be."""

    cache: AnswerCache
    name: bytes
    models: frozenset[str] | None
    """Whose answers the caller may have; `None` for all."""

    @classmethod
    def of(cls, gateway: Gateway, request: Request, caller: Caller) -> Place | None:
        """Returns the place; `None` where answers of this route, or to this request, are not kept."""
        cache = gateway.caches.get(request.model)
        name = None if cache is None else cache.name(request, caller.key_id)
        return None if cache is None or name is None else cls(cache, name, caller.models)

    def find(self) -> Cached | None:
        """Returns the answer that is kept here, if the caller may still be served by whose it is."""
        cached = self.cache.find(self.name)
        allowed = cached is None or self.models is None or cached.candidate in self.models
        return cached if allowed else None

    def keep(self, record: Record, outcome: Outcome, response: Response | None) -> None:
        """Keeps what came of a request, if that is a complete answer."""
        if (cached := cached_of(outcome, response, record.decision_id)) is not None:
            self.cache.keep(self.name, cached)

    def collector(self) -> Collector:
        """Returns what puts a streamed answer together."""
        return Collector()


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
