"""Price rows and when they count: named by their content, and put together from what a source says at each moment."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import msgspec

from fairlead.money import MINUTES_PER_DAY, Price, Rate, Tariff, Term, weekly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

EVERY_DAY = range(7)


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


RATE_NAMES = (
    *("input", "output", "cache_read", "cache_write", "cache_write_1h", "input_audio", "cache_read_audio"),
    *("output_audio", "input_image", "output_image", "web_search", "file_search", "request"),
)
"""Every rate of a price, in the order in which people read them."""


def rates_of(price: Price) -> dict[str, Rate]:
    """Returns the rates that a price names, by name."""
    return {name: rate for name in RATE_NAMES if (rate := getattr(price, name)) is not None}


def scaled(price: Price, factor: Decimal, why: str) -> Price:
    """Returns the price with every rate times `factor`: a regional uplift, a discount, a peak."""
    rates = {
        name: Rate(base=rate.base * factor, tiers=tuple((start, usd * factor) for start, usd in rate.tiers))
        for name, rate in rates_of(price).items()
    }
    return of_rates(rates, f"{price.source}, times {factor.normalize():f} {why}", estimated=price.estimated)


def of_rates(rates: Mapping[str, Rate], source: str, *, estimated: bool = False) -> Price:
    """Returns the price of these rates, by the names of `Price`; see `priced`."""
    others = {name: rate for name, rate in rates.items() if name not in {"input", "output"}}
    return priced(input=rates["input"], output=rates["output"], source=source, estimated=estimated, **others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """When a price may change: days on which another one starts, and minutes of each day."""

    dates: tuple[date, ...]
    minutes: tuple[int, ...]


def terms_of(changes: Changes, price_at: Callable[[datetime], Price | None]) -> tuple[Term, ...]:
    """Returns the terms that say the same as `price_at`, which depends on date and hour of the day alone."""
    first = min(changes.dates, default=date(2020, 1, 1)) - timedelta(days=1)
    eras = [(None, first), *((_midnight(day), day) for day in changes.dates)]
    return tuple(term for starts, day in eras for term in _of_a_day(starts, day, changes.minutes, price_at))


def _of_a_day(
    starts: datetime | None, day: date, minutes: tuple[int, ...], price_at: Callable[[datetime], Price | None]
) -> list[Term]:
    """Returns the terms of an era by its first day; the price of most hours comes first, for whatever is left."""
    bounds = sorted({0, *minutes}) if minutes else [0]
    ends = [*bounds[1:], MINUTES_PER_DAY]
    found = [
        (start, end, price_at(_midnight(day) + timedelta(minutes=start)))
        for start, end in zip(bounds, ends, strict=True)
    ]
    hours: dict[Price | None, int] = {}
    for start, end, price in found:
        hours[price] = hours.get(price, 0) + end - start
    most = max(hours, key=lambda price: hours[price])
    spans: dict[Price | None, list[tuple[int, int]]] = {}
    for start, end, price in found:
        if price != most:
            spans.setdefault(price, []).extend(weekly(EVERY_DAY, start, end))
    others = [Term(price=price, starts=starts, spans=tuple(sorted(each))) for price, each in spans.items()]
    return [Term(price=most, starts=starts), *others]


def without_past(terms: tuple[Term, ...], since: datetime | None) -> tuple[Term, ...]:
    """Returns the terms that count at `since` or later; what counts then counts since ever."""
    if since is None:
        return terms
    begun = [term.starts for term in terms if not term.spans and term.starts is not None and term.starts <= since]
    if not begun:
        return terms
    last = max(begun)
    left = [term for term in terms if term.starts is not None and term.starts >= last]
    return tuple(replace(term, starts=None) if term.starts == last else term for term in left)


def dearest(tariff: Tariff, at: datetime) -> Price | None:
    """Returns the dearest price of the week from `at` on, which stands for all of them where no moment is given.

    `None` where a price of that week is not known.
    """
    prices = tariff.within(at, at + timedelta(days=7)) if any(term.spans for term in tariff.terms) else None
    of_bills = {term.price for term in tariff.terms}
    listed = [tariff.price_at(at)] if prices is None else [price for price in prices if price in of_bills]
    known = [price for price in listed if price is not None]
    return max(known, key=_dearness) if known and len(known) == len(listed) else None


def _dearness(price: Price) -> Decimal:
    return price.input.base + price.output.base


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def in_words(spans: tuple[tuple[int, int], ...], starts: datetime | None = None) -> str:
    """Returns when a term holds: `from 2026-12-01`, `Mon-Fri 01:00-04:00`, `always`; times are UTC."""
    days: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for day in EVERY_DAY:
        first, last = day * MINUTES_PER_DAY, (day + 1) * MINUTES_PER_DAY
        of_day = tuple((max(a, first) - first, min(b, last) - first) for a, b in spans if a < last and b > first)
        if of_day:
            days.setdefault(of_day, []).append(day)
    weekly_words = [
        f"{_days(named)}{', '.join(f'{_clock(a)}-{_clock(b)}' for a, b in of)}" for of, named in days.items()
    ]
    since = [] if starts is None else [f"from {starts:%Y-%m-%d}"]
    return "; ".join([*since, *weekly_words]) or "always"


def _days(days: list[int]) -> str:
    if len(days) == len(DAY_NAMES):
        return "daily "
    in_a_row = len(days) > 1 and days == list(range(days[0], days[-1] + 1))
    return f"{DAY_NAMES[days[0]]}-{DAY_NAMES[days[-1]]} " if in_a_row else f"{' '.join(DAY_NAMES[d] for d in days)} "


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
