"""Watching over certificates while they serve: scores come out of the ledger, alarms go into it.

One process or many, started again or not: what was scored and which alarms were raised stands in the ledger, so every
watch comes to the same.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import LedgerError
from fairlead.events import Event
from fairlead.ledger.base import CertificateEvent
from fairlead.proof.monitor import Monitor, resumed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.certificate import Certificate
    from fairlead.ledger.base import Ledger, Scored
    from fairlead.proof.monitor import Standing

LOG = logging.getLogger("fairlead.certificates")

EVERY_S = 30.0
"""How often the ledger is asked what other processes kept, seconds."""
OVERLAP = timedelta(minutes=5)
"""How far back it is asked again: what was scored at a moment may be committed a little later."""


@dataclass(slots=True)
class _Watched:
    monitor: Monitor
    since: datetime | None = None
    """Up to where scores were read, less the overlap; `None` before the first time."""


@dataclass(slots=True)
class Watch:
    """The certificates that serve, and how they are doing."""

    ledger: Ledger
    certificates: Mapping[str, Certificate]
    """Route -> its certificate."""
    _watched: dict[str, _Watched] = field(default_factory=dict)
    _asked: asyncio.Event = field(default_factory=asyncio.Event)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin(self) -> None:
        """Returns when the ledger knows the certificates, and all that it knows of them was read.

        Raises:
            LedgerError: it cannot be read, and does not spool; where it does, that is made up for later.
        """
        try:
            await self.look()
        except LedgerError:
            if not self.ledger.spools:
                raise

    def alarms(self, route: str) -> int:
        """Returns how many alarms the certificate of a route has had, 0 where it has none.

        As long as that could not be read they count as one a rung, so that the reference serves.
        """
        certificate = self.certificates.get(route)
        if certificate is None:
            return 0
        watched = self._watched.get(certificate.id)
        return len(certificate.rungs) if watched is None else watched.monitor.alarms

    def standings(self) -> Sequence[Standing]:
        """Returns how each certificate is doing."""
        return [watched.monitor.standing for watched in self._watched.values()]

    def nudge(self) -> None:
        """Asks for a look soon, since something was scored."""
        self._asked.set()

    async def run(self) -> None:
        """Looks for ever: soon after a nudge, and every half minute."""
        while self.certificates:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), EVERY_S)
            self._asked.clear()
            try:
                await self.look()
            except LedgerError as error:
                LOG.warning(Event("certificates_not_watched", error=type(error).__name__))

    async def look(self) -> None:
        """Takes in what was scored since the last time, by whomever; raises alarms where they are due.

        One look at a time: two would see the same scores between the two halves of an alarm.
        """
        async with self._looking:
            await self._look_at_all()

    async def _look_at_all(self) -> None:
        for certificate in {c.id: c for c in self.certificates.values()}.values():
            if certificate.id not in self._watched:
                content = msgspec.json.encode(certificate, order="deterministic").decode()
                await self.ledger.certificate(CertificateEvent.issued(certificate.id, content, datetime.now(UTC)))
            await self._look(certificate)

    async def _look(self, certificate: Certificate) -> None:
        fresh = resumed(certificate, await asyncio.to_thread(self.ledger.certificate_events))
        watched = self._watched.get(certificate.id)
        if watched is None or fresh.alarms > watched.monitor.alarms:  # at first, or another process raised an alarm
            watched = _Watched(fresh)
            self._watched[certificate.id] = watched
        rows = await asyncio.to_thread(self.ledger.scored, certificate.id, watched.since)
        for row in rows:
            if watched.monitor.see(row):
                await self._raise(watched.monitor, row)
        if rows:
            watched.since = rows[-1].at - OVERLAP

    async def _raise(self, monitor: Monitor, row: Scored) -> None:
        standing = monitor.standing
        content = msgspec.json.encode(standing).decode()
        await self.ledger.certificate(CertificateEvent.alarm(standing.certificate, standing.alarms, content, row.at))
        LOG.warning(
            Event(
                "certificate_alarm",
                certificate=standing.certificate,
                alarms=standing.alarms,
                serves=standing.serves,
                observations=standing.observations,
            )
        )
        monitor.restart()
