"""How many input tokens a model will bill: a line through what it billed before.

    input tokens  =  overhead  +  ratio x (characters / 4)

The overhead is what is sent beside the prompt (a template, definitions of tools), the ratio how a model's tokenizer
counts. Both are drawn towards those of all models, and these towards nothing and one, where labels are few.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator

if TYPE_CHECKING:
    from fairlead.types import FloatArray

_STRENGTH = 10.0  # requests at which what was billed begins to outweigh the prior


class InputTokens(Estimator):
    """Learns a line a model, from the tokens that a quarter of the characters would make.

    Example:
        >>> assumed = np.arange(100.0)
        >>> lines = InputTokens().fit(assumed, 30 + 1.5 * assumed[:, None])
        >>> lines.predict(np.array([200.0])).round()
        array([[330.]])
    """

    line_: FloatArray
    """(2, n_models) overhead and ratio; NaN where a model was never billed."""

    def fit(self, assumed: FloatArray, y: FloatArray) -> Self:
        """Learns from assumed tokens (n_requests,) and those billed (n_requests, n_models), NaN where not known."""
        self.forget()
        known = ~np.isnan(y)
        everywhere = np.tile(assumed[:, None], (1, y.shape[1]))
        pooled = _line(everywhere[known], y[known], np.array([0.0, 1.0]))
        lines = [_line(assumed[k], y[k, j], pooled) for j, k in enumerate(known.T)]
        self.line_ = np.where(known.any(axis=0), np.array(lines).reshape(-1, 2).T, np.nan)
        return self

    def predict(self, assumed: FloatArray) -> FloatArray:
        """Returns (n_requests, n_models) for assumed tokens (n_requests,); what was never billed is as assumed."""
        overhead, ratio = self._lines
        return np.asarray(overhead + ratio * assumed[:, None])

    @cached_property
    def _lines(self) -> FloatArray:
        """(2, 1, n_models) the line of each model; where none was learned the one that leaves tokens as they are."""
        return np.where(np.isnan(self.line_), [[0.0], [1.0]], self.line_)[:, None]


def _line(x: FloatArray, y: FloatArray, prior: FloatArray) -> FloatArray:
    """Returns overhead and ratio, neither negative, by least squares around those of `prior`."""
    columns = np.column_stack([np.ones(len(x)), x])
    # in units of a typical prompt, so that the prior counts as that many requests of such a length
    unit = np.array([1.0, max(float(np.square(x).mean()), 1.0) if len(x) else 1.0])
    strength = np.diag(_STRENGTH * unit)
    line = np.linalg.solve(columns.T @ columns + strength, columns.T @ y + strength @ prior)
    return np.asarray(np.maximum(line, 0.0))
