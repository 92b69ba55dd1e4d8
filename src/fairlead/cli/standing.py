"""`fairlead ledger certificates`: what was promised with confidence, and whether it still holds."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the hints of a struct
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from fairlead.cli.output import JsonOption, OutOption, Result, emit
from fairlead.cli.places import DEFAULT, LedgerOption

if TYPE_CHECKING:
    from rich.console import Console

    from fairlead.proof.monitor import Kept


class CertificateResult(msgspec.Struct, kw_only=True, frozen=True):
    """A certificate that served, and what its monitor has seen."""

    certificate: str
    margin: float
    confidence: float
    reference: str
    n_questions: int
    """Held-out questions on which it was shown."""
    since: datetime
    """When it began to serve."""
    expires_at: datetime
    serves: str
    """The policy that serves by it now, or "the reference"."""
    alarms: int
    """Each took it one policy back."""
    policies: int
    """That were certified."""
    last_alarm_at: datetime | None
    observations: int
    """Outcomes since the last alarm."""
    mean_loss: float | None
    """What they lost against the reference; `null` without any."""
    evidence: float
    """Against it: what the monitor has made of 1."""
    alarm_at: float
    """Evidence at which it raises an alarm."""
    words: str
    """All of this in words."""


class LedgerCertificatesResult(Result, kw_only=True, frozen=True):
    """Every certificate that ever served, the newest last."""

    schema: str = "fairlead.ledger.certificates/1"
    ledger: str
    """The ledger's file, or the address of its database."""
    certificates: tuple[CertificateResult, ...]


def certificates(ledger: LedgerOption = DEFAULT, as_json: JsonOption = False, out: OutOption = None) -> None:
    """Tells of every certificate that served what it promised, and what was seen since: from the ledger alone."""
    from fairlead.ledger.opening import reading  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.proof.monitor import kept  # noqa: PLC0415

    with reading(ledger) as opened:
        result = LedgerCertificatesResult(ledger=ledger, certificates=tuple(map(_shown, kept(opened))))
    emit(result, partial(_show, result), as_json=as_json, out=out)


def _shown(found: Kept) -> CertificateResult:
    from fairlead.proof.monitor import in_words  # noqa: PLC0415 - heavy, loaded when called

    certificate, standing = found.certificate, found.standing
    return CertificateResult(
        certificate=certificate.id,
        margin=certificate.margin,
        confidence=certificate.confidence,
        reference=certificate.reference,
        n_questions=certificate.n_questions,
        since=found.since,
        expires_at=certificate.expires_at,
        serves=standing.serves,
        alarms=standing.alarms,
        policies=standing.n_rungs,
        last_alarm_at=standing.last_alarm_at,
        observations=standing.observations,
        mean_loss=standing.mean_loss,
        evidence=standing.evidence,
        alarm_at=standing.alarm_at,
        words=f"{certificate.in_words()}. {in_words(standing)}.",
    )


def _show(result: LedgerCertificatesResult, console: Console) -> None:
    lines = [certificate.words for certificate in result.certificates] or ["No certificate ever served here."]
    console.print("\n".join(lines), soft_wrap=True)
