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
    from fairlead.types import FloatArray


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
    """Returns (n_sessions,) the variance if all sessions, at scale, were those that went the other policy's way.

    The scale is that of all requests up to a session, for all sessions up to it: where costs rise half-way, a scale for
    each of its own time would take the early ones for dear ones.
    """
    chance = sample.chance_spread > 0
    observed, expected, wanted = (
        _by_action(sample, np.where(chance, x, 0.0)) for x in (sample.observed, of_taken, of_wanted)
    )
    parts = np.hstack([observed, -expected])
    scale = np.hstack([_scale(own, wanted) for own in (observed, expected)])
    moved = np.zeros(len(parts))
    for part, of_part in zip(parts.T, scale.T, strict=True):  # the square of a sum: each part by all parts
        moved += of_part * (scale * np.cumsum(part[:, None] * parts, axis=0)).sum(axis=1)
    informative = np.cumsum(sample.leverage > 0)
    open_to_chance = np.cumsum(sample.by_session(chance.astype(np.float64)) > 0)
    return np.asarray(_typical(sample) ** 2 * np.maximum(moved, 0.0) * informative / np.maximum(open_to_chance, 1))


def _by_action(sample: Sample, values: FloatArray) -> FloatArray:
    """Returns (n_sessions, m) the sums over each session's requests with each action."""
    m = sample.wanted.shape[1]
    sums = np.bincount(sample.session * m + sample.taken, weights=values, minlength=sample.n_sessions * m)
    return np.asarray(sums.reshape(-1, m), dtype=np.float64)


def _scale(own: FloatArray, wanted: FloatArray) -> FloatArray:
    """Returns (n_sessions, m) what brings the mean of each action so far to that of the other policy."""
    so_far, aim = np.cumsum(own, axis=0), np.cumsum(wanted, axis=0)
    return np.asarray(np.divide(aim, so_far, out=np.ones_like(aim), where=so_far > 0))


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
