"""What a model costs, by the snapshot inside genai-prices; offline, looked up once a model.

The library takes 0.2 s and 13 MB beside what a gateway has loaded anyway, so it is imported with the first look-up:
a configuration that gives prices and context windows itself never loads it.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from fairlead.types import Price, Rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

LIBRARY = "genai-prices"
NAMES = {"gemini": "google", "xai": "x-ai"}
"""Our name of a provider -> the library's, where they differ."""


def priced(
    *,
    input: Rate,  # noqa: A002 - the name of the bucket
    output: Rate,
    cache_read: Rate | None = None,
    cache_write: Rate | None = None,
    source: str,
    estimated: bool = False,
) -> Price:
    """Returns a price whose id is a hash of all that it says."""
    content = msgspec.json.encode((input, output, cache_read, cache_write, source, estimated))
    return Price(
        id=f"price_{hashlib.sha256(content).hexdigest()[:16]}",
        input=input,
        output=output,
        cache_read=cache_read,
        cache_write=cache_write,
        source=source,
        estimated=estimated,
    )


def price_of(
    provider: str,
    model: str,
    at: datetime,
    *,
    base_url: str | None = None,
    settings: Mapping[str, object] | None = None,
) -> Price | None:
    """Returns what the model costs at `at`; `None` where that is not known.

    Where the price goes by the hour of the day, the dearest hour counts and the price is marked estimated: a bill may
    then be less, never more.

    Args:
        provider: its name; counts only where no address is given.
        model: the name that the provider knows.
        at: when the calls are made: prices have starting days.
        base_url: the provider's address. It decides: a `deepseek` on this machine does not cost what DeepSeek asks.
        settings: of the calls; some, such as `service_tier`, have rates of their own.
    """
    if (found := _found(provider, model, base_url)) is None:
        return None
    host, info = found
    context = {name: str(value) for name, value in (settings or {}).items()}
    lists = [info.get_prices(moment, context) for moment in _moments(info, at)]
    dearest = max(lists, key=_dearness)
    input_rate, output_rate = _rate(dearest.input_mtok), _rate(dearest.output_mtok)
    if input_rate is None or output_rate is None:
        return None
    hourly = any(_dearness(other) != _dearness(dearest) for other in lists)
    source = f"{LIBRARY} {version(LIBRARY)}: {host.id}/{info.id}{', its dearest hour' if hourly else ''}"
    return priced(
        input=input_rate,
        output=output_rate,
        cache_read=_rate(dearest.cache_read_mtok),
        cache_write=_rate(dearest.cache_write_mtok),
        source=source,
        estimated=hourly,
    )


def context_tokens_of(provider: str, model: str, *, base_url: str | None = None) -> int | None:
    """Returns the context window that the snapshot gives; `None` where it gives none."""
    found = _found(provider, model, base_url)
    return None if found is None else found[1].context_window


def _found(provider: str, model: str, base_url: str | None) -> tuple[Provider, ModelInfo] | None:
    from genai_prices.data_snapshot import find_provider_by_id, get_snapshot  # noqa: PLC0415 - heavy, see above

    hosts = get_snapshot().providers
    if base_url is None:
        host = find_provider_by_id(hosts, NAMES.get(provider, provider))
    else:
        host = next((host for host in hosts if re.match(host.api_pattern, base_url)), None)
    info = host.find_model(model, all_providers=hosts) if host else None
    return (host, info) if host and info else None


def _moments(info: ModelInfo, at: datetime) -> list[datetime]:
    """Returns `at`, or where the price goes by the hour, every half hour of its day."""
    from genai_prices.types import TimeOfDateConstraint  # noqa: PLC0415 - heavy, see above

    dated = info.prices if isinstance(info.prices, list) else []
    if not any(isinstance(price.constraint, TimeOfDateConstraint) for price in dated):
        return [at]
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return [midnight + timedelta(minutes=30 * i) for i in range(48)]


def _dearness(prices: ModelPrice) -> Decimal:
    rates = (_rate(prices.input_mtok), _rate(prices.output_mtok))
    return sum((rate.base for rate in rates if rate is not None), Decimal(0))


def _rate(given: Decimal | TieredPrices | None) -> Rate | None:
    if given is None or isinstance(given, Decimal):
        return None if given is None else Rate(base=given)
    return Rate(base=given.base, tiers=tuple((tier.start, tier.price) for tier in given.tiers))
