"""Does each provider take its key? Tried by the list of its models, which costs nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import msgspec

from fairlead.config.refusals import listed
from fairlead.providers.listing import Listing, Verdict, listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.config import HostedProvider
    from fairlead.gateway.setup import Setup


class TriedKeyResult(msgspec.Struct, kw_only=True, frozen=True):
    """What a provider said to its key."""

    provider: str
    verdict: Verdict
    """`taken`, `refused`, `untried` (there is none, or the list is open to anybody) or `unclear` (there is no list)."""
    says: str
    n_models: int | None
    """That it lists; `null` where that is not known."""
    missing: tuple[str, ...]
    """Configured models that are not among them."""

    @classmethod
    def of(cls, provider: str, found: Listing, configured: list[str]) -> Self:
        """Returns what is shown of a provider."""
        known = found.models
        missing = [] if known is None else [name for name in configured if not _among(name, known)]
        n_models = None if known is None else len(known)
        return cls(provider=provider, verdict=found.verdict, says=found.says, n_models=n_models, missing=tuple(missing))


def tried(setup: Setup) -> tuple[TriedKeyResult, ...]:
    """Returns what every provider on the network says to its key."""
    return asyncio.run(_tried(setup))


async def _tried(setup: Setup) -> tuple[TriedKeyResult, ...]:
    from fairlead.config import HostedProvider  # noqa: PLC0415 - heavy, loaded when called

    hosted = {name: table for name, table in setup.config.providers.items() if isinstance(table, HostedProvider)}
    return tuple(await asyncio.gather(*(_try(name, table, setup) for name, table in hosted.items())))


async def _try(name: str, table: HostedProvider, setup: Setup) -> TriedKeyResult:
    from fairlead.gateway.hosts import speaker  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.providers.lean_transport import LeanTransport  # noqa: PLC0415

    key = setup.config.keys.get(name)
    host = speaker(table, table.dialect, LeanTransport(), None if key is None else key.reveal())
    named_otherwise = table.own_ways.per_deployment  # Azure lists models, and is asked for deployments
    configured = [] if named_otherwise else [c.model for c in setup.candidates.values() if c.provider == name]
    return TriedKeyResult.of(name, await listing(host), configured)


def _among(name: str, known: frozenset[str]) -> bool:
    """Says whether a model is on the list; a tag that Ollama adds does not make it another."""
    return name in known or any(each.startswith(f"{name}:") for each in known)


def lines(results: tuple[TriedKeyResult, ...]) -> Iterator[str]:
    """Yields what was found, for people."""
    for result in results:
        missing = f"; not among its models: {listed(list(result.missing))}" if result.missing else ""
        yield f"provider {result.provider}: {_in_words(result)}{missing}"


def _in_words(result: TriedKeyResult) -> str:
    said = f"the key is refused: {result.says}" if result.verdict == "refused" else result.says
    return said if result.n_models is None else f"{said} (models on its list: {result.n_models})"
