"""What a whole frontier is worth: figures of the points that one method reaches at every setting of its knob.

Points lie on the last axis, (..., n_points), and NaN takes no part: so a thousand resamples are one call. A frontier
is judged over the cost range of the fixed candidates, since below and above it there is nothing to compare with.

References:
    Hu et al., RouterBench, 2024, arXiv:2403.12031 (AIQ, non-decreasing hull). LLMRouterBench, 2026, arXiv:2601.07206
    (PerfGain, CostSave, ParetoDist).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.types import BoolArray, FloatArray, IntArray

# The hull, of many rows at once -------------------------------------------------------------------------------------


def mean_height(cost: FloatArray, quality: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Returns the mean over [low, high] of the non-decreasing hull of the points: AIQ over a given cost range.

    Args:
        cost: (..., n_points).
        quality: (..., n_points).
        low: (...,) where the range begins; NaN comes out where no point is that cheap.
        high: (...,) where it ends; NaN comes out where it is not above `low`.
    """
    x, y = _hulls(cost, quality)
    low, high = (np.broadcast_to(np.asarray(end, dtype=np.float64), x.shape[:-1])[..., None] for end in (low, high))
    x, y = np.concatenate([x, np.maximum(x[..., -1:], high)], axis=-1), np.concatenate([y, y[..., -1:]], axis=-1)
    x0, x1, y0, y1 = x[..., :-1], x[..., 1:], y[..., :-1], y[..., 1:]
    slope = np.divide(y1 - y0, x1 - x0, out=np.zeros_like(x0), where=x1 > x0)
    start, end = np.clip(x0, low, high), np.clip(x1, low, high)
    middle = y0 + slope * ((start + end) / 2 - x0)  # the mean height of a straight piece is that of its middle
    area = np.where(end > start, middle * (end - start), 0.0).sum(axis=-1)
    width = (high - low)[..., 0]
    usable = (x[..., 0] <= low[..., 0]) & (width > 0)
    mean: FloatArray = np.divide(area, width, out=np.full(np.shape(area), np.nan), where=usable)
    return mean


