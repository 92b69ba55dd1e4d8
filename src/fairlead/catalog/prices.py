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
RATES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "input_audio": "input_audio_mtok",
    "cache_read_audio": "cache_audio_read_mtok",
    "output_audio": "output_audio_mtok",
    "input_image": "input_image_mtok",
    "output_image": "output_image_mtok",
    "web_search": "web_searches_kcount",
    "file_search": "storage_searches_kcount",
    "request": "requests_kcount",
}
"""Our name of a rate -> the library's. What else it prices is named in a price's source, and makes it an estimate."""
NAMES = {"gemini": "google", "xai": "x-ai"}
"""Our name of a provider -> the library's, where they differ."""


def priced(*, input: Rate, output: Rate, source: str, estimated: bool = False, **rates: Rate | None) -> Price:  # noqa: A002
    """Returns a price whose id is a hash of all that it says.

    Args:
        input: of words that go in.
        output: of words that come out.
        source: who says so.
        estimated: it may be less.
        rates: of the other buckets, by the names of `Price`.
    """
    known = {name: rate for name, rate in rates.items() if rate is not None}
    content = msgspec.json.encode((input, output, known, source, estimated), order="deterministic")
    name = f"price_{hashlib.sha256(content).hexdigest()[:16]}"
    return Price(id=name, input=input, output=output, source=source, estimated=estimated, **known)


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
    left_out = sorted(name for name in _named(dearest) if name not in RATES.values())
    hourly = any(_dearness(other) != _dearness(dearest) for other in lists)
    source = f"{LIBRARY} {version(LIBRARY)}: {host.id}/{info.id}{', its dearest hour' if hourly else ''}"
    if left_out:
        source += f", without {', '.join(left_out)}"
    rates = {ours: _rate(getattr(dearest, theirs)) for ours, theirs in RATES.items() if ours not in {"input", "output"}}
    estimated = hourly or bool(left_out)
    return priced(input=input_rate, output=output_rate, source=source, estimated=estimated, **rates)


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


def _named(prices: ModelPrice) -> list[str]:
    """Returns the rates that a price list gives."""
    return [name for name, value in vars(prices).items() if value is not None]


def _dearness(prices: ModelPrice) -> Decimal:
    rates = (_rate(prices.input_mtok), _rate(prices.output_mtok))
    return sum((rate.base for rate in rates if rate is not None), Decimal(0))


def _rate(given: Decimal | TieredPrices | None) -> Rate | None:
    if given is None or isinstance(given, Decimal):
        return None if given is None else Rate(base=given)
    return Rate(base=given.base, tiers=tuple((tier.start, tier.price) for tier in given.tiers))
