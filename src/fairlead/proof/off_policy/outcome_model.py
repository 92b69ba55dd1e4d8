"""What an action is expected to come to: a line through what was predicted, with a shift for each action.

    observed = constant + slope * expected + shift[action]

Fitted to the requests on which the log did what the other policy would have done, each by its weight: where the model
is wrong it is least wrong there. It starts from the predictions as they are, at the weight of one request, so that a
few requests do not bend it far. Without predictions it is a mean for each action.

References:
    Hoerl and Kennard, Ridge regression, 1970. Farajtabar et al., More robust doubly robust off-policy evaluation, 2018,
    arXiv:1802.03493 (the weights).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.proof.off_policy.sample import Sample
    from fairlead.types import FloatArray, IntArray

STRENGTH = 1.0
"""Of the predictions as they are, in requests: an action seen that often is moved half of the way."""


class OutcomeModel:
    """The model, fitted as often as is wanted to parts of one sample."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        expected = sample.expected
        known = np.isfinite(expected)
        self._expected = np.where(known, expected, expected[known].mean() if known.any() else 0.0)
        self._taken_expected = self._expected[np.arange(len(sample)), sample.taken]

    def moments(self, part: IntArray, n_parts: int) -> FloatArray:
        """Returns (n_parts, k, k + 2) the normal equations of each part of the requests; those of parts add up.

        The last column counts the requests.

        Args:
            part: (n,) number of the part that each request belongs to.
            n_parts: how many there are.
        """
        z, w = self._design(), self._sample.weight
        one = np.divide(1.0, w, out=np.zeros_like(w), where=w > 0)
        rows = np.column_stack([z, self._sample.observed, one])
        return np.stack([(z[part == i] * w[part == i, None]).T @ rows[part == i] for i in range(n_parts)])

    def fitted(self, moments: FloatArray) -> FloatArray:
        """Returns (k,) constant, slope and shifts by normal equations; 0, 1 and zeros where there is nothing to fit."""
        gram, right, n = moments[:, :-2], moments[:, -2], moments[0, -1]
        start = np.zeros(len(right))
        start[1] = 1.0
        if not n > 0:
            return start
        ridge = np.full(len(right), STRENGTH * gram[0, 0] / n)
        ridge[1] *= max(gram[1, 1] / gram[0, 0], 1e-30)  # in the units of what was expected
        return np.asarray(start + np.linalg.solve(gram + np.diag(ridge), right - gram @ start))

    def of_taken(self, beta: FloatArray) -> FloatArray:
        """Returns (n,) what the action that was taken is expected to come to; `beta` is (k,) or (n, k)."""
        beta = np.atleast_2d(beta)
        shift = np.take_along_axis(np.broadcast_to(beta[:, 2:], self._expected.shape), self._sample.taken[:, None], 1)
        return np.asarray(beta[:, 0] + beta[:, 1] * self._taken_expected + shift[:, 0])

    def of_wanted(self, beta: FloatArray) -> FloatArray:
        """Returns (n,) what the other policy's action is expected to come to; `beta` is (k,) or (n, k)."""
        beta, wanted = np.atleast_2d(beta), self._sample.wanted
        of_action = beta[:, :1] + beta[:, 1:2] * self._expected + beta[:, 2:]
        return np.asarray((wanted * of_action).sum(axis=1))

    def _design(self) -> FloatArray:
        shifts = np.eye(self._expected.shape[1])[self._sample.taken]
        return np.column_stack([np.ones(len(shifts)), self._taken_expected, shifts])
