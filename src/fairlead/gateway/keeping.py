"""What is kept of a request to learn from, where a route asks for it, and for how long."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fairlead.errors import LedgerError
from fairlead.events import Event
from fairlead.features.kept import Kept, encoded
from fairlead.ledger.base import Payload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fairlead.config import RouteConfig
    from fairlead.ledger.base import Ledger, PayloadKind
    from fairlead.types import Request

LOG = logging.getLogger("fairlead.gateway")
EVERY_S = 3600.0
"""How often payloads that are too old are erased."""
N_SALT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Routes whose requests leave their features, or their words, in the ledger."""

    features: frozenset[str] = frozenset()
    prompts: frozenset[str] = frozenset()
    _reader: Kept = field(default_factory=Kept)

    @classmethod
    def of(cls, routes: Mapping[str, RouteConfig]) -> Keeping:
        """Returns what the configured routes ask for."""
        return cls(
            features=frozenset(name for name, route in routes.items() if route.store_features),
            prompts=frozenset(name for name, route in routes.items() if route.store_prompts),
        )

    def payloads(self, route: str, request: Request) -> tuple[Payload, ...]:
        """Returns what is kept of a request to a route, or to one of its variants such as `auto:cost`."""
        return tuple(
            Payload(kind=kind, content=content, salt=secrets.token_hex(N_SALT_BYTES))
            for kind, content in self._contents(route.partition(":")[0], request)
        )

    def _contents(self, route: str, request: Request) -> Iterator[tuple[PayloadKind, str]]:
        if route in self.features:
            yield "features", encoded(self._reader.keep(request))
        if route in self.prompts:
            yield "prompt", request.prompt


async def forget(ledger: Ledger, days: int) -> None:
    """Erases, now and every hour, what was kept for longer than so many days; runs until it is cancelled."""
    while True:
        try:
            await ledger.erase(datetime.now(UTC) - timedelta(days=days), team=None, reason="retention")
        except LedgerError as error:
            LOG.warning(Event("retention_failed", error=type(error).__name__))
        await asyncio.sleep(EVERY_S)
