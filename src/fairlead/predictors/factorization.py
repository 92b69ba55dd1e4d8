"""All models at once: ridge regression along the directions in which models succeed and fail together.

    scores -completed-> full table -rotated-> components -ridge, one a component-> rotated back

Most of what can be seen in a prompt is how hard it is for everyone. That component rests on the labels of all models,
so it is nearly noiseless and needs little shrinkage; what sets two models apart is faint and needs much. A ridge per
model must choose one strength for both; a ridge per component need not.

References:
    Breiman, Friedman, Predicting multivariate responses in multiple linear regression (curds and whey), 1997.
    Matrix factorisation with the factors of prompts regressed on features: Zhuang et al., EmbedLLM, 2024,
    arXiv:2410.02223; here in closed form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairlead.predictors.completion import completed
from fairlead.predictors.linear import Linear
from fairlead.predictors.ridge import Design, Ridge

if TYPE_CHECKING:
    from fairlead.types import FloatArray


class Factorization(Linear):
    """Predicts each column of `y` from `x`; models share what they have in common.

    Args:
        n_dims: of the factors that stand in for what was not measured.
    """

    def __init__(self, *, n_dims: int = 4) -> None:
        self.n_dims = n_dims

    def fit_left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Fits, and returns (n_requests, n_models) left-out predictions, NaN where not measured.

        The regression leaves out all labels of a row; means and directions, which thousands of labels settle, stay.
        """
        mean, deviation = completed(y, self.n_dims)
        _, directions = np.linalg.eigh(deviation.T @ deviation)
        design = Design.of(x)
        components = deviation @ directions
        ridge = Ridge.chosen(design, components)
        n_labels = np.maximum((~np.isnan(y)).sum(axis=0), 1)
        self.group_ = np.zeros(y.shape[1], dtype=np.int64)
        self.centre_, self.leading_ = design.centre[None], design.leading[None].astype(np.float32)
        self.coefficients_ = design.eigenvectors @ ridge.coefficients @ directions.T
        self.intercept_ = mean + deviation.mean(axis=0) - design.centre @ self.coefficients_
        self.variance_ = np.square(directions) @ ridge.variance * (len(y) / n_labels)[:, None]
        left_out = np.where(np.isnan(y), np.nan, mean + ridge.left_out @ directions.T)
        noise = (np.nansum(np.square(left_out - y)) + 0.25) / (n_labels.sum() + 1)
        self.variance_[:, 0] += noise / n_labels
        self.variance_[np.isnan(mean)] = np.nan
        return left_out
