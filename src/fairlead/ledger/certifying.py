"""Certificates in the ledger: what happened to them, and how the answers that were served by them were scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from fairlead.ledger import rows
from fairlead.ledger.schema import certificates, feedback, requests

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from fairlead.ledger.base import CertificateEvent, Scored

_SCORED = (
    select(
        *(feedback.c[name] for name in ("decision_id", "at", "score", "reference_score")),
        *(requests.c[n] for n in ("session_id", "arm", "chosen", "reference", "propensity", "context")),
    )
    .join(requests, requests.c.decision_id == feedback.c.decision_id)
    .where(requests.c.purpose.is_(None), or_(requests.c.opted_out.is_(None), requests.c.opted_out.is_(False)))
    .order_by(feedback.c.at, feedback.c.writer, feedback.c.seq)
)


def events(connection: Connection, certificate: str | None) -> list[CertificateEvent]:
    """Returns what happened to a certificate, or to any, oldest first."""
    query = select(certificates).order_by(certificates.c.at, certificates.c.id)
    if certificate is not None:
        query = query.where(certificates.c.certificate == certificate)
    return [rows.certificate_event(row) for row in connection.execute(query).mappings()]


def scored(connection: Connection, certificate: str, since: datetime | None) -> Sequence[Scored]:
    """Returns the scores of requests that were served by a certificate, oldest first."""
    query = _SCORED.where(requests.c.certificate == certificate)
    if since is not None:
        query = query.where(feedback.c.at >= since)
    return [rows.scored(row) for row in connection.execute(query).mappings()]
