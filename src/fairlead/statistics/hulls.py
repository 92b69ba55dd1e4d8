"""What mixing fixed choices can reach: the non-decreasing convex hull of quality over cost.

Drawing between two candidates reaches every point on the line between them, and spending more never forces a worse
choice. So the upper hull of the fixed candidates, continued flat, is what anyone gets without looking at the request.

References:
    Hu et al., RouterBench, 2024, arXiv:2403.12031, section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.errors import NotEnoughPointsError

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Two points and how often the second is drawn; equal points and a share of 0 are a single one."""

    first: int
    other: int
    share: float
    """Chance of `other`, in [0, 1)."""


def hull(cost_usd: FloatArray, quality: FloatArray) -> IntArray:
    """Returns the positions of the hull's corners, cost and quality both strictly rising.

    Args:
        cost_usd: (n_points,) mean cost per request; a point with an unknown (NaN) value takes no part.
        quality: (n_points,) mean quality.
    """
    known = np.flatnonzero(np.isfinite(cost_usd) & np.isfinite(quality))
    corners: list[int] = []
    for point in known[np.lexsort((-quality[known], cost_usd[known]))]:
        if corners and quality[point] <= quality[corners[-1]]:
            continue
        while len(corners) >= 2 and _rises_faster(cost_usd, quality, corners[-1], int(point), base=corners[-2]):
            corners.pop()
        corners.append(int(point))
    return np.array(corners, dtype=np.int64)


def _rises_faster(cost_usd: FloatArray, quality: FloatArray, middle: int, end: int, *, base: int) -> bool:
    """Says whether `middle` lies on or below the line from `base` to `end`."""
    to_middle = (quality[middle] - quality[base]) * (cost_usd[end] - cost_usd[base])
    to_end = (quality[end] - quality[base]) * (cost_usd[middle] - cost_usd[base])
    return bool(to_middle <= to_end)


def value_at(cost_usd: FloatArray, quality: FloatArray, at_usd: FloatArray) -> FloatArray:
    """Returns the hull's quality at a cost: the best that one point or a mix of two reaches without spending more.

    It is the maximum over all points and pairs rather than a walk along the corners, so that a thousand resamples
    are one call.

    Args:
        cost_usd: (..., n_points); NaN takes no part.
        quality: (..., n_points); NaN takes no part.
        at_usd: (...,) where to look.

    Returns:
        (...,); NaN where nothing is that cheap.
    """
    at = np.asarray(at_usd, dtype=np.float64)[..., None]
    known = np.isfinite(quality)
    single = np.where((cost_usd <= at) & known, quality, -np.inf).max(axis=-1)
    dearer = (cost_usd > at) & known
    best = np.where(np.isneginf(single), np.nan, single)
    for j in np.flatnonzero(dearer.reshape(-1, dearer.shape[-1]).any(axis=0)):
        mixed = _mixed_with(cost_usd, quality, at, dear=int(j))
        best = np.where(dearer[..., j], np.fmax(best, mixed), best)
    return best


def _mixed_with(cost_usd: FloatArray, quality: FloatArray, at: FloatArray, *, dear: int) -> FloatArray:
    """Returns the best quality at cost `at` among the mixes of column `dear` with one that is cheap enough."""
    span = cost_usd[..., [dear]] - cost_usd
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (at - cost_usd) / span
        mixed = quality + share * (quality[..., [dear]] - quality)
    usable = (cost_usd <= at) & (span > 0) & np.isfinite(mixed)
    best: FloatArray = np.where(usable, mixed, -np.inf).max(axis=-1)
    return np.where(np.isneginf(best), np.nan, best)


def gain_over_hull(quality: FloatArray, spent_usd: FloatArray, fixed_usd: FloatArray, fixed: FloatArray) -> FloatArray:
    """Returns how far `quality` at cost `spent_usd` lies above the hull of fixed points.

    Something cheaper than every fixed point is compared with the cheapest: a harder mark than it has to meet.

    Args:
        quality: (...,) of what is judged.
        spent_usd: (...,) its cost.
        fixed_usd: (..., n_points) cost of the fixed points.
        fixed: (..., n_points) their quality.
    """
    cheapest = np.where(np.isfinite(fixed_usd) & np.isfinite(fixed), fixed_usd, np.inf).min(axis=-1)
    return quality - value_at(fixed_usd, fixed, np.maximum(spent_usd, cheapest))


