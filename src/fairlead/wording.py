"""Figures in words: money, shares, scores and times, each with its interval, spelled the same wherever they stand."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from fairlead.statistics.bootstrap import Interval

    Word = Callable[[float | None], str]
    """Puts a number into words."""

LEAST_USD = 1e-11
"""Less is the rounding of sums, and no amount: a token costs a thousand times as much."""
UNKNOWN = "not known"
MINUS = "\N{MINUS SIGN}"


def usd(amount: Decimal | float | None) -> str:
    """Returns an amount of money: to the cent from 100 USD on, else with four significant digits."""
    if amount is None:
        return UNKNOWN
    value = float(amount)
    value = value if abs(value) >= LEAST_USD else 0.0
    if abs(value) >= 100 or value == 0:
        return _signed(f"{value:,.2f} USD")
    decimals = max(2, 3 - math.floor(math.log10(abs(value))))
    return _signed(f"{value:,.{decimals}f} USD")


def signed_usd(amount: float | None) -> str:
    """Returns a change of an amount of money, with its sign."""
    text = usd(amount)
    return text if amount is None or amount <= 0 else f"+{text}"


def usd_per_1000(amount: float | None) -> str:
    """Returns the cost of a thousand requests, from that of one, with three significant digits."""
    return UNKNOWN if amount is None else _signed(f"{1000 * amount:.3g} USD")


def percent(share: float | None) -> str:
    """Returns a share as a percentage with one decimal."""
    return UNKNOWN if share is None else _signed(f"{100 * share:.1f} %")


def whole_percent(share: float | None) -> str:
    """Returns a share as a percentage without a fraction, for where room is short."""
    return UNKNOWN if share is None else _signed(f"{100 * share:.0f} %")


def points(difference: float | None) -> str:
    """Returns a difference of scores with its sign, in points of a hundred."""
    return UNKNOWN if difference is None else _signed(f"{100 * difference:+.1f} points")


def score(value: float | None) -> str:
    """Returns a mean score in [0, 1]."""
    return UNKNOWN if value is None else f"{value:.3f}"


def seconds(value: float | None) -> str:
    """Returns a duration."""
    return UNKNOWN if value is None else f"{value:.3f} s"


def interval(given: Interval | None, word: Word) -> str:
    """Returns a figure with its interval, each number put by `word`; the unit stands once."""
    if given is None or math.isnan(given.value):
        return UNKNOWN
    return f"{word(given.value)} {ends(given, word)}"


def bare_interval(given: Interval | None, word: Word) -> str:
    """Returns the same without a unit, for a column that names it."""
    return interval(given, lambda value: bare(word(value)))


def ends(given: Interval, word: Word) -> str:
    """Returns the two ends of an interval in brackets."""
    return f"[{bare(word(given.low))}, {bare(word(given.high))}]"


def bare(text: str) -> str:
    """Returns a figure without its unit, for a column that names it."""
    return text.removesuffix(" USD").removesuffix(" %").removesuffix(" points")


def brief(text: str) -> str:
    """Returns words with at most four significant digits a number, such as a policy with what it learned.

    >>> brief("Utility(willingness_to_pay_usd=0.002673112534472127, caution=0.0)")
    'Utility(willingness_to_pay_usd=0.002673, caution=0.0)'
    """
    return _LONG.sub(lambda number: f"{float(number[0]):.4g}", text)


_LONG = re.compile(r"\d+\.\d{5,}(?:e[+-]?\d+)?")


def _signed(text: str) -> str:
    return text.replace("-", MINUS)
