"""The doubly robust estimate at every moment of a log, with limits that hold however often one looks.

The model is fitted to earlier sessions only, so that each session's error has mean zero given what came before: the
draw alone decides it. So costs may drift, and the limits speak of the requests up to each moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairlead.proof.counterfactual import MAX_LOG
from fairlead.proof.off_policy.outcome_model import OutcomeModel
from fairlead.proof.off_policy.spread import variance
from fairlead.statistics.bootstrap import Interval
from fairlead.statistics.sequences import mixture_radius

if TYPE_CHECKING:
    from fairlead.proof.off_policy.sample import Sample
    from fairlead.types import FloatArray, IntArray

FIRST_LOOK = 25
"""Effective sessions that it takes before anything is said."""
N_MORE = 2
"""Sessions that count beyond those that were seen: one more than for a single look, for what a sudden change brings."""
FIRST_FIT = 5
"""Sessions that must have gone that way before a model is fitted; until then predictions count as they are."""
GROWTH = 1.25
"""The model is fitted anew when there are so many times as many sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """The mean of a request under the other policy, after each session; NaN before the first look."""

    value: FloatArray
    """(n_sessions,)."""
    low: FloatArray
    """(n_sessions,) all of them hold at once."""
    high: FloatArray
    """(n_sessions,)."""

    @property
    def last(self) -> Interval | None:
        """The newest interval; `None` before the first look."""
        if not len(self.value) or math.isnan(self.low[-1]):
            return None
        return Interval(value=float(self.value[-1]), low=float(self.low[-1]), high=float(self.high[-1]))


def sequence(
    sample: Sample, *, positive: bool = False, bounds: tuple[float, float] | None = None, alpha: float = 0.05
) -> Sequence:
    """Returns estimate and limits after each session, in the order in which they began.

    Args:
        sample: the log.
        positive: as of `Estimate.interval`.
        bounds: of one observation, where it has any.
        alpha: chance that any limit is ever wrong.
    """
    if not len(sample):
        return Sequence(value=np.empty(0), low=np.empty(0), high=np.empty(0))
    of_taken, of_wanted = _foretold(sample)
    error = sample.weight * (sample.observed - of_taken)
    n = np.cumsum(sample.by_session(np.ones(len(sample))))
    total = np.cumsum(sample.by_session(of_wanted + error))
    half = _half(sample, of_taken, of_wanted, bounds, alpha)
    low, high = total - half, total + half
    if positive:
        above = total > 0
        factor = np.exp(np.minimum(np.divide(half, total, out=np.zeros_like(half), where=above), MAX_LOG))
        low, high = np.where(above, total / factor, low), np.where(above, total * factor, high)
    return Sequence(value=np.where(np.isnan(half), np.nan, total / n), low=low / n, high=high / n)


def _half(
    sample: Sample, of_taken: FloatArray, of_wanted: FloatArray, bounds: tuple[float, float] | None, alpha: float
) -> FloatArray:
    """Returns (n_sessions,) half of the interval of the total; NaN before the first look."""
    so_far = np.maximum.accumulate(variance(sample, of_taken, of_wanted, bounds=bounds, n_more=N_MORE))
    half = np.full(len(so_far), np.nan)
    looks = np.maximum.accumulate(sample.effective) >= FIRST_LOOK - 1e-6
    if looks.any() and so_far[-1] > 0:
        half[looks] = mixture_radius(so_far[looks], alpha=alpha)
    return half


def _foretold(sample: Sample) -> tuple[FloatArray, FloatArray]:
    """Returns what a model fitted to earlier sessions says of the taken and of the wanted action, (n,) each."""
    model, block = OutcomeModel(sample), _blocks(sample)[sample.session]
    n_blocks = int(block.max()) + 1
    before = np.cumsum(model.moments(block, n_blocks), axis=0)
    nothing = np.zeros_like(before[:1])
    beta = np.stack([model.fitted(moments) for moments in (*nothing, *before[:-1])])[block]
    return model.of_taken(beta), model.of_wanted(beta)


def _blocks(sample: Sample) -> IntArray:
    """Returns (n_sessions,) the number of the block that each belongs to: each is a share of all before it."""
    informative = sample.leverage > 0
    seen: IntArray = np.cumsum(informative) - informative
    grown = np.floor(np.log(np.maximum(seen, FIRST_FIT) / FIRST_FIT) / math.log(GROWTH)).astype(np.int64)
    return np.where(seen < FIRST_FIT, 0, grown + 1)
