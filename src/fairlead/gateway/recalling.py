"""What a start knows of before: the pace of hosts and the open sessions, by what the ledger holds of both.

Of the hosts, what was measured within a week counts, by requests and by `fairlead probe`: the latest values of each,
which are pushed out by what is measured from now on. Breakers start closed: an outage of before says nothing of now.
Of the sessions that are not over, who answered last is known again, so whose signed thinking they carry and where
their prompt is cached.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fairlead.errors import LedgerError
from fairlead.events import Event
from fairlead.execution.hosts import Hosts
from fairlead.gateway.sessions import IDLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.gateway.sessions import Sessions
    from fairlead.ledger.base import Ledger
    from fairlead.ledger.paces import Pace
    from fairlead.ledger.sql import SqlLedger
    from fairlead.providers.base import Limits
    from fairlead.types import Candidate

LOG = logging.getLogger("fairlead.gateway")

WITHIN = timedelta(days=7)
"""What is older says nothing of a host any more."""
AT_MOST = 2_000
"""So many of the newest requests, and of the newest probes, are looked at, so that a large ledger holds up no start."""


MOST_SIGHTINGS = 5_000
"""So many of the newest requests are looked at for their sessions."""


def recall_sessions(ledger: SqlLedger, sessions: Sessions) -> None:
    """Lets sessions know again what they knew; nothing where the ledger cannot be read."""
    from fairlead.ledger.sightings import sightings  # noqa: PLC0415 - `check` needs no ledger

    try:
        sessions.recall(sightings(ledger, since=datetime.now(UTC) - IDLE, limit=MOST_SIGHTINGS))
    except LedgerError as error:
        LOG.warning(Event("sessions_not_recalled", error=type(error).__name__))


def recalled(ledger: SqlLedger, candidates: Mapping[str, Candidate], limits: Limits) -> Hosts:
    """Returns the hosts of these candidates as they were measured before."""
    hosts = Hosts(limits, time.monotonic)
    hosts.recall(paces_of(ledger, candidates))
    return hosts


def paces_of(ledger: Ledger, candidates: Mapping[str, Candidate]) -> list[Pace]:
    """Returns what was measured of these candidates, the oldest first; nothing where the ledger cannot be read.

    A candidate that asks for another model than it did then is another host. That its provider lay at another address
    then cannot be seen.
    """
    from fairlead.ledger.paces import paces  # noqa: PLC0415 - `check` needs no ledger
    from fairlead.ledger.sql import SqlLedger  # noqa: PLC0415

    if not isinstance(ledger, SqlLedger):
        return []
    try:
        found = paces(ledger, since=datetime.now(UTC) - WITHIN, limit=AT_MOST)
    except LedgerError as error:
        LOG.warning(Event("pace_of_hosts_not_recalled", error=type(error).__name__))
        return []
    names = {name: candidate.model for name, candidate in candidates.items()}
    return [pace for pace in found if names.get(pace.candidate) == pace.model_asked]
