"""How limits stand, in the headers that each dialect's clients look at.

Sources: OpenAI API, "Rate limits in headers"; Anthropic API, "Response headers" of its rate limits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """One limit a minute."""

    kind: Literal["requests", "tokens"]
    limit: int
    remaining: int
    reset_s: float
    """Until all of it is there again, seconds."""


def openai(limits: Iterable[RateLimit], now: datetime) -> list[Header]:  # noqa: ARG001 - a codec's
    """Returns `x-ratelimit-*`; the reset is a duration such as `6m0s`.

    Example:
        >>> [told] = openai([RateLimit(kind="requests", limit=60, remaining=59, reset_s=1)], None)[2:]
        >>> told
        (b'x-ratelimit-reset-requests', b'1s')
    """
    return [
        (f"x-ratelimit-{name}-{limit.kind}".encode(), said.encode())
        for limit in limits
        for name, said in (
            ("limit", str(limit.limit)),
            ("remaining", str(limit.remaining)),
            ("reset", _duration(limit.reset_s)),
        )
    ]


def anthropic(limits: Iterable[RateLimit], now: datetime) -> list[Header]:
    """Returns `anthropic-ratelimit-*`; the reset is a moment."""
    return [
        (f"anthropic-ratelimit-{limit.kind}-{name}".encode(), said.encode())
        for limit in limits
        for name, said in (
            ("limit", str(limit.limit)),
            ("remaining", str(limit.remaining)),
            ("reset", _moment(now + timedelta(seconds=limit.reset_s))),
        )
    ]


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{math.ceil(1000 * seconds)}ms"
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