def _hulls(cost: FloatArray, quality: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns the corners of each row's hull, (..., n_points) both, the last corner repeated; NaN without a point.

    The monotone chain of `hulls.hull`, run on all rows in step.
    """
    shape = np.broadcast_shapes(np.shape(cost), np.shape(quality))
    c, q = (np.broadcast_to(np.asarray(v, dtype=np.float64), shape).reshape(-1, shape[-1]) for v in (cost, quality))
    known = np.isfinite(c) & np.isfinite(q)
    order = np.lexsort((np.where(known, -q, np.inf), np.where(known, c, np.inf)), axis=-1)
    c, q = (np.take_along_axis(v, order, axis=-1) for v in (c, q))
    known = np.take_along_axis(known, order, axis=-1)
    x, y, size = np.full(c.shape, np.nan), np.full(c.shape, np.nan), np.zeros(len(c), dtype=np.int64)
    for k in range(shape[-1]):
        _add(x, y, size, c[:, k], q[:, k], known[:, k])
    last = np.minimum(np.arange(shape[-1]), np.maximum(size - 1, 0)[:, None])
    return np.take_along_axis(x, last, axis=1).reshape(shape), np.take_along_axis(y, last, axis=1).reshape(shape)


def _add(x: FloatArray, y: FloatArray, size: IntArray, c: FloatArray, q: FloatArray, known: BoolArray) -> None:
    """Adds one point a row to the hulls so far, in place; costs never fall from one call to the next."""
    rows = np.arange(len(x))
    rising = known & ((size == 0) | (q > y[rows, np.maximum(size - 1, 0)]))
    while True:
        middle, base = np.maximum(size - 1, 0), np.maximum(size - 2, 0)
        to_middle = (y[rows, middle] - y[rows, base]) * (c - x[rows, base])
        to_end = (q - y[rows, base]) * (x[rows, middle] - x[rows, base])
        below = rising & (size >= 2) & (to_middle <= to_end)
        if not below.any():
            break
        size -= below
    at = np.flatnonzero(rising)
    x[at, size[at]], y[at, size[at]] = c[at], q[at]
    size += rising


def gains_over_hull(
    quality: FloatArray, spent: FloatArray, fixed_cost: FloatArray, fixed_quality: FloatArray
) -> FloatArray:
    """Returns how far each point lies above the hull of fixed points: `hulls.gain_over_hull`, of many points a row.

    Args:
        quality: (..., n_points) of what is judged.
        spent: (..., n_points) its cost; what is cheaper than every fixed point is compared with the cheapest.
        fixed_cost: (..., n_fixed).
        fixed_quality: (..., n_fixed).
    """
    x, y = _hulls(fixed_cost, fixed_quality)
    at = np.maximum(spent, x[..., :1])
    height = np.broadcast_to(y[..., -1:], np.broadcast_shapes(at.shape, y[..., -1:].shape)).copy()
    for i in range(x.shape[-1] - 1):
        x0, x1, y0, y1 = x[..., [i]], x[..., [i + 1]], y[..., [i]], y[..., [i + 1]]
        if not (x1 > x0).any():
            break
        slope = np.divide(y1 - y0, x1 - x0, out=np.zeros_like(x0), where=x1 > x0)
        height = np.where((at >= x0) & (at < x1), y0 + slope * (at - x0), height)
    return np.asarray(quality - height)


# Figures of a frontier ----------------------------------------------------------------------------------------------


def aiq_in_range(
    cost: FloatArray, quality: FloatArray, fixed_cost: FloatArray, fixed_quality: FloatArray
) -> FloatArray:
    """Returns AIQ over the cost range of the fixed candidates; the cheapest of them may stand in for the method.

    Serving the cheapest candidate needs no method, so below a method's own cheapest point that is what it reaches.
    """
    known = np.isfinite(fixed_cost) & np.isfinite(fixed_quality)
    cheapest = np.where(known, fixed_cost, np.inf).argmin(axis=-1)[..., None]
    low = np.take_along_axis(fixed_cost, cheapest, axis=-1)
    high = np.where(known, fixed_cost, -np.inf).max(axis=-1)
    with_cheapest = np.concatenate([cost, low], axis=-1)
    qualities = np.concatenate([quality, np.take_along_axis(fixed_quality, cheapest, axis=-1)], axis=-1)
    return mean_height(with_cheapest, qualities, low[..., 0], high)


def area_over_hull(
    cost: FloatArray, quality: FloatArray, fixed_cost: FloatArray, fixed_quality: FloatArray
) -> FloatArray:
    """Returns the area between the hulls of a method and of the fixed candidates, divided by the cost range.

    In units of quality: what reading the prompt is worth, on average over what one may want to spend. Negative where
    fixed candidates and their mixes are better. Both hulls are picked in hindsight, on the data that judge.

    Args:
        cost: (..., n_points) of the method.
        quality: (..., n_points).
        fixed_cost: (..., n_fixed) of the fixed candidates.
        fixed_quality: (..., n_fixed).
    """
    mine = aiq_in_range(cost, quality, fixed_cost, fixed_quality)
    return np.asarray(mine - aiq_in_range(fixed_cost, fixed_quality, fixed_cost, fixed_quality))


def cost_at_quality(cost: FloatArray, quality: FloatArray, at_least: FloatArray) -> FloatArray:
    """Returns the cost of the cheapest point of at least that quality; NaN where there is none."""
    reached = (quality >= np.asarray(at_least)[..., None]) & np.isfinite(cost)
    cheapest = np.where(reached, cost, np.inf).min(axis=-1)
    return np.where(np.isinf(cheapest), np.nan, cheapest)


def cost_save(cost: FloatArray, quality: FloatArray, reference_cost: FloatArray, reference: FloatArray) -> FloatArray:
    """Returns the largest relative saving at parity: among points no worse than the reference; NaN without one.

    References:
        LLMRouterBench, 2026, arXiv:2601.07206: CostSave, which is "N/A" where parity is never reached.
    """
    return np.asarray(1.0 - cost_at_quality(cost, quality, reference) / reference_cost)


def perf_gain(quality: FloatArray, reference: FloatArray) -> FloatArray:
    """Returns the largest relative gain in quality over the reference: PerfGain of LLMRouterBench."""
    best = np.where(np.isfinite(quality), quality, -np.inf).max(axis=-1)
    return np.asarray(best / reference - 1.0)


def undominated(cost: FloatArray, quality: FloatArray) -> BoolArray:
    """Returns, for (n_points,), which are on the Pareto frontier: nothing else is as good and as cheap and differs."""
    no_dearer = cost[None, :] <= cost[:, None]
    no_worse = quality[None, :] >= quality[:, None]
    better = (cost[None, :] < cost[:, None]) | (quality[None, :] > quality[:, None])
    known: BoolArray = np.isfinite(cost) & np.isfinite(quality)
    return known & ~(no_dearer & no_worse & better).any(axis=1)


def pareto_distance(cost: FloatArray, quality: FloatArray, all_cost: FloatArray, all_quality: FloatArray) -> float:
    """Returns the mean distance of a method's points to the Pareto frontier of everybody's points: ParetoDist.

    Distances are Euclidean, each axis divided by the range that the frontier spans.

    Args:
        cost: (n_points,) of the method.
        quality: (n_points,).
        all_cost: (n_all,) of all methods and fixed candidates together.
        all_quality: (n_all,).
    """
    front = undominated(all_cost, all_quality)
    x, y = all_cost[front], all_quality[front]
    scale_x, scale_y = (float(np.ptp(v)) or 1.0 for v in (x, y))
    away = np.hypot((cost[:, None] - x) / scale_x, (quality[:, None] - y) / scale_y)
    return float(away.min(axis=1).mean())
