"""The features of the requests read last: who decides on them and then bounds their answers reads them once."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairlead.features.base import FeatureExtractor
    from fairlead.types import FloatArray, Request

MAX_KEPT = 256
"""Requests read at once that are remembered: as many as may come in at once; of a larger batch nobody asks again."""


class Rows:
    """Requests that were read at once, and what was worked out for all of them when the first one asked."""

    def __init__(self, x: FloatArray, requests: Sequence[Request]) -> None:
        self.x = x
        """(n_requests, n_features)."""
        self.worked_out: dict[float, list[list[float]]] = {}
        """Level -> a row a request."""
        self._places: dict[int, tuple[Callable[[], Request | None], int]] = {
            id(request): (weakref.ref(request), i) for i, request in enumerate(requests)
        }

    def place(self, request: Request) -> int | None:
        """Returns the row of this very request, `None` where it is not among them."""
        seen, i = self._places.get(id(request), (None, 0))
        return i if seen is not None and seen() is request else None


class Latest:
    """Reads requests with fitted features, and one of those that were read before it not again.

    The same object, not an equal one, counts: to compare two prompts would cost as much as to hash them. None is kept
    alive. Threads may share this: what is kept is replaced as a whole.
    """

    def __init__(self) -> None:
        self._rows = Rows(np.empty((0, 0)), ())

    def of(self, features: FeatureExtractor, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_features)."""
        if len(requests) == 1:
            rows, i = self.among(features, requests[0])
            return rows.x[i : i + 1]
        x = features.transform(requests)
        if len(requests) <= MAX_KEPT:
            self._rows = Rows(x, requests)
        return x

    def among(self, features: FeatureExtractor, request: Request) -> tuple[Rows, int]:
        """Returns the requests that this one was read with, and its row."""
        rows = self._rows
        if (i := rows.place(request)) is not None:
            return rows, i
        self._rows = rows = Rows(features.transform([request]), [request])
        return rows, 0

    def __reduce__(self) -> tuple[type[Latest], tuple[()]]:
        """A copy starts with nothing: references as weak as ours cannot be pickled."""
        return (Latest, ())
