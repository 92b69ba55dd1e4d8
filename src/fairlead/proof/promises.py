"""The certificates that served in a period: what each promised, whether that still held, and what was done if not.

All of it follows from the requests and from what the ledger keeps of certificates, so an export tells the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the hints
from typing import TYPE_CHECKING, Literal

import msgspec

from fairlead.certificate import Certificate
from fairlead.proof.monitor import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairlead.ledger.base import CertificateEvent
    from fairlead.proof.cases import Case

State = Literal["holds", "stepped_back", "fell_back", "expired", "not_kept"]

STATES: dict[State, str] = {
    "holds": "no alarm was raised",
    "stepped_back": "an alarm was raised, and a safer certified policy serves since",
    "fell_back": "an alarm was raised at the safest policy, and the reference serves since",
    "expired": "its time is over, and the reference serves until another is issued",
    "not_kept": "the ledger holds no certificate of this name: what it promised is not known",
}
"""How a certificate stood at the end of the period, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What a certificate's monitor saw when it no longer believed it."""

    number: int
    """From 1; each takes the policy one step back."""
    at: datetime
    """When the answer was scored that decided it."""
    raised_by: str
    """The certificate whose monitor raised it: another one, where both came from the same outcomes."""
    observations: int | None
    """Scored outcomes since it began, or since the alarm before; `None` where that was not kept."""
    mean_loss: float | None
    """What these lost against the reference, mean score."""
    serves: str
    """The policy that served from then on, or "the reference"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One certificate that served in the period, as it stood at its last request."""

    certificate: str
    routes: tuple[str, ...]
    n_requests: int
    """That were decided under it."""
    state: State
    reference: str | None = None
    margin: float | None = None
    """Mean score that may be lost, in [0, 1)."""
    confidence: float | None = None
    n_questions: int | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    serves: str | None = None
    """The policy that serves by it, or "the reference"."""
    alarms: tuple[Alarm, ...] = ()


class _Seen(msgspec.Struct, frozen=True):
    """What is kept of a monitor with an alarm; less in older ledgers."""

    observations: int | None = None
    mean_loss: float | None = None


def promises(cases: Sequence[Case], events: Iterable[CertificateEvent]) -> tuple[Promise, ...]:
    """Returns the certificates that served these requests, in the order in which they began to.

    Args:
        cases: in order of time.
        events: what happened to certificates, oldest first.
    """
    events = tuple(events)
    issued = {event.certificate: event for event in events if event.kind == "issued"}
    names = dict.fromkeys(case.certificate for case in cases if case.certificate is not None)
    return tuple(_promise(name, cases, issued, events) for name in names)


def _promise(
    name: str, cases: Sequence[Case], issued: dict[str, CertificateEvent], events: Sequence[CertificateEvent]
) -> Promise:
    served = [case for case in cases if case.certificate == name]
    routes = tuple(sorted({case.route for case in served}))
    if name not in issued:
        return Promise(certificate=name, routes=routes, n_requests=len(served), state="not_kept")
    certificates = {each: _certificate(event) for each, event in issued.items()}
    certificate = certificates[name]
    alike = {each for each, other in certificates.items() if other.data_hash == certificate.data_hash}
    alarms = tuple(
        _alarm(event, certificate) for event in events if event.kind == "alarm" and event.certificate in alike
    )
    n_alarms = max((alarm.number for alarm in alarms), default=0)
    expired = certificate.expires_at <= cases[-1].at
    return Promise(
        certificate=name,
        routes=routes,
        n_requests=len(served),
        state="expired" if expired else _state(n_alarms, certificate),
        reference=certificate.reference,
        margin=certificate.margin,
        confidence=certificate.confidence,
        n_questions=certificate.n_questions,
        issued_at=certificate.issued_at,
        expires_at=certificate.expires_at,
        serves=REFERENCE if expired else _serves(n_alarms, certificate),
        alarms=alarms,
    )


def _state(n_alarms: int, certificate: Certificate) -> State:
    if not n_alarms:
        return "holds"
    return "stepped_back" if n_alarms < len(certificate.rungs) else "fell_back"


def _serves(n_alarms: int, certificate: Certificate) -> str:
    left = len(certificate.rungs) - n_alarms
    return certificate.rungs[left - 1].policy if left > 0 else REFERENCE


def _alarm(event: CertificateEvent, certificate: Certificate) -> Alarm:
    seen = msgspec.json.decode(event.content, type=_Seen)
    return Alarm(
        number=event.number,
        at=event.at,
        raised_by=event.certificate,
        observations=seen.observations,
        mean_loss=seen.mean_loss,
        serves=_serves(event.number, certificate),
    )


def _certificate(event: CertificateEvent) -> Certificate:
    return msgspec.json.decode(event.content, type=Certificate)
