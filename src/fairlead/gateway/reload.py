"""A new configuration for a gateway that runs: taken up whole, between two requests, or not at all.

Requests that have begun end on the configuration that they began with; its connections are closed behind the last one.
Ledger, sessions, metrics and what is known of the hosts go on.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fairlead.errors import ConfigError, FairleadError
from fairlead.events import Event
from fairlead.gateway import heap
from fairlead.gateway.metrics import gauges
from fairlead.gateway.recalling import paces_of
from fairlead.gateway.setup import changing, learning, limits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from starlette.types import ASGIApp, Receive, Scope, Send

    from fairlead.config import Config
    from fairlead.gateway.setup import Setup
    from fairlead.gateway.state import Gateway

    Build = Callable[[Setup, Gateway], AbstractAsyncContextManager[ASGIApp]]

LOG = logging.getLogger("fairlead.gateway")

FIXED = {"server": ("host", "port", "drain_s", "reload_poll_s"), "ledger": None, "observability": None}
"""Tables, and settings of them (`None`: all), that a running gateway cannot change."""


@dataclass(slots=True, kw_only=True)
class Generation:
    """A gateway with one configuration, and the requests on it."""

    app: ASGIApp
    gateway: Gateway
    setup: Setup
    n_requests: int = 0
    last_gone: asyncio.Event = field(default_factory=asyncio.Event)


class Reloading:
    """Serves with the newest configuration that could be taken up.

    Args:
        gateway: the first one.
        setup: its configuration.
        app: its application.
        build: opens the application of a gateway.
        again: reads the configuration anew; raises where it would not run.
        learn: told the keys of every configuration, so that no log holds them.
    """

    def __init__(
        self,
        gateway: Gateway,
        setup: Setup,
        app: ASGIApp,
        *,
        build: Build,
        again: Callable[[], Setup],
        learn: Callable[[list[str]], None] = lambda _keys: None,
    ) -> None:
        self._build = build
        self._again = again
        self._learn = learn
        self._now = Generation(app=app, gateway=gateway, setup=setup)
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def gateway(self) -> Gateway:
        """The gateway that serves now."""
        return self._now.gateway

    @property
    def setup(self) -> Setup:
        """The configuration that serves now."""
        return self._now.setup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks, from its first byte to its last on one configuration."""
        generation = self._now
        generation.n_requests += 1
        try:
            await generation.app(scope, receive, send)
        finally:
            generation.n_requests -= 1
            if generation.n_requests == 0 and generation is not self._now:
                generation.last_gone.set()

    async def reload(self) -> bool:
        """Takes up the configuration as it stands now, whole or not at all; says whether it did."""
        try:
            setup = await asyncio.to_thread(self._again)
            refuse_fixed(self.setup.config, setup.config)
            await self._take_up(setup)
        except (FairleadError, OSError) as error:
            self._refused(str(error))
            return False
        except Exception as error:  # noqa: BLE001 - whatever broke, what runs goes on
            self._refused(f"reading it broke with `{type(error).__name__}`")
            return False
        loaded = self.gateway.loaded
        loaded.n_reloads, loaded.at, loaded.error = loaded.n_reloads + 1, datetime.now(UTC), None
        LOG.warning(Event("configuration_taken_up", source=setup.config.source, hash=setup.config.hash[:12]))
        return True

    async def aclose(self) -> None:
        """Closes what every configuration opened."""
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._now.gateway.closing.aclose()

    async def _take_up(self, setup: Setup) -> None:
        """Puts a configuration in the place of the one that serves; until the last line nothing has changed."""
        old = self._now
        self._learn(setup.config.secrets)
        await old.gateway.ledger.register(price for c in setup.candidates.values() for price in c.prices)
        hosts = old.gateway.executor.hosts
        newcomers = {name: c for name, c in setup.candidates.items() if name not in old.setup.candidates}
        measured = await asyncio.to_thread(paces_of, old.gateway.ledger, newcomers) if newcomers else []
        closing = AsyncExitStack()
        try:
            part = await closing.enter_async_context(
                changing(setup, old.gateway.ledger, hosts=hosts, door=old.gateway.door)
            )
            gateway = replace(old.gateway, **part, closing=closing)
            gateway = await closing.enter_async_context(learning(setup, gateway))
            app = await closing.enter_async_context(self._build(setup, gateway))
        except BaseException:
            await closing.aclose()
            raise
        hosts.renew(limits_of(setup.config.limits), _elsewhere(old.setup.config, setup.config))
        hosts.recall(measured)
        gateway.metrics.gauges = gauges(hosts, gateway.ledger, setup.candidates, gateway.watch)
        self._now = Generation(app=app, gateway=gateway, setup=setup)
        self._retire(old)

    def _retire(self, generation: Generation) -> None:
        if generation.n_requests == 0:
            generation.last_gone.set()
        task = asyncio.create_task(_closed(generation))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _refused(self, why: str) -> None:
        loaded = self.gateway.loaded
        loaded.n_refused, loaded.error = loaded.n_refused + 1, why
        LOG.error(Event("configuration_refused", why=why, serving=self.gateway.config_hash[:12]))


async def _closed(generation: Generation) -> None:
    """Returns when the last request is gone, and what it needed is closed."""
    try:
        await generation.last_gone.wait()
    finally:
        await generation.gateway.closing.aclose()
        heap.settle()


def refuse_fixed(old: Config, new: Config) -> None:
    """Raises ConfigError where a setting differs that a running gateway cannot change; names it, and not its value."""
    if changed := list(_fixed_changes(old, new)):
        names = ", ".join(f"`{name}`" for name in changed)
        raise ConfigError(f"{names} cannot change while the gateway runs. Restart it, or take the change back.")


def _fixed_changes(old: Config, new: Config) -> Iterator[str]:
    for table, settings in FIXED.items():
        before, after = getattr(old, table), getattr(new, table)
        for name in settings or before.__struct_fields__:
            if getattr(before, name) != getattr(after, name):
                yield f"{table}.{name}"


def _elsewhere(old: Config, new: Config) -> Iterator[str]:
    """Yields the models that are gone, or whose host, key or settings are others: nothing is known of these."""
    for name, model in old.models.items():
        provider = name.partition("/")[0]
        same_model = name in new.models and new.models[name].settings == model.settings
        same_host = new.providers.get(provider) == old.providers[provider]
        same_key = _revealed(old, provider) == _revealed(new, provider)
        if not (same_model and same_host and same_key):
            yield name


def _revealed(config: Config, provider: str) -> str | None:
    key = config.keys.get(provider)
    return None if key is None else key.reveal()
