"""Records to table rows, and back."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from sqlalchemy import Table

from fairlead.ledger import schema
from fairlead.ledger.base import CertificateEvent, Entry, Erasure, Feedback, Intent, Link, Payload, Scored
from fairlead.ledger.chain import LINK
from fairlead.ledger.sources import counting
from fairlead.types import Attempt, Decision, Price, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import RowMapping

    from fairlead.ledger.base import Settlement

Change = tuple[tuple[Table, dict[str, Any]], ...]
"""Rows that are kept together or not at all."""


_PAYLOAD_HASHES = ("features_hash", "prompt_hash")


def _names(record: type, *, but: tuple[str, ...] = ()) -> tuple[str, ...]:
    if issubclass(record, Struct):
        names: Sequence[str] = record.__struct_fields__
    else:
        assert is_dataclass(record)
        names = [field.name for field in fields(record)]
    return tuple(name for name in names if name not in but)


def _reader(*columns: str, **elsewhere: str) -> Callable[[object], dict[str, Any]]:
    """Returns what reads a row off a record.

    Args:
        columns: that bear the names of the record's fields.
        elsewhere: column -> where in the record it is found.
    """
    names = (*columns, *elsewhere)
    values = attrgetter(*columns, *elsewhere.values())
    return lambda record: dict(zip(names, values(record), strict=True))


# Columns bear the names of the records' fields.
_PRICE = _names(Price)
_ATTEMPT = _names(Attempt, but=("usage", "answer"))
_USAGE = _names(Usage, but=("estimated",))
_FEEDBACK = _names(Feedback)
_ERASURE = _names(Erasure)
_EVENT = _names(CertificateEvent)
_PAYLOAD = _names(Payload)
_MADE = ("status", "attempts", "latency_s", "score", "reference_price", "dropped", "links", "feedback")
_ENTRY = _names(Entry, but=(*_MADE, "purpose", "opted_out"))

_price_row = _reader(*_PRICE)
_intent_row = _reader(
    *_names(Intent, but=("decision", "purpose", "opted_out", "payloads")),
    **{name: f"decision.{name}" for name in _names(Decision)},
    chosen="decision.model",
)
_settlement_row = _reader(
    "request_id",
    "at",
    "reference_cost_usd",
    "dropped",
    "saved_usd",
    **{name: f"outcome.{name}" for name in ("status", "served", "cost_usd")},
)
_attempt_row = _reader(*_ATTEMPT)
_usage_row = _reader(*_USAGE, usage_estimated="estimated")
_feedback_row = _reader(*_FEEDBACK)
_erasure_row = _reader(*_ERASURE)
_event_row = _reader(*_EVENT)
_payload_row = _reader(*_PAYLOAD)
_NO_USAGE = dict.fromkeys((*_USAGE, "usage_estimated"))
_NO_PAYLOADS = dict.fromkeys(_PAYLOAD_HASHES)


def of_price(price: Price) -> Change:
    """Returns the rows of a price."""
    return ((schema.prices, _price_row(price)),)


def of_intent(intent: Intent) -> Change:
    """Returns the rows of an intent: its own, and one a payload."""
    row = _intent_row(intent)
    row["purpose"] = None if intent.purpose == "serve" else intent.purpose
    row["opted_out"] = intent.opted_out or None
    row.update(_NO_PAYLOADS)
    if not intent.payloads:
        return ((schema.requests, row),)
    row.update({f"{payload.kind}_hash": payload.hash for payload in intent.payloads})
    kept = ((schema.payloads, {**_payload_row(p), "request_id": intent.request_id}) for p in intent.payloads)
    return ((schema.requests, row), *kept)


def of_settlement(settlement: Settlement) -> Change:
    """Returns the rows of a settlement: its own, and one an attempt."""
    row = _settlement_row(settlement)
    row["dropped"] = settlement.dropped or None
    request_id = settlement.request_id
    attempts = [(schema.attempts, _attempted(request_id, attempt)) for attempt in settlement.outcome.attempts]
    return ((schema.settlements, row), *attempts)


def of_feedback(*feedback: Feedback) -> Change:
    """Returns the rows of scores."""
    return tuple((schema.feedback, _feedback_row(row)) for row in feedback)


def of_erasure(erasure: Erasure) -> Change:
    """Returns the rows of an erasure."""
    return ((schema.erasures, _erasure_row(erasure)),)


def of_certificate(event: CertificateEvent) -> Change:
    """Returns the rows of what happened to a certificate."""
    return ((schema.certificates, _event_row(event)),)


def certificate_event(row: RowMapping) -> CertificateEvent:
    """Returns what a `certificates` row tells."""
    return CertificateEvent(**{name: row[name] for name in _EVENT})


def scored(row: RowMapping) -> Scored:
    """Returns a `feedback` row joined with its `requests` row."""
    return Scored(
        decision_id=row["decision_id"],
        at=row["at"],
        session_id=row["session_id"],
        arm=row["arm"],
        chosen=row["chosen"],
        reference=row["reference"],
        propensity=row["propensity"],
        alarms=row["context"].alarms,
        score=row["score"],
        reference_score=row["reference_score"],
    )


def feedback(row: RowMapping) -> Feedback:
    """Returns the score of a `feedback` row."""
    return Feedback(**{name: row[name] for name in _FEEDBACK})


def erasure(row: RowMapping) -> Erasure:
    """Returns the erasure of an `erasures` row."""
    return Erasure(**{name: row[name] for name in _ERASURE})


def payload(row: RowMapping) -> Payload:
    """Returns the payload of a `payloads` row."""
    return Payload(**{name: row[name] for name in _PAYLOAD})


def price(row: RowMapping) -> Price:
    """Returns the price of a `prices` row."""
    return Price(**{name: row[name] for name in _PRICE})


def attempt(row: RowMapping) -> Attempt:
    """Returns the attempt of an `attempts` row."""
    usage = None
    if row["input_tokens"] is not None:
        counted = {name: row[name] for name in _USAGE if row[name] is not None}  # older rows have fewer buckets
        usage = Usage(**counted, estimated=row["usage_estimated"])
    made = {name: row[name] for name in _ATTEMPT}
    return Attempt(**{**made, "kind": made["kind"] or "call"}, usage=usage)


def entry(
    row: RowMapping, tried: Sequence[RowMapping], scored: Sequence[Feedback], prices: Mapping[str, Price]
) -> Entry:
    """Returns the entry of a `requests` row joined with its settlement, where it has one; `scored` oldest first."""
    attempts = [attempt(found) for found in tried]
    price_id = row["candidates"].get(row["reference"])
    return Entry(
        **{name: row[name] for name in _ENTRY},
        status=row["status"] or "unsettled",
        attempts=tuple(attempts),
        latency_s=_latency_s(attempts),
        score=counting(scored),
        feedback=tuple(scored),
        reference_price=prices.get(price_id),
        dropped=row["dropped"] or (),
        purpose=row["purpose"] or "serve",
        opted_out=bool(row["opted_out"]),
        links=tuple(_links(row, tried)),
    )


def _links(row: RowMapping, tried: Sequence[RowMapping]) -> Iterator[Link]:
    yield Link(row="intent", writer=row["writer"], seq=row["seq"], hash=row["hash"])
    if row["status"] is not None:
        place = {name: row[f"settled_{name}"] for name in LINK}
        yield Link(row="settlement", **place)
    for found in tried:
        yield Link(row=f"attempt {found['number']}", **{name: found[name] for name in LINK})


def _attempted(request_id: str, attempt: Attempt) -> dict[str, Any]:
    row = _attempt_row(attempt)
    row.update(_NO_USAGE if attempt.usage is None else _usage_row(attempt.usage))
    row["request_id"] = request_id
    row["kind"] = None if attempt.kind == "call" else attempt.kind  # so that rows from before are what they were
    return row


def _latency_s(attempts: Sequence[Attempt]) -> float | None:
    if not attempts:
        return None
    start = min(attempt.started_at for attempt in attempts)
    end = max(attempt.started_at + timedelta(seconds=attempt.latency_s) for attempt in attempts)
    return (end - start).total_seconds()
