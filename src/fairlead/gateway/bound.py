"""The most that a plan can cost: what is reserved before the first call, and listed where it was never settled."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from fairlead.types import Media, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fairlead.money import Price
    from fairlead.types import Candidate, Decision, Request


def most_usd(
    request: Request,
    decision: Decision,
    candidates: Mapping[str, Candidate],
    *,
    max_attempts: int,
    retries: int,
    between: tuple[datetime, datetime],
) -> Decimal | None:
    """Returns an upper bound on the bill of all attempts, `None` where a price or an amount has no bound.

    A token is at least a byte of the body, so the body's length bounds the input, at the dearest of what it may be
    billed as, except for media: these are billed by rules of their own. The output is bounded by the caller's limit,
    else by the candidate's. Of the prices that may hold between these moments the dearest counts, and of
    two sources that differ the dearer one.
    """
    if any(isinstance(part, Media) for message in request.messages for part in message.parts):
        return None
    planned = [step.candidate for stage in decision.plan for step in stage.steps]
    costs = [cost for name in planned if (cost := _call_usd(request, candidates[name], between)) is not None]
    if len(costs) < len(planned):
        return None
    dearest_first = sorted(costs * (1 + retries), reverse=True)
    return sum(dearest_first[:max_attempts], Decimal(0))


def _call_usd(request: Request, candidate: Candidate, between: tuple[datetime, datetime]) -> Decimal | None:
    output_tokens = request.max_output_tokens or candidate.capabilities.max_output_tokens
    if output_tokens is None:
        return None
    bounds = [_most(price, len(request.body), output_tokens * request.n) for price in candidate.prices_within(*between)]
    known = [bound for bound in bounds if bound is not None]
    return max(known) if len(known) == len(bounds) else None


def _most(price: Price | None, n_input: int, n_output: int) -> Decimal | None:
    """Returns what a call costs at most, whichever way its input is billed."""
    if price is None:
        return None
    read = Usage(input_tokens=n_input, output_tokens=n_output)
    written = Usage(input_tokens=0, cache_write_tokens=n_input, output_tokens=n_output)
    lasting = Usage(input_tokens=0, cache_write_1h_tokens=n_input, output_tokens=n_output)
    costs = map(price.cost_usd, (read, written, lasting))
    return max((cost for cost in costs if cost is not None), default=None)
