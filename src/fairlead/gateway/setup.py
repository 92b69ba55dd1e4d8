"""From a configuration to a gateway that can serve: everything is checked and built before the port opens."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict

from fairlead.execution import Executor, Limits
from fairlead.gateway.binding import bound_routes
from fairlead.gateway.cache import AnswerCache
from fairlead.gateway.hosts import candidates, connected, in_process
from fairlead.gateway.keeping import Keeping, forget
from fairlead.gateway.keys import Door
from fairlead.gateway.knowledge import Knowledge
from fairlead.gateway.metrics import gauges, observing
from fairlead.gateway.recalling import recall_sessions, recalled
from fairlead.gateway.routes import Routes
from fairlead.gateway.secret import session_secret
from fairlead.gateway.sessions import Sessions
from fairlead.gateway.state import Gateway
from fairlead.gateway.studies import looking, studies
from fairlead.gateway.watching import Watch
from fairlead.observers.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fairlead.config import Config, LedgerConfig, LimitsConfig
    from fairlead.execution.hosts import Hosts
    from fairlead.execution.run import Estimate
    from fairlead.gateway.binding import BoundRoute
    from fairlead.gateway.hosts import InProcess
    from fairlead.learning.aftermath import Study
    from fairlead.ledger.base import Ledger
    from fairlead.ledger.spool import Spool
    from fairlead.types import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a configuration means: nothing is open yet."""

    config: Config
    candidates: Mapping[str, Candidate]
    routes: tuple[BoundRoute, ...]
    inside: Mapping[str, InProcess]
    studies: Mapping[str, Study]
    """Route -> what it learns from its answers."""


def prepare(config: Config) -> Setup:
    """Returns what would run.

    Raises:
        FairleadError: it would not run; says why.
    """
    inside = in_process(config)
    found = candidates(config, inside)
    return Setup(
        config=config,
        candidates=found,
        routes=bound_routes(config, found),
        inside=inside,
        studies=studies(config, found),
    )


@asynccontextmanager
async def opened(setup: Setup, *, limits: Limits | None = None) -> AsyncIterator[Gateway]:
    """Yields the gateway with its ledger and its connections open; on leaving they are closed.

    Args:
        setup: what is opened.
        limits: in place of those that are configured.

    Raises:
        LedgerError: the ledger cannot be written.
    """
    from fairlead.ledger.opening import open_ledger  # noqa: PLC0415 - `check` needs no ledger

    config = setup.config
    async with AsyncExitStack() as stack:
        ledger = open_ledger(config.ledger.place, durability=config.ledger.durability, spool=_spool(config.ledger))
        stack.push_async_callback(ledger.close)
        await ledger.register(price for candidate in setup.candidates.values() for price in candidate.prices)
        if config.ledger.retention_days is not None:
            stack.push_async_callback(ended, asyncio.create_task(forget(ledger, config.ledger.retention_days)))
        sessions = Sessions(session_secret(config.ledger.path.with_name(f"{config.ledger.path.name}.secret")))
        await asyncio.to_thread(recall_sessions, ledger, sessions)
        hosts = await asyncio.to_thread(recalled, ledger, setup.candidates, limits or limits_of(config.limits))
        closing = await stack.enter_async_context(AsyncExitStack())
        part = await closing.enter_async_context(changing(setup, ledger, limits=limits, hosts=hosts))
        metrics = Metrics(gauges(part["executor"].hosts, ledger, setup.candidates, part["watch"]))
        gateway = Gateway(
            ledger=ledger,
            sessions=sessions,
            metrics=metrics,
            observers=observing(config.observability, metrics),
            closing=closing,
            **part,
        )
        yield await closing.enter_async_context(learning(setup, gateway))


class Changing(TypedDict):
    """The part of a gateway that a new configuration replaces while it runs."""

    config_hash: str
    routes: Routes
    executor: Executor
    limits: Limits
    max_body_bytes: int
    max_in_flight: int
    keeping: Keeping
    watch: Watch
    door: Door
    caches: Mapping[str, AnswerCache]


