"""Features that need no prompts of one's own to be learned from, so that they mean the same on every table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.estimator import Estimator
from fairlead.features.reading import read
from fairlead.features.static import Static
from fairlead.features.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.features.reading import Reading
    from fairlead.types import FloatArray, Request


class General(Estimator):
    """The columns of `Surface` and `Static`: what the shipped prior reads.

    N-grams are left out: their projection is learned from the words of a table, and would carry them along.
    """

    def __init__(self, *, surface: Surface | None = None, static: Static | None = None) -> None:
        self.surface = surface or Surface()
        self.static = static or Static()

    def fit(self, requests: Sequence[Request]) -> Self:
        """Fits both parts."""
        self.surface.fit(requests)
        self.static.fit(requests)
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits both parts, and returns what `transform` would."""
        return self.fit(requests).transform(requests)

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_features)."""
        return self.columns([read(request) for request in requests])

    def columns(self, readings: Sequence[Reading]) -> FloatArray:
        """Returns the same for requests that were read already."""
        return np.hstack([self.surface.columns(readings), self.static.columns(readings)])
