"""What a model costs by every source at hand, and how far they agree.

the user's own price, else the first source, else the second     what bills use
the dearer of both sources where they differ                     what guards budgets
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from fairlead.catalog.given import factored, tariff_given
from fairlead.catalog.prices import models_at, tariff_of
from fairlead.catalog.regions import placed
from fairlead.catalog.snapshot import read_snapshot
from fairlead.catalog.terms import rates_of
from fairlead.config import HostedProvider
from fairlead.config.known import KNOWN_PROVIDERS
from fairlead.money import MINUTES_PER_WEEK, Tariff, Timetable, price_among

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.catalog.snapshot import Snapshot
    from fairlead.config import Config, ModelConfig
    from fairlead.money import Price, Rate

Verdict = Literal["given", "verified", "differs", "one_source", "unknown"]
VERDICTS: dict[Verdict, str] = {
    "given": "the configuration says it",
    "verified": "two sources agree",
    "differs": "two sources differ: bills use the first, the dearer guards budgets",
    "one_source": "only one source knows it",
    "unknown": "no source knows it: it is billed as unknown, and never as zero",
}
"""How sure a price is, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A rate of which two sources say different things."""

    rate: str
    first: Rate
    second: Rate
    spans: tuple[tuple[int, int], ...]
    """When, in minutes since Monday 00:00 UTC, ends exclusive; none is always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What is known of the price of a candidate."""

    name: str
    verdict: Verdict
    tariff: Tariff | None
    """What bills use, and beside it what the dearer source says where they differ."""
    first: Tariff | None = None
    second: Tariff | None = None
    differences: tuple[Difference, ...] = ()


def quotes(config: Config, at: datetime | None = None) -> dict[str, Quote]:
    """Returns candidate -> what is known of its price from `at` on, for every configured model.

    Raises:
        CatalogError: the second source cannot be read.
    """
    moment = at or datetime.now(UTC)
    if not any(_looked_up(name, model, config) for name, model in config.models.items()):
        return {name: _quote(name, model, config, None, moment) for name, model in config.models.items()}
    snapshot = read_snapshot(config.prices.second_source)
    return {name: _quote(name, model, config, snapshot, moment) for name, model in config.models.items()}


def whole_catalogue(snapshot: Snapshot, at: datetime) -> dict[str, Quote]:
    """Returns `PROVIDER/MODEL` -> what is known of its price, for every model of a known provider."""
    found = {}
    for provider, known in KNOWN_PROVIDERS.items():
        own = [name.partition("/")[2] for name in snapshot.prices if name.startswith(f"{provider}/")]
        for model in sorted({*models_at(known.base_url), *own}):
            quote = quoted(provider, model, snapshot, at, base_url=known.base_url)
            if quote.tariff is not None:
                found[quote.name] = quote
    return found


def _looked_up(name: str, model: ModelConfig, config: Config) -> bool:
    provider = config.providers[name.partition("/")[0]]
    return model.price is None and isinstance(provider, HostedProvider)


def _quote(name: str, model: ModelConfig, config: Config, snapshot: Snapshot | None, at: datetime) -> Quote:
    place = f'{config.source}: models."{name}"'
    if model.price is not None:
        return Quote(name=name, verdict="given", tariff=tariff_given(model.price, f"{place}.price"))
    provider, _, model_name = name.partition("/")
    host = config.providers[provider]
    if snapshot is None or not isinstance(host, HostedProvider):
        return Quote(name=name, verdict="unknown", tariff=None)
    found = quoted(provider, model_name, snapshot, at, base_url=host.base_url, settings=model.settings)
    if found.tariff is None or model.price_factor is None:
        return replace(found, name=name)
    tariff = factored(found.tariff, model.price_factor, f"by {place}.price_factor")
    return replace(found, name=name, tariff=tariff)


def quoted(
    provider: str,
    model: str,
    snapshot: Snapshot,
    at: datetime,
    *,
    base_url: str,
    settings: Mapping[str, object] | None = None,
) -> Quote:
    """Returns what both sources say of a model at an address."""
    settings = settings or {}
    base_url, region = placed(provider, base_url, settings)
    first = tariff_of(provider, model, at, base_url=base_url, settings=settings)
    host = _known_host(base_url)
    second = None if host is None else snapshot.tariff_of(host, model, settings)
    if region is not None:
        factor = region.factor or (None if host is None else snapshot.uplift(host, model, region.region))
        why = f"in region {region.region} by {region.source}"
        first, second = (t and (factored(t, factor, why) if factor else None) for t in (first, second))
    return _weighed(f"{provider}/{model}", first, second, at)


def _weighed(name: str, first: Tariff | None, second: Tariff | None, at: datetime) -> Quote:
    if first is None or second is None:
        only = first or second
        return Quote(name=name, verdict="one_source" if only else "unknown", tariff=only, first=first, second=second)
    found = differences(first, second, at)
    tariff = replace(first, second=second.terms) if found else first
    verdict: Verdict = "differs" if found else "verified"
    return Quote(name=name, verdict=verdict, tariff=tariff, first=first, second=second, differences=found)


def differences(first: Tariff, second: Tariff, at: datetime) -> tuple[Difference, ...]:
    """Returns where two sources differ in the week of `at`; what only one of them says is no difference."""
    timetable = Timetable.of([first, second])
    cells = timetable.cells()
    now = timetable.cell(int(at.timestamp()))[0]
    stretches: dict[tuple[str, Rate, Rate], list[tuple[int, int]]] = {}
    bounds = timetable.minutes
    for (date, i), (unix_s, minute) in cells.items():
        if date == now:
            of_both = (price_among(terms, unix_s, minute) for terms in (first.terms, second.terms))
            span = (
                (bounds[i - 1], bounds[i] if i else bounds[0] + MINUTES_PER_WEEK) if bounds else (0, MINUTES_PER_WEEK)
            )
            for found in _differing(*of_both):
                stretches.setdefault(found, []).append(span)
    return tuple(
        Difference(rate=rate, first=one, second=other, spans=_joined(spans) if len(spans) < len(bounds) else ())
        for (rate, one, other), spans in stretches.items()
    )


def _differing(first: Price | None, second: Price | None) -> list[tuple[str, Rate, Rate]]:
    if first is None or second is None:
        return []
    others = rates_of(second)
    both = ((name, rate, others[name]) for name, rate in rates_of(first).items() if name in others)
    return [each for each in both if not _alike(*each[1:])]


def _alike(first: Rate, second: Rate) -> bool:
    """Says whether two rates are the same; `from 200,000 tokens` and `above 200,000 tokens` are."""
    if first.base != second.base or len(first.tiers) != len(second.tiers):
        return False
    pairs = zip(first.tiers, second.tiers, strict=True)
    return all(abs(start - other) <= 1 and usd == others_usd for (start, usd), (other, others_usd) in pairs)


def _joined(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Returns the spans within one week, those that touch made one."""
    cut = [part for start, end in spans for part in ((start, min(end, MINUTES_PER_WEEK)), (0, end - MINUTES_PER_WEEK))]
    joined: list[tuple[int, int]] = []
    for start, end in sorted(span for span in cut if span[0] < span[1]):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def _known_host(base_url: str) -> str | None:
    """Returns our name of the provider at an address."""
    host = urlsplit(base_url).hostname
    return next((name for name, known in KNOWN_PROVIDERS.items() if urlsplit(known.base_url).hostname == host), None)
