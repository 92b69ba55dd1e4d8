"""An alarm for a mean that was at most a bound, and may not stay there: it may be looked at after every value.

A gambler bets that the next value is above the bound. While the mean is at most the bound, whatever came before, the
bets lose on average; that the capital ever reaches 1 / alpha has a chance of at most alpha, over the whole life of
the alarm. A drop late in a long quiet life would find the capital lost, so it is split: a part is bet from the
beginning on, the rest in equal parts, one from the start of each period (a day). Each part is split again over sizes
of bets, small ones for small drops.

    capital(t) = sum over parts and sizes of  weight * product of (1 + bet * (value - bound)),  plus what is not bet yet

References:
    Ville, 1939; Shin, Ramdas and Rinaldo, E-detectors, 2023, arXiv:2203.03532, for bets that start anew. With
    weights that sum to 1 the chance of a false alarm is bounded, not only their rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.types import FloatArray

BETS = 2.0 ** -np.arange(1, 7)
"""How much of the capital is risked: half of it, down to a 64th."""
AT_FIRST = 0.5
"""Part of the capital that is bet from the beginning on."""
MOST = 1e100


class DropAlarm:
    """The capital of a gambler against "values have a mean of at most `bound`, whatever came before".

    It can follow several streams at once, for simulations: then values come as arrays of one shape.

    Args:
        bound: what the mean is claimed not to exceed, in [-1, 1).
        n_periods: periods that the alarm lives, at least 1; later values count to the last one.

    Example:
        >>> alarm = DropAlarm(bound=0.02, n_periods=90)
        >>> for score_lost in [0.0, 1.0, 0.0, 1.0] * 20:
        ...     alarm.see(score_lost, period=3)
        >>> bool(alarm.capital > 100)
        True
    """

    def __init__(self, *, bound: float, n_periods: int) -> None:
        self._bound = bound
        self._bets = BETS / (1 + bound)
        self._share = (1 - AT_FIRST) / n_periods
        self._n_periods = n_periods
        self._periods_begun = 0
        self._at_work = np.full(len(BETS), AT_FIRST)

    def see(self, value: float | FloatArray, period: int) -> None:
        """Bets on a value, by what came before it.

        Args:
            value: in [-1, 1].
            period: in which it came, from 0; what comes in an earlier one than the last counts to that.
        """
        begun = min(period + 1, self._n_periods)
        if begun > self._periods_begun:
            self._at_work = self._at_work + self._share * (begun - self._periods_begun)
            self._periods_begun = begun
        gain = 1 + self._bets * (np.asarray(value, dtype=np.float64)[..., None] - self._bound)
        self._at_work = np.minimum(self._at_work * gain, MOST)

    @property
    def capital(self) -> FloatArray:
        """What 1 has become: evidence against the bound, 1 / alpha of which refutes it at level alpha."""
        waiting = self._share * (self._n_periods - self._periods_begun)
        return np.asarray(self._at_work.mean(axis=-1) + waiting)