def gain_over_mixes(quality: FloatArray, spent_usd: FloatArray, fixed_usd: FloatArray, fixed: FloatArray) -> FloatArray:
    """Returns how far `quality` at cost `spent_usd` lies above every single point and every mix of two at that cost.

    The first rows are the data themselves: they say which points are affordable and which pairs lie on either side of
    the cost. The same pairs are then looked at in every row. The smallest gain of the first row is `gain_over_hull`.

    Args:
        quality: (n_rows,) of what is judged.
        spent_usd: (n_rows,) its cost.
        fixed_usd: (n_rows, n_points), all known.
        fixed: (n_rows, n_points), all known.

    Returns:
        (n_rows, n_mixes).
    """
    at = np.maximum(spent_usd, fixed_usd.min(axis=1))
    affordable = fixed_usd[0] <= at[0]
    cheap, dear = np.flatnonzero(affordable), np.flatnonzero(~affordable)
    pairs = [(i, j) for i in cheap for j in dear if fixed[0, j] > fixed[0, i]]
    first, other = np.array([(i, i) for i in cheap] + pairs, dtype=np.int64).T
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (at[:, None] - fixed_usd[:, first]) / (fixed_usd[:, other] - fixed_usd[:, first])
    both_affordable = np.maximum(fixed_usd[:, first], fixed_usd[:, other]) <= at[:, None]
    share = np.where(both_affordable, first != other, np.clip(np.nan_to_num(share), 0.0, 1.0))
    mixed: FloatArray = fixed[:, first] + share * (fixed[:, other] - fixed[:, first])
    return quality[:, None] - mixed


def mix_at(cost_usd: FloatArray, quality: FloatArray, at_usd: float) -> Mix:
    """Returns the best mix that spends at most `at_usd`; the cheapest corner where nothing is that cheap.

    Raises:
        NotEnoughPointsError: no point is known.
    """
    corners = _corners(cost_usd, quality)
    place = int(np.searchsorted(cost_usd[corners], at_usd, side="right")) - 1
    if place < 0 or place == len(corners) - 1:
        return _single(int(corners[max(place, 0)]))
    low, high = int(corners[place]), int(corners[place + 1])
    return _mix(low, high, float((at_usd - cost_usd[low]) / (cost_usd[high] - cost_usd[low])))


def _mix(low: int, high: int, share: float) -> Mix:
    if share <= 0:
        return _single(low)
    return _single(high) if share >= 1 else Mix(first=low, other=high, share=share)


def _single(point: int) -> Mix:
    return Mix(first=point, other=point, share=0.0)


def area(cost_usd: FloatArray, quality: FloatArray) -> float:
    """Returns the area under the hull from the cheapest to the dearest point, quality x USD.

    Raises:
        NotEnoughPointsError: no point is known.
    """
    corners = _corners(cost_usd, quality)
    dearest = float(cost_usd[np.isfinite(cost_usd) & np.isfinite(quality)].max())
    costs = np.append(cost_usd[corners], dearest)
    heights = np.append(quality[corners], quality[corners[-1]])
    return float(np.sum(np.diff(costs) * (heights[1:] + heights[:-1]) / 2))


def aiq(cost_usd: FloatArray, quality: FloatArray) -> float:
    """Area under the non-decreasing hull of quality over cost, divided by the cost range.

    Args:
        cost_usd: (n_points,) mean cost per request, USD.
        quality: (n_points,) mean quality, in [0, 1].

    Raises:
        NotEnoughPointsError: fewer than two distinct costs.

    References:
        Hu et al., RouterBench, 2024, arXiv:2403.12031, equation 4.
    """
    costs = cost_usd[np.isfinite(cost_usd) & np.isfinite(quality)]
    if np.unique(costs).size < 2:
        message = f"AIQ needs at least two distinct costs; got {np.unique(costs).size}. Give more operating points."
        raise NotEnoughPointsError(message)
    return area(cost_usd, quality) / float(costs.max() - costs.min())


def _corners(cost_usd: FloatArray, quality: FloatArray) -> IntArray:
    corners = hull(cost_usd, quality)
    if corners.size == 0:
        message = "a hull needs at least one point whose cost and quality are both known; got none."
        raise NotEnoughPointsError(message)
    return corners
