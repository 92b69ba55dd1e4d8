"""Is the process alive, and can it serve? Neither calls a provider: a health check that costs money is none."""

from __future__ import annotations

import asyncio
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import LedgerError
from fairlead.gateway.body import send_json

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from fairlead.gateway.state import Gateway


class Live:
    """Answers 200 as long as the process answers at all."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        await send_json(send, b'{"status":"live"}')


class HostsShown:
    """Answers how the hosts are doing, by the calls that were made: the breaker of each model that was called."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        await send_json(send, msgspec.json.encode({"breakers": self._gateway.executor.hosts.shown()}))


class Ready:
    """Answers 200 where requests can be served: the ledger is there, or its spool; 503 where it is not."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        ledger = self._gateway.ledger
        available = True
        try:
            await asyncio.to_thread(ledger.prices)
        except LedgerError:
            if not ledger.spools:
                raise
            available = False
        kept = LedgerShown(available=available, spooled=ledger.n_spooled, rejected=ledger.n_rejected)
        loaded = self._gateway.loaded
        shown = ConfigurationShown(
            hash=self._gateway.config_hash,
            loaded_at=loaded.at,
            reloads=loaded.n_reloads,
            refused=loaded.n_refused,
            error=loaded.error,
        )
        await send_json(send, msgspec.json.encode(ReadyShown(ledger=kept, configuration=shown)))


class LedgerShown(msgspec.Struct, frozen=True, kw_only=True):
    """How the ledger is doing."""

    available: bool
    spooled: int
    """Changes that wait in the spool."""
    rejected: int
    """Spooled changes that the database refused for good."""


class ConfigurationShown(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration that serves."""

    hash: str
    """As in the ledger's rows."""
    loaded_at: datetime
    reloads: int
    """Changes that were taken up while the gateway ran."""
    refused: int
    """Changes that were not: the configuration before them serves on."""
    error: str | None
    """Why the last change was not taken up; `null` where it was."""


class ReadyShown(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `/health/ready`."""

    status: str = "ready"
    ledger: LedgerShown
    configuration: ConfigurationShown
