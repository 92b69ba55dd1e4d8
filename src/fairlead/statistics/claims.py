"""Claims on means of bounded values, tested one by one or in families: no sample is too small to be valid.

    p_value         by betting, of one claim
    values_needed   how many values would show it
    fixed_sequence  claims in an order that was settled before, until the first that is not shown
    graphical       claims that hand on what they may err to others as they are shown; `fallback` is a chain of them

References:
    Angelopoulos et al., Learn then Test, 2021, arXiv:2110.01052: risk control as testing of a family.
    Bretz, Maurer, Brannath and Posch, A graphical approach to sequentially rejective multiple test procedures,
    Statistics in Medicine 2009.
    Wiens, A fixed sequence Bonferroni procedure for testing multiple endpoints, Pharmaceutical Statistics 2003: the
    fallback.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from fairlead.statistics.betting import log_capital

if TYPE_CHECKING:
    from fairlead.types import BoolArray, FloatArray

CAP = 0.9
"""Most of the capital that is risked on one value: where nearly all values are alike, boldness saves labels."""
MAX_VALUES = 10_000_000


def p_value(x: FloatArray, mean: float, *, alpha: float = 0.05) -> float:
    """Returns the p-value of "the mean is at most `mean`", valid for any number of bounded values.

    Args:
        x: (n,) independent values in [0, 1], in an order that does not depend on them.
        mean: in [0, 1).
        alpha: level at which the bets are to be large enough; any gives a valid p-value.

    References:
        Waudby-Smith and Ramdas, 2024, arXiv:2010.09686; Bates et al., Distribution-free, risk-controlling prediction
        sets, JACM 2021, arXiv:2101.02703, section 3.1.3, use it so.
    """
    if not len(x):
        return 1.0
    capital = log_capital(x, mean, side="above", alpha=alpha, cap=CAP, horizon=len(x))
    return math.exp(-max(0.0, float(capital.max())))


def values_needed(
    gap: float, variance: float, *, mean: float = 0.5, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Returns about how many values `p_value` needs to be at most `alpha`, with chance `power`.

    The capital of a bettor who knows gap and variance is a Brownian motion in logarithms; that it ever reaches
    1 / alpha within n values has a closed form (reflection). Where values hardly vary its growth is bounded by `CAP`.
    Both numbers are added: a bettor who has to learn the variance needs a little more than the larger one.

    Args:
        gap: true mean minus the one that is refuted.
        variance: of the values.
        mean: what is refuted.
        alpha: see `p_value`.
        power: chance to succeed, in (0, 1).

    Returns:
        `None` where there is no gap, or more than ten million would be needed.
    """
    if gap <= 0:
        return None
    by_chance = _signal_needed(math.log(1 / alpha), power) * variance / gap**2
    by_growth = math.log(1 / alpha) / math.log1p(CAP * gap / mean)
    needed = math.ceil(by_chance + by_growth)
    return needed if needed <= MAX_VALUES else None


def _signal_needed(height: float, power: float) -> float:
    """Returns n gap^2 / variance for which the capital's logarithm reaches `height` by then with chance `power`."""
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if _chance_to_reach(height, middle) >= power else (middle, high)
    return high


def _chance_to_reach(height: float, signal: float) -> float:
    """Returns P(a Brownian motion of drift `signal` / 2 and variance `signal` ever reaches `height` by time 1)."""
    below, sd = NormalDist().cdf, math.sqrt(signal) or 1e-12
    return below((signal / 2 - height) / sd) + math.exp(height) * below((-signal / 2 - height) / sd)


def fixed_sequence(p: FloatArray, level: float) -> int:
    """Returns how many claims are shown, from the first on: each at the whole level, until one is not.

    The chance that any of them is wrong is at most `level`, however many there are.

    Example:
        >>> fixed_sequence(np.array([0.01, 0.04, 0.2, 0.001]), 0.05)
        2
    """
    return int(np.logical_and.accumulate(np.asarray(p) <= level).sum())


def fallback(p: FloatArray, level: float, weight: FloatArray) -> BoolArray:
    """Returns (k,) which claims are shown when each hands on its share of the level to the next.

    A claim that is not shown keeps its share, and the ones behind it still have theirs: the price is that the first
    ones are tested at a part of the level. All weight on the first is `fixed_sequence`.

    Args:
        p: (k,) p-values, in the order in which shares are handed on.
        level: chance that any claim that is shown is wrong.
        weight: (k,) shares of the level, at least 0, at most 1 together.

    Example:
        >>> fallback(np.array([0.2, 0.01, 0.04]), 0.05, np.array([0.2, 0.4, 0.4])).tolist()
        [False, True, True]
    """
    return graphical(p, level, weight, np.eye(len(p), k=1))


def graphical(p: FloatArray, level: float, weight: FloatArray, handed_on: FloatArray) -> BoolArray:
    """Returns (k,) which claims are shown when each, once shown, hands on its share of the level along a graph.

    Args:
        p: (k,) p-values.
        level: chance that any claim that is shown is wrong.
        weight: (k,) shares of the level at first, at least 0, at most 1 together.
        handed_on: (k, k) which part of its share each claim gives to each other; rows sum to at most 1, diagonal 0.
    """
    weight, handed_on = np.array(weight, dtype=np.float64), np.array(handed_on, dtype=np.float64)
    shown = np.zeros(len(p), dtype=np.bool_)
    while (able := np.flatnonzero(~shown & (p <= weight * level))).size:
        i = int(able[0])
        shown[i] = True
        weight = weight + weight[i] * handed_on[i]
        weight[i] = 0.0
        handed_on = _without(handed_on, i)
    return shown


def _without(handed_on: FloatArray, i: int) -> FloatArray:
    """Returns the graph once claim `i` is shown: what others gave to it goes where it gave it."""
    loops = handed_on[:, i] * handed_on[i]
    through = handed_on + np.outer(handed_on[:, i], handed_on[i])
    rest: FloatArray = np.divide(through, (1 - loops)[:, None], out=np.zeros_like(through), where=loops[:, None] < 1)
    np.fill_diagonal(rest, 0.0)
    rest[i], rest[:, i] = 0.0, 0.0
    return rest
