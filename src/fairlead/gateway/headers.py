"""What a reply says about itself: headers, and the notes in `usage.fairlead`."""

from __future__ import annotations

import re
import time
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
        "dropped": ", ".join(_header_safe(name) for name in record.dropped(served)) or None,
    }


def final_notes(record: Record, outcome: Outcome) -> Notes:
    """Returns what is known when an answer is whole: what it cost, exact and as text, and what the gateway added."""
    elapsed_s = time.perf_counter() - record.arrived_s
    upstream_s = sum(attempt.latency_s for attempt in outcome.attempts)
    return {
        **notes(record, served=outcome.served),
        "cost_usd": None if outcome.cost_usd is None else format(outcome.cost_usd, "f"),
        "reference_cost_usd": record.reference_cost_usd(outcome),
        "served_as": _substitute(record, outcome),
        "attempts": len(outcome.attempts),
        "overhead_s": round(max(0.0, elapsed_s - upstream_s), 6),
    }


def _substitute(record: Record, outcome: Outcome) -> str | None:
    """Returns the name that the host gave its model, where that is none of the one that was asked for."""
    attempt = outcome.delivered
    if attempt is None or not attempt.model_served:
        return None
    candidate = record.routed.candidates[attempt.candidate]
    known = (attempt.model_asked, candidate.weights, *candidate.known_as)
    return None if any(same_model(name, attempt.model_served) for name in known) else attempt.model_served


def same_model(asked: str, served: str) -> bool:
    """Says whether two names may be of one model: hosts leave out the maker, and add a date or a variant.

    Example:
        >>> same_model("gpt-4o", "gpt-4o-2024-08-06"), same_model("meta/Llama-3-70B", "llama-3-70b")
        (True, True)
        >>> same_model("gpt-4", "gpt-4-turbo"), same_model("opus", "haiku")
        (False, False)
    """
    short, long = sorted((_bare(asked), _bare(served)), key=len)
    return bool(short) and long.startswith(short) and _VARIANT.fullmatch(long[len(short) :]) is not None


def _bare(name: str) -> str:
    return name.rpartition("/")[2].lower()


_VARIANT = re.compile(r"([-@:](\d[\d-]*|latest|preview|v\d+|free|nitro|fp8))*")
"""What may follow: dates, numbers of a revision, and words that hosts add to a name."""


def headers(told: Mapping[str, str | int | float | None], codec: Codec) -> list[tuple[bytes, bytes]]:
    """Returns the notes as headers; what is unknown has none. The request's id stands where the clients look, too."""
    named = [
        (f"x-fairlead-{name.replace('_', '-')}".encode(), _plain(value).encode())
        for name, value in told.items()
        if value is not None
    ]
    return [(codec.REQUEST_ID, str(told["request_id"]).encode()), *named]


def _header_safe(name: str) -> str:
    """Returns a caller's own word in characters that a header can carry."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in name)


def _plain(value: str | float) -> str:
    return f"{value:.12f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
