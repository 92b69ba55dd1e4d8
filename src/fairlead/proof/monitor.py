"""Does a certificate still hold? Its monitor bets against it on every scored answer, and says so when it has won.

    scored rows -> observations in [-1, 1], whose mean is at most the margin while the certificate holds -> `DropAlarm`

Two kinds of rows make an observation:

    paired       the answer and the reference's answer to the same request both have a score: their difference
    two samples  else: the mean score of control sessions minus that of routed ones since the last observation; one is
                 made as soon as there is a session of either kind, so mostly one control session against many

Both may come mixed: each is an honest look at what is lost, given what came before. One session counts once, by its
first score; what follows in it is no independent evidence. An alarm takes one rung back. From then on only requests
count that were decided on the new rung, with a fresh capital, for the rest of the certificate's life.

That is valid whenever one looks, as long as sessions are alike and whether an answer is scored depends neither on its
arm nor on how good it was. `design/certificates.md` says why not otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fairlead.certificate import Certificate
from fairlead.statistics.alarms import DropAlarm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fairlead.ledger.base import CertificateEvent, Ledger, Scored

REFERENCE = "the reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a certificate is doing: for the metrics, the report and the ledger."""

    certificate: str
    alarms: int
    """Each took one rung back."""
    n_rungs: int
    serves: str
    """The policy that serves now, or "the reference"."""
    observations: int
    """On this rung."""
    mean_loss: float | None
    """Of them; `None` without any."""
    evidence: float
    """What the monitor has made of 1; at `alarm_at` it raises an alarm."""
    alarm_at: float
    last_alarm_at: datetime | None
    expires_at: datetime


class Monitor:
    """Watches one certificate; what it does follows from the rows it is given, in their order, and nothing else.

    Args:
        certificate: what is watched.
        alarms: how many were raised before: rows from other rungs are passed over.
        last_alarm_at: when the last of them was.
    """

    def __init__(self, certificate: Certificate, *, alarms: int = 0, last_alarm_at: datetime | None = None) -> None:
        self.certificate = certificate
        self._alarms = alarms
        self._last_alarm_at = last_alarm_at
        self._seen: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        """Starts with a fresh capital, for the days that are left."""
        self._since = self._last_alarm_at or self.certificate.issued_at
        left = max(1, (self.certificate.expires_at - self._since).days)
        self._alarm = DropAlarm(bound=self.certificate.margin, n_periods=left)
        self._routed, self._control = _Half(), _Half()
        self._n, self._total = 0, 0.0

    @property
    def alarms(self) -> int:
        """How many alarms there were."""
        return self._alarms

    @property
    def serves_reference(self) -> bool:
        """Says whether no rung is left."""
        return self._alarms >= len(self.certificate.rungs)

    def see(self, row: Scored) -> bool:
        """Takes in a score; says whether it raised an alarm."""
        value = self._observation(row)
        if value is None:
            return False
        self._n, self._total = self._n + 1, self._total + value
        self._alarm.see(value, max(0, (row.at - self._since).days))
        if self._alarm.capital < 1 / self.certificate.alarm_chance:
            return False
        self._alarms, self._last_alarm_at = self._alarms + 1, row.at
        return True

    def restart(self) -> None:
        """Goes on with the next rung, after an alarm was told."""
        self._begin()

    def _observation(self, row: Scored) -> float | None:
        if self.serves_reference or row.alarms != self._alarms or row.reference is None:
            return None
        key = row.session_id or row.decision_id
        if key in self._seen or row.at >= self.certificate.expires_at:
            return None
        paired = row.arm == "policy" and row.reference_score is not None
        if not paired and row.session_id is None:
            return None
        self._seen.add(key)
        if paired and row.reference_score is not None:
            return row.reference_score - row.score
        return self._half_filled(row)

    def _half_filled(self, row: Scored) -> float | None:
        """Returns what control sessions scored above routed ones, once there is one of each."""
        (self._control if row.arm == "control" else self._routed).add(row.score)
        if not self._control.n or not self._routed.n:
            return None
        value = self._control.mean - self._routed.mean
        self._routed, self._control = _Half(), _Half()
        return value

    @property
    def standing(self) -> Standing:
        """How it is doing."""
        rungs = self.certificate.rungs
        left = len(rungs) - self._alarms
        return Standing(
            certificate=self.certificate.id,
            alarms=self._alarms,
            n_rungs=len(rungs),
            serves=rungs[left - 1].policy if left > 0 else REFERENCE,
            observations=self._n,
            mean_loss=self._total / self._n if self._n else None,
            evidence=float(self._alarm.capital),
            alarm_at=1 / self.certificate.alarm_chance,
            last_alarm_at=self._last_alarm_at,
            expires_at=self.certificate.expires_at,
        )


class _Half:
    """Scores of one arm that wait for the other."""

    def __init__(self) -> None:
        self.n, self._total = 0, 0.0

    def add(self, score: float) -> None:
        self.n, self._total = self.n + 1, self._total + score

    @property
    def mean(self) -> float:
        return self._total / self.n


def resumed(certificate: Certificate, events: Sequence[CertificateEvent]) -> Monitor:
    """Returns the monitor after the alarms that the ledger knows of; the scores are to be given to it again.

    An alarm speaks against the outcomes that a certificate was issued from. So those of other certificates from the
    same outcomes count as well: asking for another margin, or new prices, do not undo one.
    """
    issued = (_certificate(event) for event in events if event.kind == "issued")
    alike = {certificate.id, *(other.id for other in issued if other.data_hash == certificate.data_hash)}
    alarms = [event for event in events if event.kind == "alarm" and event.certificate in alike]
    number = max((event.number for event in alarms), default=0)
    return Monitor(certificate, alarms=number, last_alarm_at=max((event.at for event in alarms), default=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A certificate that served, as the ledger tells it."""

    certificate: Certificate
    standing: Standing
    since: datetime
    """When it began to serve."""


def kept(ledger: Ledger) -> tuple[Kept, ...]:
    """Returns every certificate that ever served, and how it is doing, from the ledger alone; the newest last."""
    events = ledger.certificate_events()
    issued = [(_certificate(event), event.at) for event in events if event.kind == "issued"]
    return tuple(
        Kept(certificate=certificate, standing=_standing(certificate, events, ledger), since=at)
        for certificate, at in issued
    )


def _standing(certificate: Certificate, events: Sequence[CertificateEvent], ledger: Ledger) -> Standing:
    monitor = resumed(certificate, events)
    for row in ledger.scored(certificate.id):
        if monitor.see(row):  # it was not told yet: the gateway is behind, or gone
            break
    return monitor.standing


def _certificate(event: CertificateEvent) -> Certificate:
    return msgspec.json.decode(event.content, type=Certificate)


def in_words(standing: Standing) -> str:
    """Returns the standing for people."""
    seen = f"{standing.observations:,} outcomes seen"
    lost = "" if standing.mean_loss is None else f", {standing.mean_loss:+.4f} lost on average"
    evidence = f"evidence against it {standing.evidence:.3g} of {standing.alarm_at:g}"
    alarms = "no alarm" if not standing.alarms else f"{standing.alarms} alarm{'s' * (standing.alarms > 1)}"
    return f"{alarms[0].upper()}{alarms[1:]}; {standing.serves} serves; {seen}{lost}; {evidence}"
