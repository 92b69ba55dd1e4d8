"""Prices that a user gives: what no price can be is refused, above all one per token in place of one per million."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from fairlead.config.refusals import below
from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from fairlead.config.tables import ModelConfig, PriceConfig, PriceTermConfig

LEAST_USD_PER_MTOK = Decimal("0.0005")
"""Far below the cheapest model there is: less is a price per token, by mistake."""
MOST_FACTOR = 100
CACHES = ("cache_read", "cache_write", "cache_write_1h")


def check_price(model: ModelConfig, place: str) -> None:
    """Refuses a price that is none.

    Raises:
        ConfigError: a rate is below 0 or per token, a factor is out of range, or two settings contradict each other.
    """
    if model.price_factor is not None:
        _check_rates({"price_factor": model.price_factor}, place)
        if model.price is not None:
            at = below(place, "price_factor")
            raise ConfigError(
                f"`{at}` stands beside a `price` of your own; expected one of them. Work it in and remove it."
            )
    if model.price is None:
        return
    place = below(place, "price")
    _check_rates(msgspec.structs.asdict(model.price), place)
    _check_caches(model.price, place)
    for i, tier in enumerate(model.price.tiers):
        _check_rates(msgspec.structs.asdict(tier), f"{place}.tiers[{i}]")
    starts = [tier.above_input_tokens for tier in model.price.tiers]
    if starts != sorted(set(starts)):
        raise ConfigError(f"`{place}.tiers` are not in order; expected the shortest input first, each once.")
    for i, term in enumerate(model.price.terms):
        _check_term(term, f"{place}.terms[{i}]")


def _check_caches(price: PriceConfig, place: str) -> None:
    for cache in CACHES:
        if getattr(price, f"{cache}_factor") is not None and getattr(price, f"{cache}_usd_per_mtok") is not None:
            raise ConfigError(f"`{place}.{cache}_factor` stands beside `{cache}_usd_per_mtok`; expected one of them.")


def _check_term(term: PriceTermConfig, place: str) -> None:
    given = {name: value for name, value in msgspec.structs.asdict(term).items() if value not in {None, ()}}
    _check_rates(given, place)
    rates = [name for name in given if name.endswith("_per_mtok")]
    if not rates and term.factor is None:
        raise ConfigError(f"`{place}` changes nothing; expected `factor` or a rate.")
    if rates and term.factor is not None:
        raise ConfigError(f"`{place}.factor` stands beside `{rates[0]}`; expected a factor, or rates.")
    if not {"starts", "days", "hours"} & given.keys():
        raise ConfigError(f"`{place}` always holds; expected `starts`, `days` or `hours`. Correct the price itself.")


def _check_rates(given: dict[str, object], place: str) -> None:
    for name, rate in given.items():
        if not isinstance(rate, Decimal):
            continue
        if name.endswith("factor") and not (rate.is_finite() and 0 <= rate <= MOST_FACTOR):
            raise ConfigError(f"`{place}.{name}` is {rate}; expected a factor from 0 to {MOST_FACTOR}.")
        if not (rate.is_finite() and rate >= 0):
            raise ConfigError(f"`{place}.{name}` is {rate}; expected at least 0, in USD per million tokens.")
        if rate and name.endswith("_per_mtok") and rate < LEAST_USD_PER_MTOK:
            raise ConfigError(
                f"`{place}.{name}` is {rate:f}, less than any model costs; expected USD per million tokens. "
                "Multiply a price per token by a million."
            )
