"""The circumstances of a decision, frozen and logged with it."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the ledger decodes these types: hints must resolve
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal  # noqa: TC003

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """How a candidate's host is doing."""

    breaker_open: bool = False
    n_in_flight: int = 0
    ttft_p95_s: float | None = None
    latency_p95_s: float | None = None
    tokens_per_s: float | None = None
    """Median of its streams."""


class SessionState(msgspec.Struct, frozen=True, kw_only=True):
    """The session that a request belongs to; both draws are uniform in [0, 1) and fixed for the session."""

    id: str
    rule: str
    """Which rule named the session."""
    control_draw: float = 1.0
    mix_draw: float = 0.0
    last_candidate: str | None = None
    cached_prefix_tokens: int = 0
    opted_out: bool = False
    """It takes part in no experiment: no control arm, no copies to other models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerLimits:
    """What the caller allows."""

    allowed: frozenset[str] | None = None
    affordable: frozenset[str] | None = None
    """What the rest of a budget can still pay for; `None` where that is not known to matter."""
    max_cost_usd: Decimal | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision may depend on beside the request: no clock, no network, no global randomness."""

    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    seed: int = 0
    hosts: Mapping[str, HostState] = msgspec.field(default_factory=dict)
    session: SessionState | None = None
    budget_remaining_usd: Decimal | None = None
    limits: CallerLimits = CallerLimits()
    alarms: int = 0
    """How many alarms the monitor of the route's certificate had raised."""
