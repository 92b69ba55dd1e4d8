"""Records to the rows that are kept of them; `rows.py` leads back."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from fairlead.ledger import schema
from fairlead.ledger.base import CertificateEvent, Erasure, Feedback, Intent, Payload
from fairlead.ledger.claimed import Change, Claimed
from fairlead.ledger.forms import Form, beside, fields
from fairlead.ledger.rows import ATTEMPT, USAGE, names
from fairlead.types import Decision, Price

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.ledger.base import PayloadKind, Settlement
    from fairlead.ledger.budget import Claim
    from fairlead.ledger.forms import Kept
    from fairlead.types import Attempt


def of_price(price: Price) -> Change:
    """Returns what is kept of a price."""
    return Change(((schema.prices, _price(price)),))


def of_intent(intent: Intent, claims: Sequence[Claim] = ()) -> Change:
    """Returns what is kept of an intent: a row of its own, and one a payload."""
    kept: Kept = ((schema.requests, _request(intent)),)
    if intent.payloads:
        kept += tuple([(schema.payloads, _payload((intent.request_id, payload))) for payload in intent.payloads])
    return Change(kept, Claimed(intent.request_id, claims) if claims else None)


def of_settlement(settlement: Settlement) -> Change:
    """Returns what is kept of a settlement: a row of its own, and one an attempt."""
    request_id = settlement.request_id
    attempts = [(schema.attempts, _attempt((request_id, attempt))) for attempt in settlement.outcome.attempts]
    return Change(((schema.settlements, _settlement(settlement)), *attempts))


def of_feedback(*feedback: Feedback) -> Change:
    """Returns what is kept of scores."""
    return Change(tuple((schema.feedback, _feedback(row)) for row in feedback))


def of_erasure(erasure: Erasure) -> Change:
    """Returns what is kept of an erasure."""
    return Change(((schema.erasures, _erasure(erasure)),))


def of_certificate(event: CertificateEvent) -> Change:
    """Returns what is kept of what happened to a certificate."""
    return Change(((schema.certificates, _event(event)),))


# The forms. Columns bear the names of the records' fields. ------------------------------------------------------------


def _hash(kind: PayloadKind, payloads: Sequence[Payload]) -> str | None:
    return next((payload.hash for payload in payloads if payload.kind == kind), None) if payloads else None


_NO_USAGE = (None,) * (len(USAGE) + 1)
_made = attrgetter(*ATTEMPT)
_used = attrgetter(*USAGE, "estimated")


def _attempted(given: tuple[str, Attempt]) -> tuple[Any, ...]:
    request_id, attempt = given
    return (request_id, *_made(attempt), *(_NO_USAGE if attempt.usage is None else _used(attempt.usage)))


_price = Form(schema.prices, *fields(*names(Price)))
_request = Form(
    schema.requests,
    *fields(
        *names(Intent, but=("decision", "payloads")),
        **{name: f"decision.{name}" for name in names(Decision)},
        chosen="decision.model",
        features_hash="payloads",
        prompt_hash="payloads",
    ),
    purpose=lambda purpose: None if purpose == "serve" else purpose,
    opted_out=lambda opted_out: opted_out or None,
    features_hash=partial(_hash, "features"),
    prompt_hash=partial(_hash, "prompt"),
)
_settlement = Form(
    schema.settlements,
    *fields(
        *("request_id", "at", "reference_cost_usd", "dropped", "saved_usd"),
        **{name: f"outcome.{name}" for name in ("status", "served", "cost_usd")},
    ),
    dropped=lambda hints: hints or None,
)
_attempt = Form(
    schema.attempts,
    ("request_id", *ATTEMPT, *USAGE, "usage_estimated"),
    _attempted,
    kind=lambda kind: None if kind == "call" else kind,  # so that rows from before are what they were
)
_feedback = Form(schema.feedback, *fields(*names(Feedback)))
_erasure = Form(schema.erasures, *fields(*names(Erasure)))
_event = Form(schema.certificates, *fields(*names(CertificateEvent)))
_payload = Form(schema.payloads, *beside(("request_id",), fields(*names(Payload))))
