"""Logistic regression under normal priors: few labels leave a coefficient where its prior put it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairlead.statistics.calibration import sigmoid

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray

_N_STEPS = 25
_LONGEST_STEP = 1.0
_FLATTEST = 1e-3  # of the curvature: where all is certain a full Newton step has no bound
_CLOSEST = 1e-3  # to certainty, of a chance whose log odds are a feature


def log_odds(p: FloatArray) -> FloatArray:
    """Returns log(p / (1 - p)), bounded: a prediction that is sure of itself is not taken at its word."""
    bounded = np.clip(p, _CLOSEST, 1.0 - _CLOSEST)
    return np.asarray(np.log(bounded) - np.log1p(-bounded))


def fit_logistic(
    x: FloatArray, y: FloatArray, *, prior: FloatArray, precision: FloatArray, weight: float = 1.0
) -> FloatArray:
    """Returns the coefficients (k,) with the highest posterior density.

    Args:
        x: (n, k).
        y: (n,) in [0, 1].
        prior: (k,) mean of each coefficient.
        precision: (k,) 1 / variance of each.
        weight: of a row; below 1 where rows repeat one another.
    """
    beta = prior.astype(np.float64)
    for _ in range(_N_STEPS):
        p = sigmoid(x @ beta)
        gradient = weight * (x.T @ (p - y)) + precision * (beta - prior)
        curvature = weight * np.maximum(p * (1 - p), _FLATTEST)
        step = np.linalg.solve((x * curvature[:, None]).T @ x + np.diag(precision), gradient)
        size = float(np.abs(step).max())
        beta = beta - step * min(1.0, _LONGEST_STEP / max(size, 1e-12))
        if size < 1e-6:
            break
    return beta


def fit_offsets(logit: FloatArray, y: FloatArray, group: IntArray, n_groups: int, *, strength: float) -> FloatArray:
    """Returns what is added to the logits of each group (n_groups,), shrunk to zero.

    Args:
        logit: (n,) what is predicted without it.
        y: (n,) in [0, 1].
        group: (n,) whole numbers below `n_groups`.
        n_groups: how many there are.
        strength: precision of the prior around zero.
    """
    offset = np.zeros(n_groups)
    for _ in range(_N_STEPS):
        p = sigmoid(logit + offset[group])
        gradient = np.bincount(group, p - y, n_groups) + strength * offset
        step = gradient / (np.bincount(group, np.maximum(p * (1 - p), _FLATTEST), n_groups) + strength)
        offset = offset - np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        if np.abs(step).max() < 1e-6:
            break
    return offset
