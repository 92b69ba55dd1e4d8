"""A price that the user gives, as a tariff: tiers, caches as multiples of input, days and hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from fairlead.catalog.terms import of_rates, rates_of, scaled
from fairlead.money import MINUTES_PER_DAY, Rate, Tariff, Term, weekly

if TYPE_CHECKING:
    from decimal import Decimal

    from fairlead.config import PriceConfig, PriceTermConfig
    from fairlead.money import Price

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CACHES = ("cache_read", "cache_write", "cache_write_1h")


def tariff_given(price: PriceConfig, source: str) -> Tariff:
    """Returns what the user says that a model costs.

    Args:
        price: the table of the configuration.
        source: its place, for the price rows.
    """
    base = of_rates(_rates(price), source)
    terms = [_term(base, term, f"{source}.terms[{i}]") for i, term in enumerate(price.terms)]
    return Tariff(terms=(Term(price=base), *terms))


def _rates(price: PriceConfig) -> dict[str, Rate]:
    given: dict[str, Decimal] = {_bucket(name): usd for name, usd in asdict(price).items() if _is_rate(name, usd)}
    factors: dict[str, Decimal] = {
        cache: factor for cache in CACHES if (factor := getattr(price, f"{cache}_factor")) is not None
    }
    given |= {cache: price.input_usd_per_mtok * factor for cache, factor in factors.items()}
    tiers: dict[str, list[tuple[int, Decimal]]] = {name: [] for name in given}
    for tier in price.tiers:
        rates = {_bucket(name): usd for name, usd in asdict(tier).items() if _is_rate(name, usd)}
        rates = {cache: tier.input_usd_per_mtok * factor for cache, factor in factors.items()} | rates
        for name, usd in rates.items():
            given.setdefault(name, given["input"])
            tiers.setdefault(name, []).append((tier.above_input_tokens, usd))
    return {name: Rate(base=usd, tiers=tuple(tiers.get(name, ()))) for name, usd in given.items()}


def _term(base: Price, term: PriceTermConfig, source: str) -> Term:
    if term.factor is not None:
        price = scaled(base, term.factor, f"by {source}")
    else:
        own = {_bucket(name): Rate(base=usd) for name, usd in asdict(term).items() if _is_rate(name, usd)}
        price = of_rates(rates_of(base) | own, source)
    starts = None if term.starts is None else datetime.combine(term.starts, time(), UTC)
    return Term(price=price, starts=starts, spans=_spans(term))


def _spans(term: PriceTermConfig) -> tuple[tuple[int, int], ...]:
    if not term.days and term.hours is None:
        return ()
    days = [DAYS.index(day) for day in term.days] or list(range(7))
    start, end = ("00:00", "24:00") if term.hours is None else term.hours.split("-")
    return weekly(days, _minute(start), _minute(end) % MINUTES_PER_DAY)


def factored(tariff: Tariff, factor: Decimal, why: str) -> Tariff:
    """Returns the tariff with every rate times `factor`."""

    def times(terms: tuple[Term, ...]) -> tuple[Term, ...]:
        return tuple(replace(t, price=None if t.price is None else scaled(t.price, factor, why)) for t in terms)

    return Tariff(terms=times(tariff.terms), second=times(tariff.second))


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _bucket(setting: str) -> str:
    return setting.removesuffix("_usd_per_mtok").removesuffix("_usd_per_thousand")


def _is_rate(name: str, value: object) -> bool:
    return value is not None and "_usd_per_" in name
