"""How the caller's limits stand, as replies tell it: in the headers of its dialect, and of a budget in our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.wire.rate_limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from fairlead.errors import LimitExceededError
    from fairlead.gateway.body import Header
    from fairlead.ledger.budget import Standing
    from fairlead.wire.codec import Codec


def standing_headers(standings: Sequence[Standing], codec: Codec, now: datetime) -> list[Header]:
    """Returns the headers of a reply to a request whose claims were granted."""
    rates = list(_rates(standings))
    return codec.rate_limits(rates, now) if rates else []


def refusal_headers(error: LimitExceededError, codec: Codec, now: datetime) -> list[Header]:
    """Returns the headers of a refusal: how the limit stands that forbade it."""
    match error.kind:
        case "requests" | "tokens":
            limit = RateLimit(
                kind=error.kind,
                limit=int(error.most),
                remaining=int(error.remaining),
                reset_s=error.retry_after_s or 0.0,
            )
            return codec.rate_limits([limit], now)
        case "usd":
            return [(b"x-fairlead-budget-remaining-usd", format(error.remaining, "f").encode())]
        case _:
            return []


def _rates(standings: Iterable[Standing]) -> Iterable[RateLimit]:
    for standing in standings:
        match standing.limit.kind:
            case "requests" | "tokens" as kind:
                most, left = int(standing.limit.most), int(standing.remaining)
                yield RateLimit(kind=kind, limit=most, remaining=left, reset_s=standing.reset_s or 0.0)
