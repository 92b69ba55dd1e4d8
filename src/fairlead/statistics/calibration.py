"""How far a predicted chance can be trusted: Platt's map, and the scores that judge predictions.

Outcomes lie in [0, 1] and may be fractions. In every function here a NaN, in prediction or outcome, leaves its row out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairlead.errors import NotEnoughPointsError

if TYPE_CHECKING:
    from fairlead.types import FloatArray

_N_NEWTON_STEPS = 25


def sigmoid(logit: FloatArray) -> FloatArray:
    """Returns 1 / (1 + exp(-logit)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logit)))


def platt(logit: FloatArray, outcome: FloatArray, *, strength: float) -> tuple[float, float]:
    """Returns slope and offset such that sigmoid(slope * logit + offset) fits the outcomes.

    Maximum a posteriori under normal priors around slope 1 and offset 0: with few labels it stays close to no change.

    Args:
        logit: (n,) log odds of the predicted chances.
        outcome: (n,) in [0, 1].
        strength: precision of both priors; about the number of labels at which data begin to outweigh them.

    References:
        Platt, Probabilistic outputs for support vector machines, 1999.
    """
    logit, outcome = _known(logit, outcome)
    prior = np.array([1.0, 0.0])
    x = np.column_stack([logit, np.ones(len(logit))])
    beta = prior
    for _ in range(_N_NEWTON_STEPS):
        p = sigmoid(x @ beta)
        gradient = x.T @ (p - outcome) + strength * (beta - prior)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + strength * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        beta = beta - step
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[0]), float(beta[1])


def brier(predicted: FloatArray, outcome: FloatArray) -> float:
    """Returns the mean squared difference, in [0, 1]; lower is better, NaN without rows."""
    predicted, outcome = _known(predicted, outcome)
    return float(np.square(predicted - outcome).mean()) if len(predicted) else float("nan")


def expected_calibration_error(predicted: FloatArray, outcome: FloatArray, *, n_bins: int = 10) -> float:
    """Returns the mean distance, in [0, 1], between predicted and observed means over bins of equal size.

    It is never below zero, so chance alone makes it positive: about 0.4 / sqrt(n / n_bins) for perfect predictions near
    one half. NaN without rows.
    """
    predicted, outcome = _known(predicted, outcome)
    if not len(predicted):
        return float("nan")
    by_prediction = np.argsort(predicted, kind="stable")
    gaps = (predicted - outcome)[by_prediction]
    return float(sum(abs(part.sum()) for part in np.array_split(gaps, n_bins)) / len(gaps))


def auc(predicted: FloatArray, outcome: FloatArray) -> float:
    """Returns the chance that a success is ranked above a failure, ties counting half.

    A fractional outcome counts as that much of a success and the rest of a failure.

    Raises:
        NotEnoughPointsError: there is no success, or no failure.

    Example:
        >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
        0.75
    """
    predicted, outcome = _known(predicted, outcome)
    n_success, n_failure = outcome.sum(), (1 - outcome).sum()
    if not (n_success > 0 and n_failure > 0):
        raise NotEnoughPointsError("AUC needs at least one success and one failure.")
    levels, level = np.unique(predicted, return_inverse=True)
    failures = np.bincount(level, weights=1 - outcome, minlength=len(levels))
    failures_at_or_below = np.cumsum(failures)
    won = failures_at_or_below - 0.5 * failures
    return float(outcome @ won[level] / (n_success * n_failure))


def _known(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    known = ~(np.isnan(first) | np.isnan(second))
    return first[known], second[known]
