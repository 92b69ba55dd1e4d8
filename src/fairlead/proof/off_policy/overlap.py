"""Whether a log can tell anything of another policy, and how much more of it is needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.statistics.tails import log_spread

if TYPE_CHECKING:
    from fairlead.proof.off_policy.sample import Sample

MIN_EFFECTIVE = 25.0
"""Effective sessions; fewer give no interval that one could trust."""
MAX_LOG_SPREAD = 1.8
"""Standard deviation of the logarithm of one request's cost; beyond, intervals hold less often than they say."""

REFUSALS = {
    "few_sessions": "too few sessions went the other policy's way by chance",
    "heavy_tail": "costs differ by so many powers of ten that no interval could be trusted",
}
"""Why there is no estimate, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How much of a log speaks of the other policy."""

    n_requests: int
    n_sessions: int
    n_informative: int
    """Sessions that went the other policy's way, wholly or in part, where chance might have had it otherwise."""
    effective_sessions: float
    """Sessions of equal leverage that would tell as much."""
    max_weight: float
    """The largest weight of one request."""
    mean_weight: float
    """Near 1 where every action of the other policy had a chance."""
    log_spread: float
    """Standard deviation of the logarithm of what was observed, within actions; 0 where it is no cost."""

    @property
    def refusal(self) -> str | None:
        """A word of `REFUSALS`, where no estimate is to be had."""
        if self.n_informative == 0 and math.isclose(self.mean_weight, 1.0):
            return None  # nothing that the other policy does was left to chance: all of it is known
        if self.effective_sessions < MIN_EFFECTIVE - 1e-6:
            return "few_sessions"
        return "heavy_tail" if self.log_spread > MAX_LOG_SPREAD else None

    @property
    def sessions_needed(self) -> int | None:
        """About how many more sessions would do; `None` where none are missing, or that cannot be said."""
        if self.refusal != "few_sessions" or self.n_informative == 0:
            return None
        return math.ceil(self.n_sessions * (MIN_EFFECTIVE / self.effective_sessions - 1))


def overlap(sample: Sample, *, positive: bool = False) -> Overlap:
    """Returns how much of a sample speaks of the other policy.

    Args:
        sample: the log.
        positive: as of `Estimate.interval`: then its tail is looked at.
    """
    return Overlap(
        n_requests=len(sample),
        n_sessions=sample.n_sessions,
        n_informative=int((sample.leverage > 0).sum()),
        effective_sessions=float(sample.effective[-1]) if len(sample) else 0.0,
        max_weight=float(sample.weight.max(initial=0.0)),
        mean_weight=float(sample.weight.mean()) if len(sample) else 0.0,
        log_spread=log_spread(sample.observed, sample.taken) if positive else 0.0,
    )
