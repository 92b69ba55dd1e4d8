"""Predictions for rows that the predictor was not fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairlead.predictors.base import Estimate

if TYPE_CHECKING:
    from fairlead.predictors.base import Predictor
    from fairlead.types import FloatArray, IntArray


def folds(x: FloatArray, *, n_folds: int, seed: int) -> IntArray:
    """Returns (n_requests,) the fold of each row; equal rows, which come from repeated prompts, share one."""
    _, group = np.unique(x, axis=0, return_inverse=True)
    return folds_of_groups(group.reshape(-1), n_folds=n_folds, seed=seed)


def folds_of_groups(group: IntArray, *, n_folds: int, seed: int) -> IntArray:
    """Returns (n_requests,) the fold of each row; rows of one group share one, and folds have about as many groups."""
    n_groups = int(group.max(initial=-1)) + 1
    fold_of_group = np.random.default_rng(seed).permutation(n_groups) % n_folds
    return np.asarray(fold_of_group[group])


def out_of_fold(predictor: Predictor, x: FloatArray, y: FloatArray, fold: IntArray) -> Estimate:
    """Returns, for each row, the prediction of a clone that was fitted on the other folds only."""
    mean, sd = np.full(y.shape, np.nan), np.full(y.shape, np.nan)
    for held_out in np.unique(fold):
        inside = fold == held_out
        if inside.all():
            continue  # a single fold leaves nothing to learn from
        estimate = predictor.clone().fit(x[~inside], y[~inside]).predict(x[inside])
        mean[inside], sd[inside] = estimate.mean, estimate.sd
    return Estimate(mean=mean, sd=sd)
