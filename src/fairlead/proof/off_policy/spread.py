"""How far an estimate is likely off: from the sessions that were seen, and from what one more could bring.

What was seen alone is too hopeful. Twenty sessions of right answers would prove that there is no wrong one, and an
interval of costs would forget the dear session that happens once in a hundred. So

    one more session    counts, as far off as the farthest seen; one more request as far as the bounds allow
    the other sessions  count where they tell of a wider spread: what they cost, at the scale of what the other policy
                        is expected to cost, has a tail as well, and there are many more of them
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.proof.off_policy.sample import Sample
    from fairlead.types import BoolArray, FloatArray


def variance(
    sample: Sample,
    of_taken: FloatArray,
    of_wanted: FloatArray,
    *,
    bounds: tuple[float, float] | None = None,
    n_more: int = 1,
) -> FloatArray:
    """Returns (n_sessions,) the variance of the estimate's total, as known after each session.

    Args:
        sample: the log.
        of_taken: (n,) what is expected of the action that was taken.
        of_wanted: (n,) of the other policy's.
        bounds: of one observation, where it has any.
        n_more: sessions that count beyond those that were seen, each as far off as the farthest.
    """
    error = sample.weight * (sample.observed - of_taken)
    spread = sample.by_session(error * sample.chance_spread) ** 2
    seen, farthest = np.cumsum(spread), n_more * np.maximum.accumulate(spread)
    if bounds is None:
        return np.asarray(np.maximum(seen, _of_all(sample, of_taken, of_wanted)) + farthest)
    return np.asarray(seen + np.maximum(farthest, (_typical(sample) * _reach(sample, bounds)) ** 2))


def _of_all(sample: Sample, of_taken: FloatArray, of_wanted: FloatArray) -> FloatArray:
    """Returns (n_sessions,) the variance if all sessions, at scale, were those that went the other policy's way."""
    chance = sample.chance_spread > 0
    error = _at_scale(sample, sample.observed, of_wanted, chance) - _at_scale(sample, of_taken, of_wanted, chance)
    moved = (_typical(sample) * sample.by_session(np.where(chance, error, 0.0))) ** 2
    informative = np.cumsum(sample.leverage > 0)
    open_to_chance = np.cumsum(sample.by_session(chance.astype(np.float64)) > 0)
    return np.cumsum(moved) * informative / np.maximum(open_to_chance, 1)


def _at_scale(sample: Sample, values: FloatArray, of_wanted: FloatArray, chance: BoolArray) -> FloatArray:
    """Returns (n,) values with the mean so far, over the requests of each action, that the other policy would have."""
    mean, own = (_so_far(sample, np.where(chance, x, 0.0)) for x in (of_wanted, values))
    return np.asarray(values * np.divide(mean, own, out=np.ones_like(own), where=own > 0))


def _so_far(sample: Sample, values: FloatArray) -> FloatArray:
    """Returns (n,) the sum of values over all requests with the same action, up to the end of the session."""
    m = sample.wanted.shape[1]
    sums = np.bincount(sample.session * m + sample.taken, weights=values, minlength=sample.n_sessions * m)
    return np.asarray(np.cumsum(sums.reshape(-1, m), axis=0)[sample.session, sample.taken], dtype=np.float64)


def _typical(sample: Sample) -> FloatArray:
    """Returns (n_sessions,) how far chance moves the estimate where one request is off by 1."""
    moved = sample.weight * sample.chance_spread
    square, n = sample.by_session(moved**2), sample.by_session((moved > 0).astype(np.float64))
    return np.asarray(np.sqrt(np.cumsum(square) / np.maximum(np.cumsum(n), 1)))


def _reach(sample: Sample, bounds: tuple[float, float]) -> FloatArray:
    """Returns (n_sessions,) how far the bounds are from the mean so far."""
    weight = np.cumsum(sample.by_session(sample.weight))
    seen = np.cumsum(sample.by_session(sample.weight * sample.observed))
    mean = np.divide(seen, weight, out=np.full_like(seen, (bounds[0] + bounds[1]) / 2), where=weight > 0)
    return np.maximum(mean - bounds[0], bounds[1] - mean)
