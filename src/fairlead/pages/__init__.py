"""Self-contained HTML pages: one head and one style for all, no script, nothing fetched, in light and in dark.

A page's template extends `page.html` and fills its block `content`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from fairlead import wording

if TYPE_CHECKING:
    from fairlead.statistics.bootstrap import Interval

WORDS = {
    "usd": wording.usd,
    "usd_per_1000": wording.usd_per_1000,
    "percent": wording.percent,
    "points": wording.points,
    "score": wording.score,
    "seconds": wording.seconds,
}
"""Filter -> how it puts a figure."""


@cache
def environment(package: str) -> Environment:
    """Returns the templates of a package beside those that all share, with figures in words as filters."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("fairlead.pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {**WORDS, "interval": _interval, "bare_interval": _bare_interval}
    return made


def _interval(given: Interval | None, kind: str) -> str:
    return wording.interval(given, WORDS[kind])


def _bare_interval(given: Interval | None, kind: str) -> str:
    return wording.bare_interval(given, WORDS[kind])
