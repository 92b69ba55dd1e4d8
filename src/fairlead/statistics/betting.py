"""Means of bounded values by betting: valid at every moment, however often one looks and whenever one stops.

A gambler bets on each value, before it is seen, that the mean is above m, or that it is below. Where the mean *is* m
the capital is a fair game: that it ever grows to 1 / alpha has a chance of at most alpha. So a large capital is
evidence against m, and the values of m that no bet has refuted are a confidence sequence.

    log_capital    the capital against one mean, or many
    betting_cs     all means that it has not refuted, over time

A value may have a weight: with the sum of a session's scores and the number of its requests, both divided by the most
requests that a session can have, the mean is the one per request, and sessions are what is drawn.

What it takes: the values lie in a known range and have *one* mean throughout, whatever came before. Where the mean
drifts, use `sequences`.

References:
    Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS-B 2024, arXiv:2010.09686:
    hedged capital (theorem 3) with predictable plug-in bets (equation 26), and those for a fixed number of values.
    Ville, Étude critique de la notion de collectif, 1939.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from fairlead.types import FloatArray

Side = Literal["above", "below", "both"]

N_MEANS = 400
"""Means that are tried on each side; their distances grow by 3.5 % from one to the next."""
_AT_ONCE = 1_000_000  # capitals in memory


def log_capital(
    x: FloatArray,
    mean: float | FloatArray,
    *,
    weight: FloatArray | None = None,
    side: Side = "both",
    alpha: float = 0.05,
    cap: float = 0.5,
    horizon: int | None = None,
) -> FloatArray:
    """Returns (n,) the logarithm of the capital after each value; (k, n) where there are k means.

    It starts at 0. `exp(-max)` of it is a p-value at every moment (of "the mean is at most `mean`" for `above`, of "at
    least" for `below`), and reaching `log(1 / alpha)` refutes the mean at level alpha.

    Args:
        x: (n,) values in [0, 1], or in [0, weight]; in the order in which they came.
        mean: what is bet against, in [0, 1].
        weight: (n,) in [0, 1]; the mean is that of `x` over that of `weight`. All 1 where not given.
        side: whether the true mean is bet to be above `mean`, below it, or half of the capital on either.
        alpha: level at which the bets are to be large enough; any gives a valid capital.
        cap: most that may be lost on one value, as a share of the capital, in (0, 1).
        horizon: how many values there will be, where that is known: bets are then as large as pays off by its end.

    Raises:
        ValueError: a value is outside of its range.
    """
    x, weight = _checked(x, weight)
    bets = _bets(x, weight, alpha, horizon)
    if side == "above":
        return _one_sided(x, weight, bets, np.asarray(mean, dtype=np.float64), cap)
    if side == "below":
        return _one_sided(weight - x, weight, bets, 1 - np.asarray(mean, dtype=np.float64), cap)
    each: tuple[Side, Side] = ("above", "below")
    sides = [log_capital(x, mean, weight=weight, side=s, alpha=alpha / 2, cap=cap, horizon=horizon) for s in each]
    capital: FloatArray = np.maximum(*sides) - math.log(2)
    return capital


def betting_cs(
    x: FloatArray, alpha: float = 0.05, *, weight: FloatArray | None = None, cap: float = 0.5
) -> tuple[FloatArray, FloatArray]:
    """Returns (n,) lower and upper limits of the mean after each value; with chance 1 - alpha all of them hold.

    Limits only ever come closer, and lie within [0, 1]. They are rounded outwards, by 3.5 % of their distance from the
    last mean.

    Args:
        x: (n,) values in [0, 1], or in [0, weight]; in the order in which they came.
        alpha: chance that any limit is ever wrong.
        weight: as in `log_capital`.
        cap: as in `log_capital`.

    Raises:
        ValueError: a value is outside of its range.

    Example:
        >>> lower, upper = betting_cs(np.tile([1.0, 0.0, 1.0, 1.0], 100))
        >>> bool(lower[-1] < 0.75 < upper[-1]), bool(upper[-1] - lower[-1] < 0.17)
        (True, True)
    """
    x, weight = _checked(x, weight)
    lower = _lower_limits(x, weight, alpha / 2, cap)
    return lower, 1 - _lower_limits(weight - x, weight, alpha / 2, cap)


def _checked(x: FloatArray, weight: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    x = np.asarray(x, dtype=np.float64)
    weight = np.ones_like(x) if weight is None else np.asarray(weight, dtype=np.float64)
    if not ((x >= 0) & (x <= weight) & (weight <= 1)).all():
        raise ValueError("A value is outside of its range; expected 0 <= x <= weight <= 1.")
    return x, weight


def _bets(x: FloatArray, weight: FloatArray, alpha: float, horizon: int | None = None) -> FloatArray:
    """Returns (n,) how much to bet on each value, from the values before it: large where they vary little."""
    t = np.arange(1, len(x) + 1)
    mean = (0.5 + np.cumsum(x)) / (1 + np.cumsum(weight))
    variance = (0.25 + np.cumsum((x - mean * weight) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance])[: len(x)]
    values = t * np.log1p(t) if horizon is None else horizon
    bets: FloatArray = np.sqrt(2 * math.log(1 / alpha) / (before * values))
    return bets


def _one_sided(x: FloatArray, weight: FloatArray, bets: FloatArray, mean: FloatArray, cap: float) -> FloatArray:
    """Returns (..., n) the capital of who bets that the mean is above each of `mean`; it falls as that grows."""
    mean = mean[..., None]
    with np.errstate(divide="ignore"):
        bet = np.minimum(bets, cap / mean)
    return np.cumsum(np.log1p(bet * (x - mean * weight)), axis=-1)


def _lower_limits(x: FloatArray, weight: FloatArray, alpha: float, cap: float) -> FloatArray:
    """Returns (n,) the largest mean that was refuted as too small so far, of those that are tried; 0 at first."""
    lower = np.zeros(len(x))
    if not weight.any():
        return lower
    means, bets = _tried(float(x.sum() / weight.sum())), _bets(x, weight, alpha)
    for some in np.array_split(means, 1 + len(means) * len(x) // _AT_ONCE):
        refuted = _one_sided(x, weight, bets, some, cap) >= math.log(1 / alpha)
        first, ever = refuted.argmax(axis=-1), refuted.any(axis=-1)
        np.maximum.at(lower, first[ever], some[ever])
    return np.maximum.accumulate(lower)


def _tried(mean: float) -> FloatArray:
    """Returns means between 0 and `mean`, the closer the nearer: a limit is about as far off as it is unsure."""
    distance = np.geomspace(1e-6, 1, N_MEANS) * mean
    return mean - distance[distance < mean]
