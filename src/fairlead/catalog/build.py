"""From the configuration to candidates: what it gives wins, the catalogue fills the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from fairlead.catalog.capabilities import as_capabilities
from fairlead.catalog.facts import facts_of
from fairlead.catalog.quotes import quotes
from fairlead.catalog.terms import dearest
from fairlead.config import HostedProvider
from fairlead.types import Candidate

if TYPE_CHECKING:
    from fairlead.config import Config, ModelConfig, ProviderConfig
    from fairlead.money import Price, Tariff
    from fairlead.types import Capabilities, Dialect


def build(config: Config, at: datetime | None = None) -> tuple[Candidate, ...]:
    """Returns a candidate for every configured model, in configured order.

    Args:
        config: what the user wrote. Of a model inside this process (`simulated`, `recorded`) nothing is looked up.
        at: the day whose prices count; now where not given.
    """
    moment = at or datetime.now(UTC)
    found = quotes(config, moment)
    return tuple(_candidate(name, model, config, found[name].tariff, moment) for name, model in config.models.items())


def _candidate(name: str, model: ModelConfig, config: Config, tariff: Tariff | None, at: datetime) -> Candidate:
    provider, _, model_name = name.partition("/")
    able = as_capabilities(facts_of(name, model, config))
    return Candidate(
        name=name,
        provider=provider,
        model=model_name,
        weights=model.weights or model_name,
        **_spoken(config.providers[provider]),
        goes_on=_goes_on(config.providers[provider], able) or None,
        settings=tuple(model.settings.items()),
        capabilities=able,
        **_priced(tariff, at),
        known_as=model.known_as,
    )


def _spoken(provider: ProviderConfig) -> _Spoken:
    if isinstance(provider, HostedProvider):
        return {"dialects": provider.dialects, "refused": provider.own_ways.refused}
    return {"dialects": ("openai",), "refused": ()}


def _goes_on(provider: ProviderConfig, able: Capabilities) -> bool:
    """Says whether a model is known to continue an answer: by what is known of itself, else by its kind of host."""
    if not isinstance(provider, HostedProvider) or provider.dialects[0] not in {"openai", "anthropic"}:
        return False
    ways = provider.own_ways
    taken = provider.base_url.rstrip("/").endswith(ways.prefill_at)
    return taken and (ways.prefill is not None if able.prefill is None else able.prefill)


class _Spoken(TypedDict):
    dialects: tuple[Dialect, ...]
    refused: tuple[str, ...]


def _priced(tariff: Tariff | None, at: datetime) -> _Priced:
    """Returns the price that stands for all, and the tariff where one price does not say it all."""
    if tariff is None:
        return {"price": None, "tariff": None}
    changes = len(tariff.terms) > 1 or tariff.second
    return {"price": dearest(tariff, at), "tariff": tariff if changes else None}


class _Priced(TypedDict):
    price: Price | None
    tariff: Tariff | None
