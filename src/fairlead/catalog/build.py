"""From the configuration to candidates: what it gives wins, the catalogue fills the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from msgspec.structs import asdict

from fairlead.catalog.capabilities import capabilities_of
from fairlead.catalog.prices import context_tokens_of, price_of, priced
from fairlead.config import HostedProvider
from fairlead.types import Candidate, Capabilities, Rate

if TYPE_CHECKING:
    from decimal import Decimal

    from fairlead.config import Config, ModelConfig, PriceConfig, ProviderConfig
    from fairlead.types import Dialect, Price


def build(config: Config, at: datetime | None = None) -> tuple[Candidate, ...]:
    """Returns a candidate for every configured model, in configured order.

    Args:
        config: what the user wrote. Of a model inside this process (`simulated`, `recorded`) nothing is looked up.
        at: the day whose prices count; now where not given.
    """
    moment = at or datetime.now(UTC)
    return tuple(_candidate(name, model, config, moment) for name, model in config.models.items())


def _candidate(name: str, model: ModelConfig, config: Config, at: datetime) -> Candidate:
    provider, _, model_name = name.partition("/")
    return Candidate(
        name=name,
        provider=provider,
        model=model_name,
        weights=model.weights or model_name,
        **_spoken(config.providers[provider]),
        settings=tuple(model.settings.items()),
        capabilities=_capabilities(provider, model_name, model, config),
        price=_price(provider, model_name, model, config, at),
        known_as=model.known_as,
    )


def _spoken(provider: ProviderConfig) -> _Spoken:
    if isinstance(provider, HostedProvider):
        return {"dialects": provider.dialects, "refused": provider.own_ways.refused}
    return {"dialects": ("openai",), "refused": ()}


class _Spoken(TypedDict):
    dialects: tuple[Dialect, ...]
    refused: tuple[str, ...]


def _capabilities(provider: str, name: str, model: ModelConfig, config: Config) -> Capabilities:
    host = config.providers[provider]
    hosted = isinstance(host, HostedProvider)
    given = {what: value for what, value in asdict(model.capabilities).items() if value is not None}
    known = replace(capabilities_of(provider, name) if hosted else Capabilities(), **given)
    if known.context_tokens is None and isinstance(host, HostedProvider):
        return replace(known, context_tokens=context_tokens_of(provider, name, base_url=host.base_url))
    return known


def _price(provider: str, name: str, model: ModelConfig, config: Config, at: datetime) -> Price | None:
    host = config.providers[provider]
    if model.price is not None:
        return _given(model.price, f'{config.source}: models."{provider}/{name}".price')
    if isinstance(host, HostedProvider):
        return price_of(provider, name, at, base_url=host.base_url, settings=model.settings)
    return None


def _given(price: PriceConfig, source: str) -> Price:
    given = {_bucket(name): _rate(usd) for name, usd in asdict(price).items()}
    main = Rate(base=price.input_usd_per_mtok), Rate(base=price.output_usd_per_mtok)
    others = {name: rate for name, rate in given.items() if name not in {"input", "output"}}
    return priced(input=main[0], output=main[1], source=source, estimated=False, **others)


def _bucket(setting: str) -> str:
    return setting.removesuffix("_usd_per_mtok").removesuffix("_usd_per_thousand")


def _rate(usd_per_mtok: Decimal | None) -> Rate | None:
    return None if usd_per_mtok is None else Rate(base=usd_per_mtok)
