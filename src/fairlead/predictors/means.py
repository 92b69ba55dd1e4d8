"""The mean score of each model: what every predictor falls back on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairlead.types import FloatArray


def model_means(y: FloatArray) -> FloatArray:
    """Returns (n_models,) the mean of each column of `y` (n, n_models), NaN without labels.

    One pseudo-label at the mean of all models keeps a single success from being a certainty.
    """
    known = ~np.isnan(y)
    return shrunk_mean(np.where(known, y, 0.0).sum(axis=0), known.sum(axis=0))


def left_out_means(y: FloatArray) -> FloatArray:
    """Returns (n, n_models) the same without the row's own label, NaN where there is no other."""
    known = ~np.isnan(y)
    score = np.where(known, y, 0.0)
    return shrunk_mean(score.sum(axis=0) - score, known.sum(axis=0) - known)


def shrunk_mean(score: FloatArray, labels: FloatArray) -> FloatArray:
    """Returns the means from sums of scores and numbers of labels, (..., n_models) each."""
    overall = score.sum(axis=-1, keepdims=True) / np.maximum(labels.sum(axis=-1, keepdims=True), 1.0)
    return np.where(labels > 0, (score + overall) / (labels + 1.0), np.nan)
