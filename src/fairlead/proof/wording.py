"""Figures in words: money, shares and scores, each with its interval, in the same spelling on every page."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from fairlead.proof.statement import VERDICTS, Statement

if TYPE_CHECKING:
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


def percent(share: float | None) -> str:
    """Returns a share as a percentage with one decimal."""
    return UNKNOWN if share is None else _signed(f"{100 * share:.1f} %")


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
    """Returns a figure with its 95 % interval, each number put by `word`; the unit stands once."""
    return UNKNOWN if given is None else f"{word(given.value)} {ends(given, word)}"


def ends(given: Interval, word: Word) -> str:
    """Returns the two ends of an interval in brackets."""
    return f"[{bare(word(given.low))}, {bare(word(given.high))}]"


def verdict(statement: Statement) -> str:
    """Returns the answer in a sentence or two."""
    if statement.since is None:
        return "No requests: there is nothing to state yet."
    sentence = VERDICTS[statement.verdict]
    if statement.verdict != "not_enough_evidence" or statement.sessions_needed is None:
        return sentence
    would = "tell" if statement.saving is not None else "allow a first estimate"
    return f"{sentence} About {statement.sessions_needed:,} more sessions would {would}."


def period(statement: Statement) -> str:
    """Returns from when to when the requests were made."""
    if statement.since is None or statement.until is None:
        return "no requests"
    since, until = (f"{moment:%Y-%m-%d %H:%M}" for moment in (statement.since, statement.until))
    return f"{since} UTC" if since == until else f"{since} to {until} UTC"


def bare(text: str) -> str:
    """Returns a figure without its unit, for a column that names it."""
    return text.removesuffix(" USD").removesuffix(" %").removesuffix(" points")


def _signed(text: str) -> str:
    return text.replace("-", MINUS)
