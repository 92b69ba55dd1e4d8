"""What a model costs, by the snapshot inside genai-prices: our engine and first source; offline, looked up once.

The library takes 0.15 s and 13 MB beside what a gateway has loaded anyway, so it is imported with the first look-up
that `resolved.py` has no answer to.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING

from fairlead.catalog.resolved import LIBRARY, resolved
from fairlead.catalog.terms import Changes, priced, terms_of, without_past
from fairlead.money import MINUTES_PER_DAY, Rate, Tariff

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, time

    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

    from fairlead.money import Price, Term

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


def tariff_of(
    provider: str,
    model: str,
    since: datetime | None = None,
    *,
    base_url: str | None = None,
    settings: Mapping[str, object] | None = None,
) -> Tariff | None:
    """Returns what the model costs over time, by the snapshot of the library; `None` where that is not known.

    Args:
        provider: its name; counts only where no address is given.
        model: the name that the provider knows.
        since: prices that ended before it are left out.
        base_url: the provider's address. It decides: a `deepseek` on this machine does not cost what DeepSeek asks.
        settings: of the calls; some, such as `service_tier`, have rates of their own.
    """
    if (kept := resolved(model, base_url, settings)) is not None:
        terms = tuple(each.term() for each in kept.terms)
    elif (found := find(provider, model, base_url)) is not None:
        terms = ask(*found, settings or {})
    else:
        return None
    terms = without_past(terms, since)
    return Tariff(terms=terms) if any(term.price is not None for term in terms) else None


def ask(host: Provider, info: ModelInfo, settings: Mapping[str, object]) -> tuple[Term, ...]:
    """Returns what the library says that a model costs over time."""
    context = {name: str(value) for name, value in settings.items()}
    name = f"{LIBRARY} {version(LIBRARY)}: {host.id}/{info.id}"
    return terms_of(_changes(info), lambda moment: _row(info.get_prices(moment, context), name))


def price_of(
    provider: str,
    model: str,
    at: datetime,
    *,
    base_url: str | None = None,
    settings: Mapping[str, object] | None = None,
) -> Price | None:
    """Returns what a call at that moment costs; `None` where that is not known. See `tariff_of`."""
    tariff = tariff_of(provider, model, base_url=base_url, settings=settings)
    return None if tariff is None else tariff.price_at(at)


def models_at(base_url: str) -> tuple[str, ...]:
    """Returns the models that the snapshot knows at an address."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - heavy, see above

    host = next((host for host in get_snapshot().providers if re.match(host.api_pattern, base_url)), None)
    return tuple(info.id for info in host.models) if host else ()


def context_tokens_of(provider: str, model: str, *, base_url: str | None = None) -> int | None:
    """Returns the context window that the snapshot gives; `None` where it gives none."""
    if (kept := resolved(model, base_url)) is not None:
        return kept.context_tokens
    found = find(provider, model, base_url)
    return None if found is None else found[1].context_window


def find(provider: str, model: str, base_url: str | None) -> tuple[Provider, ModelInfo] | None:
    """Returns the library's entry of a model, and of who sells it; `None` where it has none."""
    from genai_prices.data_snapshot import find_provider_by_id, get_snapshot  # noqa: PLC0415 - heavy, see above

    hosts = get_snapshot().providers
    if base_url is None:
        host = find_provider_by_id(hosts, NAMES.get(provider, provider))
    else:
        host = next((host for host in hosts if re.match(host.api_pattern, base_url)), None)
    info = host.find_model(model, all_providers=hosts) if host else None
    return (host, info) if host and info else None


def _changes(info: ModelInfo) -> Changes:
    """Returns when a price of the model may change."""
    from genai_prices.types import StartDateConstraint, TimeOfDateConstraint  # noqa: PLC0415 - heavy, see above

    dated = info.prices if isinstance(info.prices, list) else []
    constraints = [each.constraint for each in (*dated, *(info.price_variants or ()))]
    hours = [each for each in constraints if isinstance(each, TimeOfDateConstraint)]
    return Changes(
        dates=tuple(sorted({each.start_date for each in constraints if isinstance(each, StartDateConstraint)})),
        minutes=tuple(sorted({_minute(at) for each in hours for at in (each.start_time, each.end_time)})),
    )


def _minute(at: time) -> int:
    offset_s = (at.utcoffset() or timedelta()).total_seconds()
    return (at.hour * 60 + at.minute - int(offset_s // 60)) % MINUTES_PER_DAY


def _row(prices: ModelPrice, name: str) -> Price | None:
    input_rate, output_rate = _rate(prices.input_mtok), _rate(prices.output_mtok)
    if input_rate is None or output_rate is None:
        return None
    left_out = sorted(each for each in _named(prices) if each not in RATES.values())
    source = f"{name}, without {', '.join(left_out)}" if left_out else name
    rates = {ours: _rate(getattr(prices, theirs)) for ours, theirs in RATES.items() if ours not in {"input", "output"}}
    return priced(input=input_rate, output=output_rate, source=source, estimated=bool(left_out), **rates)


def _named(prices: ModelPrice) -> list[str]:
    """Returns the rates that a price list gives."""
    return [name for name, value in vars(prices).items() if value is not None]


def _rate(given: Decimal | TieredPrices | None) -> Rate | None:
    if given is None or isinstance(given, Decimal):
        return None if given is None else Rate(base=given)
    return Rate(base=given.base, tiers=tuple((tier.start, tier.price) for tier in given.tiers))
