"""The contract of features: requests in, numbers out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from fairlead.estimator import Component

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import FloatArray, Request


class FeatureExtractor(Component, Protocol):
    """Turns requests into rows of numbers; pure, reads the request and nothing else."""

    def fit(self, requests: Sequence[Request]) -> Self:
        """Learns what it needs (scales, a projection) from training requests."""
        ...

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits, and returns what `transform` of the same requests would, reading them once where that is possible."""
        ...

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_features), finite; one row depends on its own request alone."""
        ...
