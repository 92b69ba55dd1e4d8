"""The default features: what a request looks like, beside what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.features.ngrams import Ngrams
from fairlead.features.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import FloatArray, Request


class PromptFeatures(Estimator):
    """The columns of `Surface`, then those of `Ngrams`."""

    def __init__(self, *, surface: Surface | None = None, ngrams: Ngrams | None = None) -> None:
        self.surface = surface or Surface()
        self.ngrams = ngrams or Ngrams()

    def fit(self, requests: Sequence[Request]) -> Self:
        """Fits both."""
        self.surface.fit(requests)
        self.ngrams.fit(requests)
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits both, and returns what `transform` would."""
        return np.hstack([self.surface.fit_transform(requests), self.ngrams.fit_transform(requests)])

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_features)."""
        return np.hstack([self.surface.transform(requests), self.ngrams.transform(requests)])
