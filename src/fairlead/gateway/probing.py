"""How fast the configured hosts are, and how often they fail: small calls, each paid for before it is made.

A call goes the way of a request: the same providers, the same limits, two rows in the ledger (purpose `probe`). Nothing
is asked again and nobody else is asked in its place: what failed is what is measured.

All of a run draw on one account that holds `max_usd`. A call's bound is set aside before it, and a call whose cost
nobody knows, such as one that was cut, keeps it. A host that writes more than the limit that it was sent is not called
again: its excess counts against the sum as well, which it may pass by the excess of one call.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from fairlead.eligibility import EXCLUSIONS, exclusions
from fairlead.errors import CredentialsError, LimitExceededError, NoCandidateError, ProviderError
from fairlead.gateway.paying import Paying
from fairlead.gateway.record import Record
from fairlead.gateway.routes import DIRECT, Routed
from fairlead.ledger.budget import Limit
from fairlead.ledger.ids import new_id
from fairlead.observers import Laps
from fairlead.types import Context, Decision, Stage, Step
from fairlead.wire.openai_request import decode

if TYPE_CHECKING:
    from collections.abc import Collection

    from fairlead.gateway.state import Gateway
    from fairlead.providers.base import Limits
    from fairlead.types import Attempt, Candidate, Outcome, Request

PROMPT = "Write the numbers from one to fifty as words, separated by commas."
MAX_OUTPUT_TOKENS = 64
TOTAL_S = 60.0
"""One call is given up after so long: it is a small one."""

STOPPED = EXCLUSIONS | {
    "recorded": "it answers from a table, which has no answer to this prompt and tells no pace",
    "over_bound": "a call cost more than its bound: the host does not keep to the limit on the output that it was sent",
    "key_refused": "its host does not take the key",
    "max_usd": "what is left of the sum may not pay for another call",
}
"""Why a candidate was called less often than asked for, or not at all."""


@dataclass(slots=True, kw_only=True)
class Probed:
    """What the calls of one candidate came to."""

    candidate: Candidate
    attempts: list[Attempt] = field(default_factory=list)
    served_as: set[str] = field(default_factory=set)
    """Names that the host gave its model, where they are none of the one that was asked for."""
    whys: dict[str, str] = field(default_factory=dict)
    """Class of an error -> why the last call failed that ended in it, without our key."""
    stopped: str | None = None
    """A word of `STOPPED`; `None` where all calls were made."""

    @property
    def at_most_usd(self) -> Decimal:
        """What the calls cost; of one whose cost is not known, what was set aside."""
        costs = (a.reserved_usd if a.cost_usd is None else a.cost_usd for a in self.attempts)
        return sum((cost for cost in costs if cost is not None), Decimal(0))

    def take(self, outcome: Outcome) -> None:
        """Takes in a call; no other is made to a host of which a bound does not hold, or that does not take the key."""
        self.attempts += outcome.attempts
        self.whys |= {type(cause).__name__: str(cause) for cause in outcome.causes}
        if any(isinstance(cause, CredentialsError) for cause in outcome.causes):
            self.stopped = "key_refused"
        bounds = [(a.cost_usd, a.reserved_usd) for a in outcome.attempts]
        if any(cost is not None and bound is not None and cost > bound for cost, bound in bounds):
            self.stopped = "over_bound"


def limits_of_probes(limits: Limits) -> Limits:
    """Returns the limits of the calls: one attempt, which is not held back by those that failed before."""
    total_s = min(TOTAL_S, limits.total_s)
    return replace(limits, total_s=total_s, max_attempts=1, retries=0, hedge_share=0.0, breaker_failures=0)


async def probe(
    gateway: Gateway, *, max_usd: Decimal, n_calls: int, recorded: Collection[str] = frozenset()
) -> list[Probed]:
    """Returns what each candidate did; they take turns, one call at a time, so that none slows another.

    Args:
        gateway: opened with `limits_of_probes`.
        max_usd: for all calls together.
        n_calls: of each candidate.
        recorded: providers that answer from tables.

    Raises:
        LedgerError: a row cannot be written; nothing more is called.
    """
    limit = Limit(kind="usd", owner=f"probe:{new_id('run')}", most=max_usd, per="total")
    found = [_begun(candidate, max_usd, recorded) for candidate in gateway.routes.candidates.values()]
    for _ in range(n_calls):
        for probed in found:
            if probed.stopped is None:
                await _call(gateway, probed, limit)
    return found


def asked(name: str) -> Request:
    """Returns what a candidate is asked: as a stream that tells its usage, with a small limit on the output."""
    body = {
        "model": name,
        "messages": [{"role": "user", "content": PROMPT}],
        "max_completion_tokens": MAX_OUTPUT_TOKENS,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return decode(msgspec.json.encode(body))


def _begun(candidate: Candidate, max_usd: Decimal, recorded: Collection[str]) -> Probed:
    if candidate.provider in recorded:
        return Probed(candidate=candidate, stopped="recorded")
    context = Context(now=datetime.now(UTC), budget_remaining_usd=max_usd)
    excluded = exclusions(asked(candidate.name), [candidate], context)
    return Probed(candidate=candidate, stopped=excluded.get(candidate.name))


async def _call(gateway: Gateway, probed: Probed, limit: Limit) -> None:
    record = _record(gateway, probed.candidate, limit)
    try:
        await record.intend()
    except NoCandidateError:
        probed.stopped = "unpriced_under_budget"
    except LimitExceededError:
        probed.stopped = "max_usd"
    else:
        outcome = await _answered(gateway, record)
        probed.take(outcome)
        if (name := record.served_as(outcome)) is not None:
            probed.served_as.add(name)


def _record(gateway: Gateway, candidate: Candidate, limit: Limit) -> Record:
    now, request = datetime.now(UTC), asked(candidate.name)
    plan = (Stage(steps=(Step(candidate=candidate.name),)),)
    decision = Decision(plan=plan, propensity=1.0, reason="probe", policy="probe")
    routed = Routed(route=DIRECT, decision=decision, candidates={candidate.name: candidate})
    purse = Paying(
        ledger=gateway.ledger,
        request=request,
        routed=routed,
        routes=gateway.routes,
        limits=(limit,),
        at=now,
        lease_s=gateway.limits.total_s,
    )
    return Record(
        gateway=gateway,
        request=request,
        context=Context(now=now),
        routed=routed,
        laps=Laps(),
        purpose="probe",
        purse=purse,
    )


async def _answered(gateway: Gateway, record: Record) -> Outcome:
    """Returns what came of the call, once it is settled; also where the user interrupts it."""
    stream = gateway.executor.stream(record.decision, record.request, purse=record.purse)
    try:
        if await stream.start():
            with suppress(ProviderError):
                async for _ in stream:
                    pass
    finally:
        await stream.aclose()
        assert stream.outcome is not None
        await record.settle(stream.outcome)
    return stream.outcome
