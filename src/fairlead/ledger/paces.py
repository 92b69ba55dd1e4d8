"""How fast hosts answered lately, by what is kept of the calls to them: so that a start need not measure anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, literal_column, or_, select

from fairlead.ledger.schema import attempts, requests, settlements

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Row, Select

    from fairlead.ledger.sql import SqlLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long one call took that was answered, or was given up because another was faster."""

    candidate: str
    model_asked: str
    """The name that the host was told."""
    at: datetime
    latency_s: float
    ttft_s: float | None
    """Of streams."""
    output_tokens: int | None
    streamed: bool
    probe: bool
    """It was made to measure: its answer is shorter than those that people ask for."""
    late: bool
    """It was given up: it would have taken at least as long."""


def paces(ledger: SqlLedger, *, since: datetime, limit: int) -> list[Pace]:
    """Returns the newest calls, the oldest of them first: at most `limit` of requests, and as many of probes.

    Args:
        ledger: what to read, over its indexes by time.
        since: none that are older.
        limit: what this may cost, however large the ledger is.
    """
    served = ledger.tuples(_newest(requests.c.purpose.is_distinct_from("probe"), since, limit))
    probed = ledger.tuples(_newest(requests.c.purpose == literal_column("'probe'"), since, limit))
    return sorted(map(_pace, [*served, *probed]), key=lambda pace: pace.at)


def _newest(purpose: ColumnElement[bool], since: datetime, limit: int) -> Select[Any]:
    overtaken = and_(attempts.c.status == "cancelled", attempts.c.kind.is_(None), settlements.c.status == "delivered")
    return (
        select(
            attempts.c.candidate,
            attempts.c.model_asked,
            attempts.c.started_at,
            attempts.c.latency_s,
            attempts.c.ttft_s,
            attempts.c.output_tokens,
            attempts.c.status,
            requests.c.stream,
            requests.c.purpose,
        )
        .select_from(requests.join(settlements).join(attempts))
        .where(purpose, requests.c.at >= since, or_(attempts.c.status == "ok", overtaken))
        .order_by(requests.c.at.desc())
        .limit(limit)
    )


def _pace(row: Row[Any]) -> Pace:
    return Pace(
        candidate=row.candidate,
        model_asked=row.model_asked,
        at=row.started_at,
        latency_s=row.latency_s,
        ttft_s=row.ttft_s,
        output_tokens=row.output_tokens,
        streamed=row.stream,
        probe=row.purpose == "probe",
        late=row.status == "cancelled",
    )
