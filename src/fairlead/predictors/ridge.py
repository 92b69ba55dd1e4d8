"""Ridge regression of many outcomes on one design, each with its own strength.

With centred features X (n, p), centred outcomes y and the eigenvectors V of X'X = V S V':

    coefficients    V (S + alpha)^-1 V' X' y
    leverage        h_i = 1/n + z_i' (S + alpha)^-1 z_i,  z = V' x        so a row's error, had it been left out, is
    left-out error  (y_i - prediction_i) / (1 - h_i)                      known without fitting again
    spread^2        noise (1/n + z' (S + alpha)^-1 z)                     the variance of the mean under the ridge prior

Along the many directions in which features hardly vary, (S + alpha)^-1 is nearly the same. So the spread needs the
leading directions alone, and the squared distance |x|^2 = |z|^2 for the rest: a tenth of the work of a prediction.

`alpha`, of each outcome, has the smallest mean squared left-out error.

References:
    Hoerl, Kennard, Ridge regression, 1970. Allen, The relationship between variable selection and data augmentation
    (PRESS), 1974.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from fairlead.types import FloatArray

ALPHAS = np.logspace(0, 6, 13)
"""Ridge strengths to choose from; the largest leaves little but the mean."""

N_LEADING = 64
"""Directions that the spread tells apart."""

_PRIOR_SQUARED_ERROR = 0.25  # one pseudo-label, as noisy as a fair coin: ten successes in ten are no certainty


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Training features in the coordinates of their eigenvectors."""

    centre: FloatArray
    """(p,)."""
    eigenvectors: FloatArray
    """(p, p), one a column."""
    eigenvalues: FloatArray
    """(p,)."""
    z: FloatArray
    """(n, p)."""

    @property
    def leading(self) -> FloatArray:
        """(p, k) the eigenvectors that the spread tells apart."""
        return self.eigenvectors[:, -N_LEADING:]

    @classmethod
    def of(cls, x: FloatArray) -> Self:
        """Returns the design of the features `x` (n, p)."""
        centre = x.mean(axis=0)
        centred = x - centre
        eigenvalues, eigenvectors = np.linalg.eigh(centred.T @ centred)
        return cls(
            centre=centre,
            eigenvectors=eigenvectors,
            eigenvalues=np.maximum(eigenvalues, 0.0),
            z=centred @ eigenvectors,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """The solution, in the coordinates of the eigenvectors."""

    coefficients: FloatArray
    """(p, m)."""
    variance: FloatArray
    """(m, 2 + k): of the mean at the centre, per squared distance from it, and beyond that along each of `leading`."""
    left_out: FloatArray
    """(n, m) predictions, each made without its row; NaN for a single row."""

    @classmethod
    def chosen(cls, design: Design, y: FloatArray) -> Self:
        """Returns, for each column of `y` (n, m), the ridge with the smallest left-out error."""
        n, residual = len(y), y - y.mean(axis=0)
        projected, z_squared = design.z.T @ residual, np.square(design.z)
        error = np.empty((len(ALPHAS), *y.shape))
        for k, alpha in enumerate(ALPHAS):
            inverse = 1.0 / (design.eigenvalues + alpha)
            left = 1.0 - 1.0 / n - z_squared @ inverse
            error[k] = (residual - design.z @ (projected * inverse[:, None])) / np.maximum(left, 1e-9)[:, None]
        squared_error = np.square(error).sum(axis=1)
        best = squared_error.argmin(axis=0)
        inverse = 1.0 / (design.eigenvalues[:, None] + ALPHAS[best])
        noise = (squared_error.min(axis=0) + _PRIOR_SQUARED_ERROR) / (n + 1)
        elsewhere = inverse[:-N_LEADING].mean(axis=0) if len(inverse) > N_LEADING else np.zeros(y.shape[1])
        variance = np.vstack([np.full(y.shape[1], 1.0 / n), elsewhere, inverse[-N_LEADING:] - elsewhere])
        return cls(
            coefficients=projected * inverse,
            variance=(noise * variance).T,
            left_out=y - error[best, :, np.arange(y.shape[1])].T if n > 1 else np.full(y.shape, np.nan),
        )