@asynccontextmanager
async def changing(
    setup: Setup, ledger: Ledger, *, limits: Limits | None = None, hosts: Hosts | None = None, door: Door | None = None
) -> AsyncIterator[Changing]:
    """Yields what follows from a configuration, with connections of its own; on leaving they are closed.

    Args:
        setup: the configuration.
        ledger: where everything is kept.
        limits: in place of those that are configured.
        hosts: what is known of the hosts already.
        door: the one before, which knows keys, and whether others can reach us.
    """
    config = setup.config
    limits = limits or limits_of(config.limits)
    async with AsyncExitStack() as stack:
        providers = await stack.enter_async_context(connected(config, setup.inside))
        certificates = {r.name: r.router.certificate for r in setup.routes if r.router.certificate is not None}
        watch = Watch(ledger, certificates)
        await watch.begin()
        if certificates:
            stack.push_async_callback(ended, asyncio.create_task(watch.run()))
        door = Door.following(
            door,
            store=ledger.keys,
            candidates=tuple(setup.candidates),
            admin_key=config.admin_key,
            refresh_s=config.server.key_refresh_s,
            stale_is_better=config.ledger.on_failure == "spool",
        )
        await door.needs_key()  # known from the start, should the database be gone later
        yield Changing(
            config_hash=config.hash,
            routes=Routes(
                routers={r.name: r.router for r in setup.routes},
                candidates=setup.candidates,
                budgets={r.name: r.budget for r in setup.routes if r.budget is not None},
                knowledge=Knowledge(config),
            ),
            executor=Executor(providers, setup.candidates, limits, hosts=hosts, estimate=await _estimate(config)),
            limits=limits,
            max_body_bytes=config.server.max_body_bytes,
            max_in_flight=config.server.max_in_flight,
            door=door,
            caches={
                r.name: AnswerCache(ttl_s=r.cache.ttl_s, max_bytes=r.cache.max_mb * 1_000_000, tools=r.cache.tools)
                for r in setup.routes
                if r.cache is not None
            },
            keeping=Keeping.of(config.routes),
            watch=watch,
        )


@asynccontextmanager
async def learning(setup: Setup, gateway: Gateway) -> AsyncIterator[Gateway]:
    """Yields the gateway with what looks at its answers once they were delivered."""
    async with looking(setup.studies, gateway) as aftermath:
        yield replace(gateway, aftermath=aftermath)


async def _estimate(config: Config) -> Estimate | None:
    """Returns what estimates usage that nobody reported, its ranks read; `None` where that is not asked for.

    Raises:
        MissingExtraError: it is asked for, and the tokenizer is not installed.
    """
    if not config.ledger.estimate_usage:
        return None
    from fairlead.tokenizer import count, estimated_usage  # noqa: PLC0415 - an extra, loaded where it is asked for

    await asyncio.to_thread(count, "")
    return estimated_usage


async def ended(task: asyncio.Task[None]) -> None:
    """Returns when a task that runs for ever has been called off."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _spool(table: LedgerConfig) -> Spool | None:
    from fairlead.ledger.spool import Spool  # noqa: PLC0415 - `check` needs no ledger

    if table.on_failure == "refuse":
        return None
    path = table.path.with_name(f"{table.path.name}.spool")
    return Spool(path, max_bytes=table.spool_mb * 1_000_000, durable=table.durability == "power")


def limits_of(table: LimitsConfig) -> Limits:
    """Returns the limits of every request."""
    return Limits(
        connect_s=table.connect_s,
        ttft_s=table.ttft_s,
        patient_ttft_s=table.patient_ttft_s,
        hedge_s=table.hedge_s,
        hedge_ttft_s=table.hedge_ttft_s,
        idle_s=table.idle_s,
        answer_s=table.answer_s,
        total_s=table.total_s,
        max_attempts=table.max_attempts,
        retries=table.retries,
        continuations=table.continuations,
        breaker_failures=table.breaker_failures,
        retry_share=table.retry_share,
        hedge_share=table.hedge_share,
        hedge_usd_per_hour=table.hedge_usd_per_hour,
    )
