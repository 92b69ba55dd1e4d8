"""The results as one HTML page: a frontier and a comparison for each part, and every figure under it."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fairlead import wording
from fairlead.evaluation.benchmark import page
from fairlead.evaluation.benchmark.claims import by_bar, claims, ranking
from fairlead.evaluation.benchmark.ours import NAME
from fairlead.pages import environment
from fairlead.plots import Point, Row, forest, scatter
from fairlead.statistics.hulls import hull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.evaluation.benchmark.provenance import Provenance
    from fairlead.evaluation.benchmark.results import MethodResult, PartResult

LOG_FROM = 20.0


def html(parts: Sequence[PartResult], provenance: Provenance) -> str:
    """Returns the page: no script, nothing fetched."""
    whole = [part for part in parts if not part.few_labels and part.method(NAME)]
    return (
        environment("fairlead.evaluation")
        .get_template("benchmark.html")
        .render(
            provenance=provenance,
            bars=by_bar(claims(parts)),
            ranking=ranking(whole) if whole else {},
            sections=[
                (
                    part,
                    page.about(part),
                    [plot for plot in (frontiers(part), comparison(part)) if plot],
                    page.tables(part),
                )
                for part in parts
            ],
        )
    )


def frontiers(part: PartResult) -> str:
    """Returns every method's frontier, ours in colour, over the hull of fixed models; empty without costs."""
    ours = part.method(NAME)
    if not part.costed or ours is None:
        return ""
    cost, score = (np.array([getattr(fixed, name).value for fixed in part.fixed]) for name in ("cost", "score"))
    corners = hull(cost, score)
    points = [
        Point(name=fixed.model, x=fixed.cost.value, y=fixed.score.value, quiet=i not in corners)
        for i, fixed in enumerate(part.fixed)
    ]
    default = ours.default
    points.append(Point(name=f"{NAME}, default", x=default.cost.value, y=default.score.value, accent=True))
    smallest = min(point.x for point in points)
    rivals = {m.name: _curve(m) for m in part.methods if m.name != NAME and len(m.points) > 1}
    in_usd = part.cost == "usd"
    return scatter(
        points,
        title=f"{part.name}: frontiers",
        description="Mean score over mean cost. Ours in colour, other methods and bounds faint and named when pointed "
        "at, fixed models as points; dashed, what fixed models and mixes of two reach.",
        x_label="USD a request" if in_usd else "share of calls to the strong model",
        y_label="mean score",
        hull=[(float(cost[i]), float(score[i])) for i in corners],
        curve=_curve(ours),
        others=rivals,
        log_x=in_usd and smallest > 0 and max(point.x for point in points) / smallest > LOG_FROM,
    )


def _curve(method: MethodResult) -> list[tuple[float, float]]:
    """Returns a method's hull: its corners, and the mixes between them, which are no straight line on a log axis."""
    cost, score = np.array([c for _, c, _ in method.points]), np.array([s for _, _, s in method.points])
    corners = hull(cost, score)
    at = np.concatenate(
        [np.linspace(a, b, 12, endpoint=False) for a, b in pairwise(cost[corners])] + [cost[corners[-1:]]]
    )
    return list(zip(at.tolist(), np.interp(at, cost[corners], score[corners]).tolist(), strict=True))


def comparison(part: PartResult) -> str:
    """Returns how far ours is ahead of each other method, in points."""
    rows = [
        Row(
            name=method.name,
            value=100 * method.versus.difference.value,
            interval=(100 * method.versus.difference.low, 100 * method.versus.difference.high),
            text=wording.interval(method.versus.difference, wording.points),
            accent=method.versus.p_holm < 0.05,
        )
        for method in part.methods
        if method.versus is not None and not method.bound and not math.isnan(method.versus.difference.low)
    ]
    if not rows:
        return ""
    figure = "area over the hull" if part.costed else "mean score"
    return forest(
        rows,
        title=f"{part.name}: {NAME} minus each other method",
        description=f"Difference in {figure}, points, 95 % intervals over the same resamples; in colour where it is "
        "significant after correction for all of them.",
        x_label=f"{figure}, points ahead",
    )
