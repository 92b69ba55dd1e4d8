"""What a reply says about itself: headers, and the notes in `usage.fairlead`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.gateway.record import Record
    from fairlead.types import Outcome
    from fairlead.wire.codec import Codec

Notes = dict[str, str | int | float | None]


def notes(record: Record, *, served: str | None) -> Notes:
    """Returns what is known when an answer begins."""
    return {
        "request_id": record.request_id,
        "decision_id": record.decision_id,
        "model": served or record.decision.model,
        "reason": record.decision.reason,
        "cache": record.cache_state,
        "saved_usd": None if record.saved_usd is None else format(record.saved_usd, "f"),
        "output_limit": record.output_limit(served),
        "budget_remaining_usd": record.budget_remaining_usd,
        "dropped": ", ".join(map(_header_safe, record.dropped(served))) or None,
    }


def final_notes(record: Record, outcome: Outcome) -> Notes:
    """Returns what is known when an answer is whole: what it cost, exact and as text, and what the gateway added."""
    told, cost_usd = notes(record, served=outcome.served), outcome.cost_usd
    if n_continued := outcome.n_continued:
        told["continued"] = n_continued
    return told | {
        "cost_usd": None if cost_usd is None else format(cost_usd, "f"),
        "reference_cost_usd": record.reference_cost_usd(outcome),
        "served_as": record.served_as(outcome),
        "attempts": len(outcome.attempts),
        "overhead_s": round(record.overhead_s(outcome), 6),
    }


def server_timing(record: Record) -> tuple[bytes, bytes]:
    """Returns how long each phase has taken so far, and all of it, in milliseconds.

    Source: W3C, "Server Timing", https://www.w3.org/TR/server-timing/
    """
    laps = record.laps
    phases = [f"{phase};dur={1e3 * spent_s:.3f}" for phase, spent_s in laps.spent_s.items()]
    return b"server-timing", ", ".join([*phases, f"total;dur={1e3 * laps.total_s():.3f}"]).encode()


def headers(told: Mapping[str, str | int | float | None], codec: Codec) -> list[tuple[bytes, bytes]]:
    """Returns the notes as headers; what is unknown has none. The request's id stands where the clients look, too."""
    named = [(_name(name), _plain(value)) for name, value in told.items() if value is not None]
    return [(codec.REQUEST_ID, str(told["request_id"]).encode()), *named]


@cache
def _name(note: str) -> bytes:
    return f"x-fairlead-{note.replace('_', '-')}".encode()


def _header_safe(name: str) -> str:
    """Returns a caller's own word in characters that a header can carry."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in name)


def _plain(value: str | float) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return (f"{value:.12f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)).encode()
