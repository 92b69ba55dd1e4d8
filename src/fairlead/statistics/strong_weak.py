"""Two models and one threshold: RouteLLM's figures, by its definitions.

    PGR     (quality - weak) / (strong - weak)            the part of the gap that is recovered
    APGR    the mean of PGR over the share of calls to the strong model, by the trapezoidal rule
    CPT(x)  the smallest share of calls to the strong model with PGR >= x

Thresholds cut the predicted win rates of the judged prompts into ten parts of equal size, which gives eleven points.

References:
    Ong et al., RouteLLM, 2024, arXiv:2406.18665; `routellm/evals` of its repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.types import BoolArray, FloatArray

N_PARTS = 10


def calls_to_strong(win_rate: FloatArray, *, n_parts: int = N_PARTS) -> BoolArray:
    """Returns (n_parts + 1, n): who goes to the strong model at each threshold, from everybody to nobody.

    A prompt goes there where its win rate is at least the threshold; above it, for the last and highest one.

    Args:
        win_rate: (n,) any score that rises with how much better the strong model is expected to be.
        n_parts: parts of equal size that the thresholds cut the prompts into.
    """
    thresholds = np.quantile(win_rate, np.linspace(0, 1, n_parts + 1))
    calls: BoolArray = win_rate >= thresholds[:, None]
    calls[-1] = win_rate > thresholds[-1]
    return calls


def pgr(quality: FloatArray, weak: FloatArray, strong: FloatArray) -> FloatArray:
    """Returns the part of the gap between the two models that is recovered; above 1 where both are beaten."""
    gap = np.asarray(strong - weak)
    recovered: FloatArray = np.divide(
        quality - weak, gap, out=np.full(np.broadcast_shapes(np.shape(quality), gap.shape), np.nan), where=gap != 0
    )
    return recovered


def apgr(share: FloatArray, quality: FloatArray, weak: FloatArray, strong: FloatArray) -> FloatArray:
    """Returns the average of PGR over the share of strong calls; one half for a random choice.

    Args:
        share: (..., n_points) share of the calls that go to the strong model, in any order.
        quality: (..., n_points) mean quality there.
        weak: (...,) mean quality of the weak model.
        strong: (...,) that of the strong one.
    """
    x, y = _by_share(share, quality)
    area = (np.diff(x, axis=-1) * (y[..., 1:] + y[..., :-1]) / 2).sum(axis=-1)
    width = x[..., -1] - x[..., 0]
    mean = np.divide(area, width, out=np.full(np.shape(area), np.nan), where=width > 0)
    return pgr(mean, np.asarray(weak), np.asarray(strong))


def cpt(
    share: FloatArray, quality: FloatArray, weak: FloatArray, strong: FloatArray, *, recovered: float
) -> FloatArray:
    """Returns the smallest share of strong calls at which that part of the gap is recovered; NaN where never.

    Between two points the curve is straight. RouteLLM's code interpolates the share over the quality, which is the
    same wherever quality rises with the share, and not defined where it falls; the paper's words hold here.

    Args:
        share: (..., n_points), as in `apgr`.
        quality: (..., n_points).
        weak: (...,).
        strong: (...,).
        recovered: part of the gap, 0.5 for CPT(50%).
    """
    x, y = _by_share(share, quality)
    target = np.asarray(weak + recovered * (strong - weak))[..., None]
    above = y >= target
    k = above.argmax(axis=-1)[..., None]
    before = np.maximum(k - 1, 0)
    x0, x1, y0, y1 = (np.take_along_axis(v, at, axis=-1) for v, at in ((x, before), (x, k), (y, before), (y, k)))
    rise = y1 - y0
    part = np.divide(target - y0, rise, out=np.ones_like(rise), where=rise > 0)
    crossing: FloatArray = np.where(above.any(axis=-1, keepdims=True), x0 + np.clip(part, 0, 1) * (x1 - x0), np.nan)
    return crossing[..., 0]


def _by_share(share: FloatArray, quality: FloatArray) -> tuple[FloatArray, FloatArray]:
    order = np.argsort(share, axis=-1, kind="stable")
    return np.take_along_axis(share, order, axis=-1), np.take_along_axis(quality, order, axis=-1)
