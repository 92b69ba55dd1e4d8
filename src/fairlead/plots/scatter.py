"""A scatter plot: named points with their spread, and the line that has to be beaten."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from fairlead.errors import NotEnoughPointsError
from fairlead.plots.labels import Box, Label, draw, place
from fairlead.plots.scales import Scale
from fairlead.plots.svg import WIDTH, document, group, line, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEIGHT = 440.0
TOP, BOTTOM = 48.0, HEIGHT - 56
LEFT, RIGHT = 64.0, WIDTH - 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A named point with what is known of its spread; `accent` sets it apart, `quiet` names it only when pointed at."""

    name: str
    x: float
    y: float
    x_interval: tuple[float, float] | None = None
    y_interval: tuple[float, float] | None = None
    accent: bool = False
    quiet: bool = False


def scatter(  # noqa: PLR0913 - each argument is one thing on the paper
    points: Sequence[Point],
    *,
    title: str,
    description: str,
    x_label: str,
    y_label: str,
    hull: Sequence[tuple[float, float]] = (),
    curve: Sequence[tuple[float, float]] = (),
    others: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    log_x: bool = False,
) -> str:
    """Returns an SVG of named points with their intervals, a `curve`, and, dashed, the line through `hull`.

    Args:
        points: finite, in any order; with `log_x` every x is above zero.
        title: one line, read out first.
        description: what the plot shows, for those who cannot see it.
        x_label: quantity and unit of x.
        y_label: quantity and unit of y.
        hull: corners (x, y) in order of x, joined by straight lines in the units of x (curved on a log axis);
            nothing is drawn for fewer than two.
        curve: operating points (x, y) of one method in order of x, joined by straight lines on the paper.
        others: name -> the same of other methods, drawn faintly and named when pointed at.
        log_x: draw x on a logarithmic axis.

    Raises:
        NotEnoughPointsError: there is no point to draw.
    """
    if not points:
        raise NotEnoughPointsError("`points` is empty; a scatter plot needs at least one point")
    faint = others or {}
    along = [*hull, *curve, *(point for drawn in faint.values() for point in drawn)]
    x, y = _scales(points, along, log_x=log_x)
    corners = [(x(at_x), y(at_y)) for at_x, at_y in _filled(hull, 24 if log_x else 1)]
    operating = [(x(at_x), y(at_y)) for at_x, at_y in curve]
    marks = [_grid(x, y), _axis_names(x_label, y_label)]
    marks += [_faint(name, [(x(at_x), y(at_y)) for at_x, at_y in drawn]) for name, drawn in faint.items()]
    marks += [_path(corners, "plot-hull"), _path(operating, "plot-curve")]
    marks += [_point(x, y, point) for point in points]
    marks += _names(x, y, points, [*pairwise(corners), *pairwise(operating)])
    return document(HEIGHT, title, description, marks)


def _scales(points: Sequence[Point], along: Sequence[tuple[float, float]], *, log_x: bool) -> tuple[Scale, Scale]:
    xs = [x for p in points for x in (p.x, *(p.x_interval or ()))] + [x for x, _ in along]
    ys = [y for p in points for y in (p.y, *(p.y_interval or ()))] + [y for _, y in along]
    x = Scale.around([v for v in xs if v > 0] if log_x else xs, start=LEFT, end=RIGHT, log=log_x)
    return x, Scale.around(ys, start=BOTTOM, end=TOP)


def _names(
    x: Scale, y: Scale, points: Sequence[Point], segments: Sequence[tuple[tuple[float, float], tuple[float, float]]]
) -> list[str]:
    """Returns the names of all but the quiet points, beside the points and the lines of the plot."""
    labels = [Label(name=p.name, x=x(p.x), y=y(p.y), accent=p.accent) for p in points if not p.quiet]
    lines = [(*start, *end) for start, end in segments]
    lines += [(x(p.x), y(p.y), x(p.x), y(p.y)) for p in points if p.quiet]
    return [draw(label, box) for label, box in place(labels, within=Box(LEFT, TOP - 12, WIDTH, BOTTOM), lines=lines)]


def _grid(x: Scale, y: Scale) -> str:
    columns = [
        line(x(tick), TOP, x(tick), BOTTOM, "plot-grid") + text(x(tick), BOTTOM + 18, words, anchor="middle")
        for tick, words in x.ticks()
    ]
    rows = [
        line(LEFT, y(tick), RIGHT, y(tick), "plot-grid") + text(LEFT - 8, y(tick) + 4, words, anchor="end")
        for tick, words in y.ticks()
    ]
    return "".join(columns + rows) + line(LEFT, BOTTOM, RIGHT, BOTTOM, "plot-axis")


def _axis_names(x_label: str, y_label: str) -> str:
    return text((LEFT + RIGHT) / 2, BOTTOM + 42, x_label, anchor="middle") + text(4, TOP - 14, y_label)


def _path(corners: Sequence[tuple[float, float]], style: str) -> str:
    if len(corners) < 2:
        return ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polyline class="{style}" points="{path}"/>'


def _faint(name: str, corners: Sequence[tuple[float, float]]) -> str:
    return f"<g><title>{escape(name)}</title>{_path(corners, 'plot-faint')}</g>" if len(corners) > 1 else ""


def _filled(corners: Sequence[tuple[float, float]], n: int) -> list[tuple[float, float]]:
    """Returns the corners with n - 1 points between each two."""
    between = [
        (x0 + (x1 - x0) * k / n, y0 + (y1 - y0) * k / n) for (x0, y0), (x1, y1) in pairwise(corners) for k in range(n)
    ]
    return [*between, *corners[-1:]]


def _point(x: Scale, y: Scale, point: Point) -> str:
    at_x, at_y = x(point.x), y(point.y)
    marks = f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="4.5"/>'
    if point.x_interval is not None:
        marks += line(x(point.x_interval[0]), at_y, x(point.x_interval[1]), at_y, "plot-error")
    if point.y_interval is not None:
        marks += line(at_x, y(point.y_interval[0]), at_x, y(point.y_interval[1]), "plot-error")
    return group(point.name, marks, accent=point.accent)
