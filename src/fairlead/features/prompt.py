"""The default features: what a request looks like, beside what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.features.ngrams import Ngrams
from fairlead.features.reading import read
from fairlead.features.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import FloatArray, Request


class PromptFeatures(Estimator):
    """The columns of `Surface`, then those of `Ngrams`; every request is read once for all of them."""

    def __init__(self, *, surface: Surface | None = None, ngrams: Ngrams | None = None) -> None:
        self.surface = surface or Surface()
        self.ngrams = ngrams or Ngrams()

    def fit(self, requests: Sequence[Request]) -> Self:
        """Fits both."""
        readings = [read(request) for request in requests]
        self.surface.fit_readings(readings)
        self.ngrams.fit_readings(readings)
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits both, and returns what `transform` would."""
        return self.fit(requests).transform(requests)

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_features)."""
        readings = [read(request) for request in requests]
        return np.hstack([self.surface.columns(readings), self.ngrams.columns(readings)])
