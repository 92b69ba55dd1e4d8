"""The most that calls can cost: what is reserved before each of them, and listed where one was never settled."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from fairlead.eligibility import input_tokens_with_margin
from fairlead.money import TOKENS_PER_MTOK, UNITS_PER_MILLION
from fairlead.types import Media

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fairlead.money import Price
    from fairlead.types import Candidate, Decision, Request

Between = tuple["datetime", "datetime"]
"""From when to when calls may be made: of the prices that may hold then the dearest counts."""

HIDDEN_TOKENS = 600
"""What hosts put before a request with tools, at most: Anthropic says up to 346."""
LEAST_OUTPUT_TOKENS = 256
"""An answer is never given less room than this because short ones were seen so far."""
DEFAULT_OUTPUT_TOKENS = 4096
"""Room for an answer of which nothing is known: neither how long such answers are nor how long they can be."""

WORDS = ("input_tokens", "cache_write_tokens", "cache_write_1h_tokens")
"""Buckets of `Usage` that input may be billed in."""
MEDIA = ("input_image_tokens", "input_audio_tokens")
"""Further ones, where it holds media."""


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """What one call may come to."""

    usd: Decimal | None
    """`None` where a price, or an amount, is not known."""
    tokens: int
    """Input, as estimated, and output."""
    output_limit: int | None
    """Tokens of output that this pays for, to be sent with the call; `None` where the caller set a limit."""


class Size(msgspec.Struct, frozen=True):
    """What a request brings along, whoever is called: worked out once for all candidates of a plan."""

    n_bytes: int
    """Tokens of input at most: one is at least a byte of the body. Media are billed by rules of their own."""
    tokens: int
    """Of input, as estimated, with a margin."""
    has_media: bool

    @classmethod
    def of(cls, request: Request) -> Size:
        """Returns the size of a request."""
        n_bytes = len(request.body) + (HIDDEN_TOKENS if request.tools else 0)
        has_media = any(isinstance(part, Media) for message in request.messages for part in message.parts)
        return cls(n_bytes, input_tokens_with_margin(request), has_media)


def call_bound(
    request: Request, candidate: Candidate, expected: float | None, between: Between, size: Size | None = None
) -> Bound:
    """Returns what a call may come to.

    Args:
        request: that is sent.
        candidate: that is called.
        expected: tokens of output that nearly every answer stays within; `None` where nothing is known of that.
        between: the moments that it may be made at.
        size: of the request, where it is known already.
    """
    size = size or Size.of(request)
    limit = None if limited_by_caller(request) else _room(size, candidate, expected)
    n_output = (request.max_output_tokens or limit or 0) * request.n
    return Bound(usd=_call_usd(size, candidate, n_output, between), tokens=size.tokens + n_output, output_limit=limit)


def output_within(usd: Decimal, request: Request, candidate: Candidate, n_more: int, between: Between) -> int:
    """Returns the tokens of output that a sum pays for, where the input is longer by so many bytes; 0 or less for none.

    Args:
        usd: what may be spent on one call.
        request: that is sent, but for what makes it longer.
        candidate: that is called; its price is known.
        n_more: bytes, each a token at most.
        between: the moments that it may be made at.
    """
    size = Size.of(request)
    n_input = _input_tokens(size, candidate)
    if n_input is None:
        return 0
    n_input += n_more
    rooms = []
    for price in candidate.prices_within(*between):
        unused = _most(price, n_input, 0, size.has_media)
        rate = Decimal(0) if price is None else price.output.at(n_input)
        rooms.append(0 if unused is None or not rate else int((usd - unused) * TOKENS_PER_MTOK / rate))
    return min(rooms, default=0)


def limited_by_caller(request: Request) -> bool:
    """Says whether the request itself bounds its output; vectors are none."""
    return request.max_output_tokens is not None or request.dialect == "embeddings"


def most_usd(
    request: Request,
    decision: Decision,
    candidates: Mapping[str, Candidate],
    *,
    max_attempts: int,
    retries: int,
    between: Between,
    bounds: Mapping[str, Bound] | None = None,
) -> Decimal | None:
    """Returns an upper bound on the bill of all attempts, `None` where a price or an amount has no bound.

    Args:
        request: as the caller sent it.
        decision: whose plan is called.
        candidates: by name.
        max_attempts: calls, all together.
        retries: further calls of the same step.
        between: the moments that the calls may be made at.
        bounds: of each candidate, where a limit on its output is sent with the call; else the caller's limit bounds it,
            else the candidate's own.
    """
    planned = [step.candidate for stage in decision.plan for step in stage.steps]
    found = [
        _planned_usd(request, candidates[name], between) if bounds is None else bounds[name].usd for name in planned
    ]
    costs = [cost for cost in found if cost is not None]
    if len(costs) < len(planned):
        return None
    dearest_first = sorted(costs * (1 + retries), reverse=True)
    return sum(dearest_first[:max_attempts], Decimal(0))


def _planned_usd(request: Request, candidate: Candidate, between: Between) -> Decimal | None:
    output_tokens = request.max_output_tokens or candidate.capabilities.max_output_tokens
    if output_tokens is None:
        return None
    return _call_usd(Size.of(request), candidate, output_tokens * request.n, between)


def _room(size: Size, candidate: Candidate, expected: float | None) -> int:
    """Returns the tokens of output that are paid for: what nearly every answer needs, as far as there is room."""
    able = candidate.capabilities
    wanted = able.max_output_tokens or DEFAULT_OUTPUT_TOKENS
    if expected is not None:
        wanted = min(wanted, max(int(expected) + 1, LEAST_OUTPUT_TOKENS))
    if able.context_tokens is not None:
        wanted = min(wanted, able.context_tokens - size.tokens)
    return max(1, wanted)


def _call_usd(size: Size, candidate: Candidate, n_output: int, between: Between) -> Decimal | None:
    """Returns the most that a call costs; of two sources of a price that differ the dearer one counts."""
    n_input = _input_tokens(size, candidate)
    if n_input is None:
        return None
    dearest = None
    for price in candidate.prices_within(*between):
        usd = _most(price, n_input, n_output, size.has_media)
        if usd is None:
            return None
        if dearest is None or usd > dearest:
            dearest = usd
    return dearest


def _input_tokens(size: Size, candidate: Candidate) -> int | None:
    """Returns how many tokens the input can have at most; `None` where nothing bounds it: of media the window alone."""
    window = candidate.capabilities.context_tokens
    if size.has_media or window is None:
        return window if size.has_media else size.n_bytes
    return min(size.n_bytes, window)


def _most(price: Price | None, n_input: int, n_output: int, has_media: bool) -> Decimal | None:  # noqa: FBT001
    """Returns the most that a price makes of a call whose input counts, all of it, in any one of its buckets.

    The same, to the last digit, as the dearest `Price.cost_usd` of these usages, without a bill for each: the bound is
    worked out for every planned candidate of every request.
    """
    if price is None:
        return None
    dearest, output, call = FLAT.of(price, has_media) or _at(price, n_input, has_media)
    millionths = n_input * dearest + n_output * output
    return (millionths if call is None else millionths + call) / TOKENS_PER_MTOK


Dearest = tuple["Decimal", "Decimal", "Decimal | None"]
"""USD per million tokens of input, of output, and millionths of a USD a call."""


def _at(price: Price, n_input: int, has_media: bool) -> Dearest:  # noqa: FBT001
    """Returns the dearest rates of a call with so much input."""
    rates = price.rates
    buckets = (*WORDS, *MEDIA) if has_media else WORDS
    dearest = max(rate.at(n_input) for bucket in buckets if (rate := rates[bucket]) is not None)
    call = None if price.request is None else UNITS_PER_MILLION["requests"] * price.request.at(n_input)
    return dearest, price.output.at(n_input), call


class Flat:
    """The dearest rates of prices without tiers: the same whatever the input, so they are looked up once a price."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bool], tuple[Price, Dearest | None]] = {}  # by identity: a price's hash is slow

    def of(self, price: Price, has_media: bool) -> Dearest | None:  # noqa: FBT001
        """Returns them; `None` where it depends on the input."""
        found = self._known.get((id(price), has_media))
        if found is not None and found[0] is price:
            return found[1]
        if len(self._known) >= MAX_FLAT:
            self._known.clear()
        tiered = any(rate is not None and rate.tiers for rate in price.rates.values())
        flat = None if tiered else _at(price, 0, has_media)
        self._known[id(price), has_media] = price, flat
        return flat


MAX_FLAT = 10_000
"""Prices that are remembered."""
FLAT = Flat()
