"""How far a predicted chance can be trusted: Platt's map, and the scores that judge predictions.

Outcomes lie in [0, 1] and may be fractions. In every function here a NaN, in prediction or outcome, leaves its row out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairlead.errors import NotEnoughPointsError

if TYPE_CHECKING:
    from fairlead.types import FloatArray, IntArray

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


def calibration_errors_by_chance(
    predicted: FloatArray, *, groups: IntArray | None = None, n_bins: int = 10, n_draws: int = 200, seed: int = 0
) -> FloatArray:
    """Returns (n_draws,) calibration errors that predictions have whose outcomes are drawn from them: chance alone.

    Their mean is what to take off an error before it is read (the debiased error); their 95th percentile is the error
    that perfect calibration stays below in 19 cases of 20. Empty without rows.

    Args:
        predicted: (n,) chances; NaN leaves its row out.
        groups: (n,) rows with one label share their luck, as a prompt does that is tested twice.
        n_bins: as in `expected_calibration_error`.
        n_draws: how often.
        seed: of the draws.

    References:
        Brocker, Smith, Increasing the reliability of reliability diagrams, 2007 (consistency resampling).
    """
    known = ~np.isnan(predicted)
    p = np.sort(predicted[known])
    if not len(p):
        return np.empty(0)
    label = np.arange(len(p)) if groups is None else np.unique(groups[known], return_inverse=True)[1]
    label = label if groups is None else label[np.argsort(predicted[known], kind="stable")]
    luck = np.random.default_rng(seed).random((n_draws, int(label.max()) + 1))[:, label]
    gaps = p - (luck < p)
    starts = np.cumsum([0, *(len(part) for part in np.array_split(p, n_bins))])[:-1]
    starts = starts[starts < len(p)]
    errors: FloatArray = np.abs(np.add.reduceat(gaps, np.unique(starts), axis=1)).sum(axis=1) / len(p)
    return errors


def interval_coverage(
    predicted: FloatArray, sd: FloatArray, outcome: FloatArray, *, z: float = 1.645, n_bins: int = 10
) -> float:
    """Returns the share of bins of equal size whose mean outcome lies within `z` standard errors of the predicted mean.

    A standard error has two parts: what the predictor does not know, taken as common to all of a bin, and the noise of
    single outcomes. With an honest spread and z = 1.645 it is at least 0.9, up to the noise of few bins. NaN without
    rows.
    """
    known = ~(np.isnan(predicted) | np.isnan(outcome))
    order = np.flatnonzero(known)[np.argsort(predicted[known], kind="stable")]
    covered = [
        abs(float((outcome[part] - predicted[part]).mean()))
        <= z * float(np.sqrt(sd[part].mean() ** 2 + (predicted[part] * (1 - predicted[part])).mean() / len(part)))
        for part in np.array_split(order, n_bins)
        if len(part)
    ]
    return float(np.mean(covered)) if covered else float("nan")


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
    return float(outcome @ _below(predicted, 1 - outcome) / (n_success * n_failure))


def auc_terms(predicted: FloatArray, outcome: FloatArray) -> FloatArray:
    """Returns (n,) terms whose mean is the AUC, and whose mean over a resample is the AUC there, to first order.

    So an interval for it needs no sorting of every resample. NaN where a row or the AUC is not known.

    References:
        DeLong et al., Comparing the areas under two or more correlated receiver operating characteristic curves, 1988:
        the placements; their sum is the influence function.
    """
    terms = np.full(len(predicted), np.nan)
    known = ~(np.isnan(predicted) | np.isnan(outcome))
    p, y = predicted[known], outcome[known]
    n, n_success, n_failure = len(y), y.sum(), (1 - y).sum()
    if n_success > 0 and n_failure > 0:
        above = _below(p, 1 - y) / n_failure  # chance that this row is ranked above a failure
        under = 1 - _below(p, y) / n_success  # chance that it is ranked under a success
        area = float(y @ above / n_success)
        influence = n * (y * (above - area) / n_success + (1 - y) * (under - area) / n_failure)
        terms[known] = area + influence
    return terms


def _below(predicted: FloatArray, weight: FloatArray) -> FloatArray:
    """Returns the weight that is predicted below each row, ties counting half."""
    levels, level = np.unique(predicted, return_inverse=True)
    at = np.bincount(level, weights=weight, minlength=len(levels))
    below: FloatArray = (np.cumsum(at) - 0.5 * at)[level]
    return below


def _known(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    known = ~(np.isnan(first) | np.isnan(second))
    return first[known], second[known]
