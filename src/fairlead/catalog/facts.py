"""All that is known of the configured models, each fact with who says so and when."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from fairlead.catalog.capabilities import Fact, known_of
from fairlead.catalog.prices import context_tokens_of
from fairlead.catalog.regions import placed
from fairlead.catalog.resolved import LIBRARY
from fairlead.config import HostedProvider
from fairlead.config.known import KNOWN_PROVIDERS

if TYPE_CHECKING:
    from fairlead.config import Config, ModelConfig


def facts_of(name: str, model: ModelConfig, config: Config) -> dict[str, Fact]:
    """Returns what is known of a configured model: the configuration first, then the tables, then the price list.

    Args:
        name: `PROVIDER/MODEL`.
        model: its table.
        config: the whole configuration. Of a model inside this process nothing is looked up.
    """
    provider, _, model_name = name.partition("/")
    host = config.providers[provider]
    source = f'{config.source}: models."{name}".capabilities'
    given = {what: Fact(value, source) for what, value in asdict(model.capabilities).items() if value is not None}
    if not isinstance(host, HostedProvider):
        return given
    _, region = placed(provider, host.base_url, model.settings)
    where = {} if region is None else {"regions": Fact((region.region,), f"its address or settings; {region.source}")}
    known = where | known_of(provider, model_name) | given
    if "context_tokens" not in known:
        known |= _context(provider, model_name, host.base_url)
    return known


def facts_by_name(name: str) -> dict[str, Fact]:
    """Returns what is known of a model of a known provider, as anybody would find it."""
    provider, _, model = name.partition("/")
    known = known_of(provider, model)
    if "context_tokens" not in known and provider in KNOWN_PROVIDERS:
        known |= _context(provider, model, KNOWN_PROVIDERS[provider].base_url)
    return known


def _context(provider: str, model: str, base_url: str) -> dict[str, Fact]:
    window = context_tokens_of(provider, model, base_url=base_url)
    return {} if window is None else {"context_tokens": Fact(window, f"{LIBRARY} {version(LIBRARY)}")}
