"""Money: what was used, what it costs, and when: all exact, in `Decimal`; `None` is unknown and never zero.

    Tariff --at a moment--> Price --times Usage--> USD

A prediction and a bill are made by the same price rows, resolved at the moment that they are for.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - the ledger decodes these types: hints must resolve
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

TOKENS_PER_MTOK = Decimal(1_000_000)


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one call used, in buckets that do not overlap, except that reasoning is part of output.

    Whether a provider counts a bucket inside another one or beside it, is settled where its reply is decoded.
    """

    input_tokens: int
    """Words, and what has no bucket of its own; neither read from a cache nor written to one."""
    output_tokens: int
    """Words, thoughts included."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    """Written to the cache for a time that the provider does not tell."""
    reasoning_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    input_audio_tokens: int = 0
    cache_read_audio_tokens: int = 0
    output_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_image_tokens: int = 0
    web_searches: int = 0
    """That the provider made by itself."""
    file_searches: int = 0
    requests: int = 1
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        """Returns what two calls used together."""
        names = (field.name for field in msgspec.structs.fields(self) if field.name != "estimated")
        counts = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Usage(**counts, estimated=self.estimated or other.estimated)

    @property
    def read_tokens(self) -> int:
        """All that was read from the cache."""
        return self.cache_read_tokens + self.cache_read_audio_tokens

    @property
    def written_tokens(self) -> int:
        """All that was written to the cache."""
        return self.cache_write_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def fresh_tokens(self) -> int:
        """All input that the cache had no part in."""
        return self.input_tokens + self.input_audio_tokens + self.input_image_tokens

    @property
    def total_input_tokens(self) -> int:
        """All input, which decides the tier of a price."""
        return self.fresh_tokens + self.read_tokens + self.written_tokens

    @property
    def total_output_tokens(self) -> int:
        """All output."""
        return self.output_tokens + self.output_audio_tokens + self.output_image_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """USD per million tokens, or per thousand calls.

    Of `tiers` (smallest total input, rate) the last one that is reached replaces `base`.
    """

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def at(self, total_input_tokens: int) -> Decimal:
        """Returns the rate for a call of that many input tokens, USD per million tokens."""
        if not self.tiers:
            return self.base
        reached = [rate for start, rate in self.tiers if total_input_tokens > start]
        return reached[-1] if reached else self.base


@dataclass(frozen=True, kw_only=True)
class Price:
    """One price row; `id` names its content, so a bill can be recomputed from the ledger alone."""

    id: str
    input: Rate
    output: Rate
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    source: str = ""
    estimated: bool = False
    cache_write_1h: Rate | None = None
    input_audio: Rate | None = None
    cache_read_audio: Rate | None = None
    output_audio: Rate | None = None
    input_image: Rate | None = None
    output_image: Rate | None = None
    web_search: Rate | None = None
    """USD per thousand; so are the next two."""
    file_search: Rate | None = None
    request: Rate | None = None

    def cost_usd(self, usage: Usage) -> Decimal | None:
        """Returns what a call costs, exact; `None` where something was used that this price says nothing of."""
        total, millionths = usage.total_input_tokens, Decimal(0)
        for n, (bucket, rate) in zip(self._counted(usage), self.rates.items(), strict=True):
            if n and rate is not FREE:
                if rate is None:
                    return None
                millionths += n * rate.at(total) * UNITS_PER_MILLION.get(bucket, 1)
        return millionths / TOKENS_PER_MTOK

    @cached_property
    def rates(self) -> Mapping[str, Rate | None]:
        """The rate of every bucket of `Usage`.

        Where a price names no rate for one: what a cache holds costs as input, media as words, a request nothing. A
        lasting cache at a host that asks for writing, cached audio where audio has a price, and searches are not known.
        """
        read, written = self.cache_read or self.input, self.cache_write or self.input
        return {
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read_tokens": read,
            "cache_write_tokens": written,
            "cache_write_5m_tokens": written,
            "cache_write_1h_tokens": self.cache_write_1h or (None if self.cache_write else self.input),
            "input_audio_tokens": self.input_audio or self.input,
            "cache_read_audio_tokens": self.cache_read_audio or (None if self.input_audio else read),
            "output_audio_tokens": self.output_audio or self.output,
            "input_image_tokens": self.input_image or self.input,
            "output_image_tokens": self.output_image or self.output,
            "web_searches": self.web_search,
            "file_searches": self.file_search,
            "requests": self.request or FREE,
        }

    @cached_property
    def _counted(self) -> Callable[[Usage], tuple[int, ...]]:
        """Reads how much of each bucket was used, in the order of the rates."""
        return attrgetter(*self.rates)


FREE = Rate(base=Decimal(0))
UNITS_PER_MILLION = dict.fromkeys(("web_searches", "file_searches", "requests"), 1000)
"""Buckets whose rate is for a thousand."""


# When a price counts ------------------------------------------------------------------------------------------------

MINUTES_PER_DAY = 24 * 60
MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY
_MONDAY = 4 * MINUTES_PER_DAY
"""Minutes from 1 January 1970, a Thursday, to the Monday after it."""


def minute_of_week(unix_s: int) -> int:
    """Returns the minutes since Monday 00:00 UTC, in [0, 10080)."""
    return (unix_s // 60 - _MONDAY) % MINUTES_PER_WEEK


def weekly(days: Iterable[int], start_minute: int, end_minute: int) -> tuple[tuple[int, int], ...]:
    """Returns the spans of the week that an hour of the day on these days makes, in minutes since Monday, UTC.

    Args:
        days: on which it starts, 0 is Monday.
        start_minute: of the day.
        end_minute: of the day, exclusive; where it is not after the start, the span ends on the next day.
    """
    length = (end_minute - start_minute - 1) % MINUTES_PER_DAY + 1
    spans = []
    for day in days:
        start = day * MINUTES_PER_DAY + start_minute
        end = start + length
        spans.append((start, min(end, MINUTES_PER_WEEK)))
        if end > MINUTES_PER_WEEK:
            spans.append((0, end - MINUTES_PER_WEEK))
    return tuple(sorted(spans))


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A price, from a day on, at some hours of the week.

    A peak of working days counts on Friday, 27 November 2026, and not on the Saturday after it.

    Example:
        >>> from datetime import UTC
        >>> peak = Term(price=None, spans=weekly(range(5), 60, 240))
        >>> [peak.holds(int(datetime(2026, 11, day, 2, tzinfo=UTC).timestamp())) for day in (27, 28)]
        [True, False]
    """

    price: Price | None
    """`None`: not known while the term holds."""
    starts: datetime | None = None
    """UTC; `None` is since ever."""
    spans: tuple[tuple[int, int], ...] = ()
    """Minutes since Monday 00:00 UTC, ends exclusive; none is always."""

    def holds(self, unix_s: int, minute: int | None = None) -> bool:
        """Says whether the term counts at a moment; `minute` of the week where it is not the moment's own."""
        if self.starts is not None and unix_s < self.starts.timestamp():
            return False
        at = minute_of_week(unix_s) if minute is None else minute
        return not self.spans or any(start <= at < end for start, end in self.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A model's price over time: of the terms that hold the last one counts, and the first where none does."""

    terms: tuple[Term, ...]
    second: tuple[Term, ...] = ()
    """What another source says, where it disagrees: the dearer of both guards budgets."""

    def price_at(self, moment: datetime) -> Price | None:
        """Returns what a call at that moment is billed by."""
        if len(self.terms) == 1:
            return self.terms[0].price  # counts always, see `price_among`
        return price_among(self.terms, int(moment.timestamp()))

    def within(self, start: datetime, end: datetime) -> tuple[Price | None, ...]:
        """Returns every price that may count from `start` to `end`, by either source."""
        if len(self.terms) == 1 and not self.second:
            return (self.terms[0].price,)  # of one term its price counts always, see `price_among`
        first, last = int(start.timestamp()), int(end.timestamp())
        moments = [first, *Timetable.of([self]).changes(first, last)]
        opinions = [self.terms, self.second] if self.second else [self.terms]
        return tuple(dict.fromkeys(price_among(terms, at) for terms in opinions for at in moments))


def price_among(terms: tuple[Term, ...], unix_s: int, minute: int | None = None) -> Price | None:
    """Returns the price that counts at a moment: see `Tariff`."""
    return next((term.price for term in reversed(terms) if term.holds(unix_s, minute)), terms[0].price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """The moments at which any of some tariffs may change, so that what follows from them is worked out once."""

    dates: tuple[int, ...]
    """Unix time, seconds, ascending."""
    minutes: tuple[int, ...]
    """Of the week, ascending."""

    @classmethod
    def of(cls, tariffs: Iterable[Tariff]) -> Self:
        """Returns the timetable of these tariffs together."""
        terms = [term for tariff in tariffs for term in (*tariff.terms, *tariff.second)]
        dates = {int(term.starts.timestamp()) for term in terms if term.starts is not None}
        minutes = {minute % MINUTES_PER_WEEK for term in terms for span in term.spans for minute in span}
        return cls(dates=tuple(sorted(dates)), minutes=tuple(sorted(minutes)))

    def cell(self, unix_s: int) -> tuple[int, int]:
        """Returns in which stretch between changes a moment lies: of the dates, and of the week."""
        within_week = bisect_right(self.minutes, minute_of_week(unix_s)) if self.minutes else 0
        return bisect_right(self.dates, unix_s), within_week % max(len(self.minutes), 1)

    def cells(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Returns each stretch -> (Unix time, minute of the week) that lie in it."""
        dates = [-(2**62), *self.dates]
        minutes = [*self.minutes[-1:], *self.minutes[:-1]] or [0]
        return {(i, j): (date, minute) for i, date in enumerate(dates) for j, minute in enumerate(minutes)}

    def changes(self, start: int, end: int) -> list[int]:
        """Returns the moments after `start`, up to `end`, at which something may change."""
        minutes = range(start // 60 + 1, end // 60 + 1) if self.minutes else range(0)
        known = set(self.minutes)
        weekly_changes = [60 * m for m in minutes if (m - _MONDAY) % MINUTES_PER_WEEK in known]
        return sorted({*weekly_changes, *(date for date in self.dates if start < date <= end)})
