"""Plots of one row a name: intervals against zero (forest) and bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.errors import NotEnoughPointsError
from fairlead.plots.scales import Scale
from fairlead.plots.svg import CHAR_WIDTH, WIDTH, document, group, line, short, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

TOP = 32.0
ROW_HEIGHT = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; a value of `None` is unknown: `text` says so and nothing is drawn."""

    name: str
    value: float | None
    interval: tuple[float, float] | None = None
    text: str = ""
    """Printed at the right end: the value in words, with its interval or its n."""
    accent: bool = False


def forest(rows: Sequence[Row], *, title: str, description: str, x_label: str) -> str:
    """Returns an SVG of one value with its interval a row, against a line at zero.

    Raises:
        NotEnoughPointsError: there is no row to draw.
    """
    return _plot(rows, title, description, x_label, _dot)


def bars(rows: Sequence[Row], *, title: str, description: str, x_label: str) -> str:
    """Returns an SVG of one horizontal bar a row, from zero, with its interval over the end.

    Raises:
        NotEnoughPointsError: there is no row to draw.
    """
    return _plot(rows, title, description, x_label, _bar)


def _plot(
    rows: Sequence[Row], title: str, description: str, x_label: str, mark: Callable[[Scale, float, float], str]
) -> str:
    if not rows:
        raise NotEnoughPointsError("`rows` is empty; a plot of rows needs at least one")
    values = [v for row in rows for v in (row.value, *(row.interval or ())) if v is not None]
    left, right = 16 + _width(row.name for row in rows), WIDTH - 16 - _width(row.text for row in rows)
    x = Scale.around([0.0, *values], start=left, end=right)
    bottom = TOP + ROW_HEIGHT * len(rows)
    marks = [_grid(x, bottom)]
    marks += [_row(x, row, TOP + ROW_HEIGHT * (i + 0.5), mark) for i, row in enumerate(rows)]
    marks.append(text((left + right) / 2, bottom + 42, x_label, anchor="middle"))
    return document(bottom + 56, title, description, marks)


def _grid(x: Scale, bottom: float) -> str:
    columns = [
        line(x(tick), TOP, x(tick), bottom, "plot-grid") + text(x(tick), bottom + 18, words, anchor="middle")
        for tick, words in x.ticks()
    ]
    return "".join(columns) + line(x(0), TOP, x(0), bottom, "plot-axis")


def _row(x: Scale, row: Row, y: float, mark: Callable[[Scale, float, float], str]) -> str:
    marks = "" if row.value is None else mark(x, row.value, y)
    if row.interval is not None:
        marks += _whisker(x(row.interval[0]), x(row.interval[1]), y)
    name = text(4, y + 4, short(row.name), strong=row.accent)
    return name + group(row.name, marks, accent=row.accent) + text(WIDTH - 4, y + 4, short(row.text), anchor="end")


def _dot(x: Scale, value: float, y: float) -> str:
    return f'<circle cx="{x(value):.1f}" cy="{y:.1f}" r="5"/>'


def _bar(x: Scale, value: float, y: float) -> str:
    left, right = sorted((x(0), x(value)))
    return f'<rect x="{left:.1f}" y="{y - 8:.1f}" width="{right - left:.1f}" height="16" rx="2" fill-opacity=".55"/>'


def _whisker(low: float, high: float, y: float) -> str:
    ends = [line(end, y - 5, end, y + 5, "plot-error") for end in (low, high)]
    return line(low, y, high, y, "plot-error") + "".join(ends)


def _width(words: Iterable[str]) -> float:
    return CHAR_WIDTH * max(len(short(name)) for name in words)
