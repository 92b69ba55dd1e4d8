"""Who may serve a request, and why the others may not: hard limits before any prediction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.types import CallerLimits, Usage, estimated_tokens
from fairlead.wire.translation import lost

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from fairlead.types import Candidate, Capabilities, Context, Dialect, Request

_NO_LIMITS = CallerLimits()
MARGIN_PERCENT = 10
"""Input tokens are estimated from characters; this much more must fit, rounded up."""

EXCLUSIONS = {
    "not_allowed": "the caller's allow list does not name it",
    "breaker_open": "its host is failing: calls are held back",
    "context_window": "request and answer may not fit its context window",
    "output_limit": "it cannot write as many tokens as the caller allows",
    "untranslatable": "the request asks for what the dialect of its host cannot say",
    "price_unknown": "the caller caps the price of a call and its price is not known",
    "output_unbounded": "the caller caps the price of a call and nothing bounds its output",
    "price_cap": "a call may cost more than the caller allows",
    "over_budget": "a call may cost more than the rest of the budget",
    "unpriced_under_budget": "a budget is set, and what a call may cost is not known",
} | {
    f"{need}_{state}": f"{need} is needed and {said}"
    for need in ("tools", "vision", "audio", "files", "json_schema")
    for state, said in (("unsupported", "it has none"), ("unknown", "it is not known whether it has it"))
}
"""Every reason an exclusion can carry, in words."""


def exclusions(request: Request, candidates: Sequence[Candidate], context: Context) -> dict[str, str]:
    """Returns candidate name -> the first reason, a word of `EXCLUSIONS`, why it may not serve; the others may.

    An unknown limit on tokens excludes nobody; an unknown capability excludes where it is needed. Hosts are looked up
    in the context by candidate name.
    """
    demand = _Demand.of(request, candidates)
    reasons = {candidate.name: _reason(candidate, demand, context) for candidate in candidates}
    return {name: reason for name, reason in reasons.items() if reason is not None}


_Host = tuple[tuple["Dialect", ...], tuple[str, ...]]
"""Dialects that are spoken, and fields that are refused in the first of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What every one of some candidates can take: a plain request within it excludes nobody, without asking each."""

    context_tokens: float
    output_tokens: float
    hosts: frozenset[_Host]
    priced: bool

    @classmethod
    def of(cls, candidates: Sequence[Candidate]) -> Room:
        """Returns the smallest window and the smallest output limit; unknown ones exclude nobody."""
        able = [candidate.capabilities for candidate in candidates]
        return cls(
            context_tokens=min((a.context_tokens for a in able if a.context_tokens is not None), default=math.inf),
            output_tokens=min((a.max_output_tokens for a in able if a.max_output_tokens is not None), default=math.inf),
            hosts=_hosts(candidates),
            priced=all(candidate.price is not None and candidate.tariff is None for candidate in candidates),
        )

    def takes(self, request: Request, context: Context) -> bool:
        """Says whether nobody is excluded; false where each candidate must be asked."""
        if request.needs or context.limits != _NO_LIMITS:
            return False
        if context.budget_remaining_usd is not None and not self.priced:
            return False
        if any(host.breaker_open for host in context.hosts.values()):
            return False
        if _deaf(request, self.hosts):
            return False
        output_tokens = request.max_output_tokens or 0
        fits = input_tokens_with_margin(request) + output_tokens <= self.context_tokens
        return fits and output_tokens <= self.output_tokens


def _reason(candidate: Candidate, demand: _Demand, context: Context) -> str | None:  # noqa: PLR0911 - one a reason
    limits = context.limits
    if limits.allowed is not None and candidate.name not in limits.allowed:
        return "not_allowed"
    if limits.affordable is not None and candidate.name not in limits.affordable:
        return "over_budget"
    if context.budget_remaining_usd is not None and not _payable(candidate, demand, context.now):
        return "unpriced_under_budget"
    host = context.hosts.get(candidate.name) if context.hosts else None
    if host is not None and host.breaker_open:
        return "breaker_open"
    if (candidate.dialects, candidate.refused) in demand.deaf:
        return "untranslatable"
    unmet = demand.unmet_by(candidate.capabilities)
    if unmet is None and limits.max_cost_usd is not None:
        return demand.too_dear(candidate, limits.max_cost_usd, context.now)
    return unmet


def _hosts(candidates: Sequence[Candidate]) -> frozenset[_Host]:
    return frozenset((candidate.dialects, candidate.refused) for candidate in candidates)


def _deaf(request: Request, hosts: Iterable[_Host]) -> frozenset[_Host]:
    """Returns the hosts that cannot be told `request` without a change of its meaning."""
    doubtful = [host for host in hosts if request.dialect not in host[0] or host[1]]
    return frozenset(host for host in doubtful if lost(request, *host).meaning)


def _payable(candidate: Candidate, demand: _Demand, now: datetime) -> bool:
    """Says whether it is known what a call costs at most: of media only the context window bounds the tokens."""
    has_media = not _MEDIA.isdisjoint(demand.needs)
    return None not in candidate.prices_within(now, now) and not (
        has_media and candidate.capabilities.context_tokens is None
    )


_MEDIA = frozenset({"vision", "audio", "files"})


def input_tokens_with_margin(request: Request) -> int:
    """Returns the tokens that a request's words, tools and schema are estimated to need, with a margin; not media."""
    n_chars = request.n_chars + sum(len(t.name) + len(t.description) + len(t.parameters) for t in request.tools)
    input_tokens = estimated_tokens(n_chars + len(request.json_schema or ""))
    return input_tokens - (-input_tokens * MARGIN_PERCENT // 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """What a request asks of whoever serves it."""

    input_tokens: int
    """Estimated, with margin."""
    output_tokens: int | None
    """The caller's limit on one answer."""
    n_answers: int
    needs: tuple[str, ...]
    deaf: frozenset[_Host]
    """Hosts that cannot be told without a change of its meaning."""

    @classmethod
    def of(cls, request: Request, candidates: Sequence[Candidate]) -> _Demand:
        return cls(
            input_tokens=input_tokens_with_margin(request),
            output_tokens=request.max_output_tokens,
            n_answers=request.n,
            needs=tuple(sorted(request.needs)),
            deaf=_deaf(request, _hosts(candidates)),
        )

    def unmet_by(self, capabilities: Capabilities) -> str | None:
        """Returns why a candidate with these capabilities cannot serve, `None` where it can."""
        window, output_limit = capabilities.context_tokens, capabilities.max_output_tokens
        if window is not None and self.input_tokens + (self.output_tokens or 0) > window:
            return "context_window"
        if output_limit is not None and self.output_tokens is not None and self.output_tokens > output_limit:
            return "output_limit"
        for need in self.needs:
            able: bool | None = getattr(capabilities, need)
            if not able:
                return f"{need}_unknown" if able is None else f"{need}_unsupported"
        return None

    def too_dear(self, candidate: Candidate, cap_usd: Decimal, now: datetime) -> str | None:
        """Returns why a call may cost more than `cap_usd`, `None` where it cannot; the dearer of two sources counts."""
        output_tokens = self.output_tokens or candidate.capabilities.max_output_tokens
        prices = candidate.prices_within(now, now)
        if None in prices:
            return "price_unknown"
        if output_tokens is None:
            return "output_unbounded"
        bound = Usage(input_tokens=self.input_tokens, output_tokens=output_tokens * self.n_answers)
        costs = [price.cost_usd(bound) for price in prices if price is not None]
        known = [cost for cost in costs if cost is not None]
        if len(known) < len(costs):
            return "price_unknown"
        return "price_cap" if max(known) > cap_usd else None
