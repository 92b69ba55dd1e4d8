"""Many comparisons at once: what is left of a finding when it is one of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairlead.statistics.bootstrap import Interval

if TYPE_CHECKING:
    from fairlead.types import FloatArray


def two_sided_p(value: float, resampled: FloatArray) -> float:
    """Returns the chance of a difference at least so far from zero if there were none; 1 where it is unknown.

    The resamples, moved so that their mean is zero, stand for a world without a difference. Never zero: the data
    themselves count as one draw.

    References:
        Davison, Hinkley, Bootstrap Methods and their Application, 1997, section 4.4.1.
    """
    if not (np.isfinite(value) and np.isfinite(resampled).all() and resampled.size):
        return 1.0
    if value == 0 and not resampled.any():
        return 1.0  # the same choices: there is nothing to compare
    as_far = np.abs(resampled - resampled.mean()) >= abs(value)
    return float((1 + as_far.sum()) / (1 + resampled.size))


def holm(p: FloatArray) -> FloatArray:
    """Returns p-values that may be read one by one: the chance that any true null among all falls below is bounded.

    References:
        Holm, A simple sequentially rejective multiple test procedure, 1979.

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def centred_interval(value: float, resampled: FloatArray, *, confidence: float = 0.95) -> Interval:
    """Returns the interval of a figure that resampling alone pushes away: the spread of the resamples, around `value`.

    The best of many points, such as a hull, is better still in a resample, since there noise is drawn upon noise; so
    its percentiles lie too high. Their distance from the resamples' own mean does not.

    Args:
        value: the figure on the data themselves.
        resampled: (n_boot,) the same figure on each resample; NaN in one makes the ends unknown.
        confidence: of both sides together.
    """
    if not (np.isfinite(value) and resampled.size and np.isfinite(resampled).all()):
        return Interval(value=float(value), low=float("nan"), high=float("nan"))
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled - resampled.mean(), [tail, 1 - tail])
    return Interval(value=float(value), low=float(value + low), high=float(value + high))


def simultaneous_band(
    value: FloatArray, resampled: FloatArray, *, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Returns ends, (n_columns,) each, between which all columns lie together with that confidence.

    Args:
        value: (n_columns,) the figures on the data themselves.
        resampled: (n_boot, n_columns) the same on each resample.
        confidence: that no column lies outside.

    References:
        Montiel Olea, Plagborg-Moller, Simultaneous confidence bands: theory, implementation, and an application to
        SVARs, 2019 (the sup-t band).
    """
    sd = resampled.std(axis=0)
    away = np.divide(np.abs(resampled - resampled.mean(axis=0)), sd, out=np.zeros_like(resampled), where=sd > 0)
    c = float(np.quantile(away.max(axis=1), confidence)) if value.size else 0.0
    return value - c * sd, value + c * sd


def mean_ranks(figures: FloatArray) -> FloatArray:
    """Returns (n_methods,) mean rank over tables, 1 the best; equals share a rank, an unknown figure is left out.

    Args:
        figures: (n_tables, n_methods), higher is better; NaN where a method has none.
    """
    ahead = (figures[:, None, :] > figures[:, :, None]).sum(axis=2)
    level = (figures[:, None, :] == figures[:, :, None]).sum(axis=2)
    ranks = np.where(np.isnan(figures), np.nan, 1 + ahead + (level - 1) / 2)
    known = ~np.isnan(ranks)
    n = known.sum(axis=0)
    total = np.where(known, ranks, 0.0).sum(axis=0)
    mean: FloatArray = np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)
    return mean
