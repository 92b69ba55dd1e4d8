"""An evaluation as one self-contained HTML page: no script, nothing fetched, readable in light and dark."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from fairlead import wording
from fairlead.evaluation import shown
from fairlead.pages import environment
from fairlead.plots import Point, Row, forest, scatter
from fairlead.statistics.hulls import hull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from fairlead.evaluation.judging import Evaluation
    from fairlead.evaluation.metrics import Fixed
    from fairlead.statistics.bootstrap import Interval

LOG_FROM = 20.0  # where the dearest costs so many times the cheapest, the axis is logarithmic


def page(evaluations: Sequence[Evaluation], *, title: str = "Evaluation", notice: str = "") -> str:
    """Returns the page.

    Args:
        evaluations: one section each.
        title: its heading.
        notice: one sentence that must not be missed, such as that figures are simulated.
    """
    sections = [(evaluation, _plots(evaluation)) for evaluation in evaluations]
    return _templates().get_template("evaluation.html").render(title=title, notice=notice, sections=sections)


@cache
def _templates() -> Environment:
    made = environment("fairlead.evaluation")
    made.filters |= {"basis": shown.basis, "left_out": shown.left_out, "calls": shown.calls, "count": shown.count}
    return made


def _plots(evaluation: Evaluation) -> list[str]:
    return [plot for plot in (frontier(evaluation), gains(evaluation)) if plot]


def frontier(evaluation: Evaluation) -> str:
    """Returns quality over cost of every method, beside the hull of fixed models; empty where no cost is known."""
    corners = _corners(evaluation.fixed)
    points = [_point(fixed.model, fixed.cost_usd, fixed.score) for fixed in corners]
    taken = {(point.x, point.y) for point in points}
    for method in evaluation.methods:
        point = _point(method.name, method.cost_usd, method.score, accent=not method.bound)
        if not math.isnan(point.x + point.y) and (point.x, point.y) not in taken:
            points.append(point)
    if not corners:
        return ""
    costs = [point.x for point in points]
    return scatter(
        points,
        title=f"{evaluation.table}: quality over cost",
        description="Mean score over mean cost of every method, with 95 % intervals; dashed, what fixed models and "
        "mixes of two reach without reading the prompt.",
        x_label="USD a request",
        y_label="mean score",
        hull=[(fixed.cost_usd.value, fixed.score.value) for fixed in corners],
        log_x=min(costs) > 0 and max(costs) / min(costs) > LOG_FROM,
    )


def _corners(fixed: Sequence[Fixed]) -> list[Fixed]:
    cost_usd = np.array([model.cost_usd.value for model in fixed])
    quality = np.array([model.score.value for model in fixed])
    return [fixed[i] for i in hull(cost_usd, quality)]


def _point(name: str, cost_usd: Interval, score: Interval, *, accent: bool = False) -> Point:
    return Point(
        name=name,
        x=cost_usd.value,
        y=score.value,
        x_interval=(cost_usd.low, cost_usd.high),
        y_interval=(score.low, score.high),
        accent=accent,
    )


def gains(evaluation: Evaluation) -> str:
    """Returns each method's gain over the hull at its own cost; empty where no cost is known."""
    rows = [
        Row(
            name=method.name,
            value=100 * method.gain.value,
            interval=(100 * method.gain.low, 100 * method.gain.high),
            text=wording.interval(method.gain, wording.points),
            accent=method.gain.low > 0,
        )
        for method in evaluation.methods
        if not method.bound and not math.isnan(method.gain.value)
    ]
    if not rows:
        return ""
    return forest(
        rows,
        title=f"{evaluation.table}: what reading the prompt was worth",
        description="Mean score minus that of the best fixed model or mix of two at equal cost, with 95 % intervals.",
        x_label="points of a hundred over the hull of fixed models",
    )
