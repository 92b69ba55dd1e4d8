"""What the estimators read of a log: who was called by which chance, and whom another policy would have called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class Sample:
    """n requests over m actions; an action is a candidate, or a whole plan that weighs answers."""

    session: IntArray
    """(n,) number of the session, from 0 in the order in which they began."""
    taken: IntArray
    """(n,) action that was taken."""
    propensity: FloatArray
    """(n,) chance with which it was taken, above 0."""
    wanted: FloatArray
    """(n, m) chance with which the other policy takes each action."""
    expected: FloatArray
    """(n, m) what was expected of each action before the draw; NaN where nothing was."""
    observed: FloatArray
    """(n,) what happened: USD, score or seconds."""

    def __len__(self) -> int:
        return len(self.session)

    @cached_property
    def n_sessions(self) -> int:
        """Number of sessions."""
        return int(self.session.max()) + 1 if len(self) else 0

    @cached_property
    def weight(self) -> FloatArray:
        """(n,) how much more often the other policy takes the action than the log's did."""
        return np.asarray(self.wanted[np.arange(len(self)), self.taken] / self.propensity)

    @cached_property
    def chance_spread(self) -> FloatArray:
        """(n,) the standard deviation that the draw gives a weight of 1, where the other policy draws nothing.

        0 where the action was certain: what it came to is known, and adds no uncertainty. The other policy's own draws
        are counted as if all of the weight were uncertain.
        """
        certain = self.wanted.max(axis=1) >= 1 - 1e-9
        return np.sqrt(np.where(certain, 1 - self.propensity, 1.0))

    @cached_property
    def leverage(self) -> FloatArray:
        """(n_sessions,) how far chance moves the estimate where each request of a session is off by 1; design alone."""
        return self.by_session(self.weight * self.chance_spread)

    @cached_property
    def effective(self) -> FloatArray:
        """(n_sessions,) sessions of equal weight that tell as much as all up to this one, whatever their length."""
        n_requests = self.by_session(np.ones(len(self)))
        square = (self.leverage / np.maximum(n_requests, 1)) ** 2
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(np.cumsum(square) ** 2 / np.cumsum(square**2))

    def by_session(self, values: FloatArray) -> FloatArray:
        """Returns (n_sessions,) the sums over each session's requests."""
        return np.asarray(np.bincount(self.session, weights=values, minlength=self.n_sessions), dtype=np.float64)
