"""Table rows to records; `changes.py` leads there."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from fairlead.ledger.base import CertificateEvent, Entry, Erasure, Feedback, Link, Payload, Scored
from fairlead.ledger.chain import LINK
from fairlead.ledger.sources import counting
from fairlead.types import Attempt, Price, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import RowMapping


def names(record: type, *, but: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Returns the names of a record's fields, which are those of its columns."""
    if issubclass(record, Struct):
        found: Sequence[str] = record.__struct_fields__
    else:
        assert is_dataclass(record)
        found = [field.name for field in fields(record)]
    return tuple(name for name in found if name not in but)


ATTEMPT = names(Attempt, but=("usage", "answer"))
USAGE = names(Usage, but=("estimated",))
_PRICE = names(Price)
_FEEDBACK = names(Feedback)
_ERASURE = names(Erasure)
_EVENT = names(CertificateEvent)
_PAYLOAD = names(Payload)
_MADE = ("status", "attempts", "latency_s", "score", "reference_price", "dropped", "links", "feedback")
_ENTRY = names(Entry, but=(*_MADE, "purpose", "opted_out"))


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
        counted = {name: row[name] for name in USAGE if row[name] is not None}  # older rows have fewer buckets
        usage = Usage(**counted, estimated=row["usage_estimated"])
    made = {name: row[name] for name in ATTEMPT}
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


def _latency_s(attempts: Sequence[Attempt]) -> float | None:
    if not attempts:
        return None
    start = min(attempt.started_at for attempt in attempts)
    end = max(attempt.started_at + timedelta(seconds=attempt.latency_s) for attempt in attempts)
    return (end - start).total_seconds()
