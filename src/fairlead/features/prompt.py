"""The default features: what a request looks like, beside what it is about, in its tables' words and in general."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.features.ngrams import Ngrams
from fairlead.features.reading import read
from fairlead.features.static import Static
from fairlead.features.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import FloatArray, Request


class PromptFeatures(Estimator):
    """The columns of `Surface`, `Ngrams` and `Static`; every request is read once for all of them."""

    def __init__(
        self, *, surface: Surface | None = None, ngrams: Ngrams | None = None, static: Static | None = None
    ) -> None:
        self.surface = surface or Surface()
        self.ngrams = ngrams or Ngrams()
        self.static = static or Static()

    def fit(self, requests: Sequence[Request]) -> Self:
        """Fits all parts."""
        readings = [read(request) for request in requests]
        for part in self._parts:
            part.fit_readings(readings)
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits all parts, and returns what `transform` would."""
        readings = [read(request) for request in requests]
        return np.hstack([part.fit_readings(readings).columns(readings) for part in self._parts])

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_features)."""
        readings = [read(request) for request in requests]
        return np.hstack([part.columns(readings) for part in self._parts])

    @property
    def _parts(self) -> tuple[Surface, Ngrams, Static]:
        return self.surface, self.ngrams, self.static
