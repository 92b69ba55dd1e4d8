"""The features of the requests read last: who decides on them and then bounds their answers reads them once."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairlead.features.base import FeatureExtractor
    from fairlead.types import FloatArray, Request


MAX_KEPT = 256
"""Requests read at once that are remembered: as many as may come in at once; of a larger batch nobody asks again."""


class Latest:
    """Reads requests with fitted features, and one of those that were read before it not again.

    The same object, not an equal one, counts: to compare two prompts would cost as much as to hash them. None is kept
    alive. Threads may share this: what is kept is replaced as a whole.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Callable[[], Request | None], FloatArray]] = {}

    def of(self, features: FeatureExtractor, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_features)."""
        if len(requests) == 1 and (kept := self._kept.get(id(requests[0]))) and kept[0]() is requests[0]:
            return kept[1]
        x = features.transform(requests)
        if len(requests) <= MAX_KEPT:
            self._kept = {id(r): (weakref.ref(r), x[i : i + 1]) for i, r in enumerate(requests)}
        return x

    def __reduce__(self) -> tuple[type[Latest], tuple[()]]:
        """A copy starts with nothing: references as weak as ours cannot be pickled."""
        return (Latest, ())
