"""Copies of requests to other candidates: which requests, which candidates, at what price; nothing is called here.

A request that is drawn is copied to every other candidate that can take it: candidates are compared on requests that
all of them answered (`policies/judging.py`), and half a row says next to nothing. The draw follows from the seed of the
request's own context, which is logged: so it can be told from the ledger alone which requests were to be copied.

The first copy that a day's sum has no room for ends the day's copies. Going on with those that still fit would copy
short requests more often than long ones, and the router would learn from the wrong mix; `design/outcomes.md` has the
simulation.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import structs

from fairlead.types import Decision, Stage, Step, ToolCall, ToolResult

if TYPE_CHECKING:
    from datetime import datetime

    from fairlead.learning.delivered import Delivered
    from fairlead.ledger.budget import Limit
    from fairlead.types import Request

MAX_COPIES = 8
"""Candidates that one request is copied to; of more the first of the route."""
MAX_CHARS = 400_000
"""A longer request is not copied."""


def draw(seed: int, purpose: str) -> float:
    """Returns a number in [0, 1) that follows from a context's seed: uniform, and another one for each purpose."""
    digest = hashlib.blake2b(f"{purpose}\n{seed}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2.0**53


def may_be_copied(delivered: Delivered) -> bool:
    """Says whether a request may be sent to another candidate without anything happening but an answer.

    Never one with tools, in a conversation with tool calls, or with anything that only a host of its own dialect can be
    told, such as its own searches; never one that goes on from an answer that a host has kept.
    """
    request, session = delivered.request, delivered.context.session
    tools = request.tools or any(isinstance(part, ToolCall | ToolResult) for m in request.messages for part in m.parts)
    stateful = request.native or request.previous_response_id is not None or request.dialect == "embeddings"
    opted_out = session is not None and session.opted_out
    return not (tools or stateful or opted_out or request.n > 1 or request.n_chars > MAX_CHARS)


def copy_of(request: Request) -> Request:
    """Returns what another candidate is sent: the same, whole and not as a stream."""
    return structs.replace(request, stream=False, include_usage=False)


@dataclass(slots=True, kw_only=True)
class Shadowing:
    """What a route copies.

    Args:
        share: of its requests.
        limit: what the copies may cost in a day.
        candidates: that get copies; `None` for all.
    """

    share: float
    limit: Limit
    candidates: tuple[str, ...] | None = None
    closed: str | None = None
    """The account, that is the day, in which there was no room for a copy."""

    def drawn(self, delivered: Delivered) -> bool:
        """Says whether this request is copied; the same for the same request."""
        return draw(delivered.context.seed, "shadow") < self.share and may_be_copied(delivered)

    def is_open(self, at: datetime) -> bool:
        """Says whether there may be room in the day's sum."""
        return self.closed != self.limit.account(at)

    def close(self, at: datetime) -> None:
        """Ends the day's copies."""
        self.closed = self.limit.account(at)

    def others(self, delivered: Delivered, at: datetime) -> tuple[str, ...]:
        """Returns who gets a copy: all but who answered, able to take it, at a known price."""
        wanted = self.candidates or tuple(delivered.candidates)
        able = (name for name in wanted if name in delivered.candidates and name not in delivered.decision.excluded)
        priced = (name for name in able if delivered.candidates[name].price_at(at) is not None)
        return tuple(name for name in priced if name != delivered.candidate)[:MAX_COPIES]

    def decision(self, delivered: Delivered, candidate: str) -> Decision:
        """Returns the decision behind a copy; its propensity is the share of the requests that are copied."""
        decided = delivered.decision
        return Decision(
            plan=(Stage(steps=(Step(candidate=candidate),)),),
            propensity=self.share,
            reason="shadow",
            reference=decided.reference,
            predictions=decided.predictions,
            policy="shadow",
            router_version=decided.router_version,
        )
