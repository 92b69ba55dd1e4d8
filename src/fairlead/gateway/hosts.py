"""Who answers: hosts on the network, and models that run inside this process."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from fairlead import catalog
from fairlead.config import HostedProvider, RecordedProvider
from fairlead.config.refusals import below, nearest
from fairlead.errors import ConfigError
from fairlead.providers import PROVIDERS, Embeddings, OpenAI, Responses
from fairlead.providers.lean_transport import LeanTransport
from fairlead.providers.polyglot import Polyglot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fairlead.config import Config, SimulatedProvider
    from fairlead.providers.base import Provider
    from fairlead.providers.http import HttpProvider
    from fairlead.providers.transport import Transport
    from fairlead.providers.upstream import Responder
    from fairlead.types import Candidate, Dialect

OPENAIS: Mapping[str, type[OpenAI]] = {"openai": OpenAI, "responses": Responses, "embeddings": Embeddings}
"""OpenAI's dialects, which one host may speak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InProcess:
    """Models inside this process, served on a loopback port of their own, so that there is one way of calling."""

    responder: Responder
    candidates: tuple[Candidate, ...]
    time_scale: float
    plays: bool = False
    """They call tools that are offered, and keep to schemas."""


def in_process(config: Config) -> dict[str, InProcess]:
    """Returns the recorded and simulated providers by name.

    Raises:
        TableError: an outcome table cannot be read.
    """
    inside = {name: table for name, table in config.providers.items() if not isinstance(table, HostedProvider)}
    return {
        name: _recorded(name, table) if isinstance(table, RecordedProvider) else _simulated(name, table)
        for name, table in inside.items()
    }


def candidates(config: Config, inside: Mapping[str, InProcess]) -> dict[str, Candidate]:
    """Returns every candidate by name: those configured, and all models of a provider inside of which none is listed.

    Raises:
        ConfigError: a model is listed that its provider inside does not have.
    """
    listed = {candidate.name: candidate for candidate in catalog.build(config)}
    for provider, host in inside.items():
        own = {candidate.name: candidate for candidate in host.candidates}
        wanted = [name for name in listed if name.startswith(f"{provider}/")]
        listed |= {name: _filled(listed[name], own) for name in wanted} or own
    return listed


@asynccontextmanager
async def connected(config: Config, inside: Mapping[str, InProcess]) -> AsyncIterator[dict[str, Provider]]:
    """Yields the providers by name, ready to be called; on leaving all connections are closed."""
    transport = transport_of(config.server.client)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(transport.close)
        providers: dict[str, Provider] = {}
        for name, table in config.providers.items():
            if isinstance(table, HostedProvider):
                key = config.keys[name].reveal() if name in config.keys else None
                providers[name] = hosted(table, transport, key)
        for name, host in inside.items():
            from fairlead.providers.upstream import Upstream, serving  # noqa: PLC0415 - only where models run inside

            upstream = Upstream(host.responder, time_scale=host.time_scale, plays=host.plays)
            address = await stack.enter_async_context(serving(upstream))
            providers[name] = OpenAI(base_url=f"{address}/v1", transport=transport)
        yield providers


def transport_of(client: Literal["lean", "aiohttp"]) -> Transport:
    """Returns the pool of connections that the configuration asks for."""
    if client == "lean":
        return LeanTransport()
    from fairlead.providers.aiohttp_transport import AiohttpTransport  # noqa: PLC0415 - heavy, loaded where wanted

    return AiohttpTransport()


def hosted(table: HostedProvider, transport: Transport, api_key: str | None) -> Provider:
    """Returns the provider of a host: one, or one for each of OpenAI's dialects that it speaks."""
    if table.dialect not in OPENAIS:
        return speaker(table, table.dialect, transport, api_key)
    return Polyglot(speakers={dialect: speaker(table, dialect, transport, api_key) for dialect in table.dialects})


def speaker(table: HostedProvider, dialect: Dialect, transport: Transport, api_key: str | None) -> HttpProvider:
    """Returns a host as one that speaks this dialect."""
    if dialect not in OPENAIS:
        return PROVIDERS[dialect](base_url=table.base_url, transport=transport, api_key=api_key)
    return OPENAIS[dialect](
        base_url=table.base_url,
        transport=transport,
        api_key=api_key,
        flavour=table.own_ways,
        api_version=table.api_version,
    )


def _recorded(provider: str, table: RecordedProvider) -> InProcess:
    from fairlead.outcomes import Outcomes  # noqa: PLC0415 - brings pyarrow
    from fairlead.providers.recorded import Recorded  # noqa: PLC0415

    outcomes = Outcomes.read(table.table)
    own = tuple(
        replace(candidate, name=f"{provider}/{candidate.model}", provider=provider)
        for candidate in outcomes.candidates()
    )
    return InProcess(responder=Recorded(outcomes), candidates=own, time_scale=0.0)


def _simulated(provider: str, table: SimulatedProvider) -> InProcess:
    from fairlead.providers.simulated import World  # noqa: PLC0415 - only where models are simulated

    world = World(table.seed, pool=table.pool)
    return InProcess(responder=world, candidates=world.candidates(provider), time_scale=table.time_scale, plays=True)


def _filled(candidate: Candidate, own: Mapping[str, Candidate]) -> Candidate:
    """Returns a configured candidate with what its provider inside knows of the model."""
    if candidate.name not in own:
        known = [name.partition("/")[2] for name in own]
        place = below("models", candidate.name)
        raise ConfigError(f"`{place}` is no model of `{candidate.provider}`.{nearest(candidate.model, known)}")
    return replace(candidate, price=candidate.price or own[candidate.name].price)
