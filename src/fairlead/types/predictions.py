"""What each candidate is expected to do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fairlead.types.arrays import FloatArray, IntArray  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Sequence


# A decision makes one a candidate: a struct without keywords, which the collector passes by, takes a twentieth of the
# time of a frozen dataclass.
class Prediction(msgspec.Struct, frozen=True, gc=False):
    """What one candidate is expected to do on one request; `None` where nothing is known."""

    candidate: str
    p_success: float | None
    """Expected score, in [0, 1]."""
    p_success_sd: float | None
    output_tokens: float | None
    cost_usd: float | None
    latency_p95_s: float | None = None
    """Nineteen answers in twenty are expected to be complete within this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """The same for many requests: arrays of shape (n_requests, n_candidates), NaN where nothing is known."""

    candidates: tuple[str, ...]
    p_success: FloatArray
    p_success_sd: FloatArray
    output_tokens: FloatArray
    cost_usd: FloatArray
    latency_p95_s: FloatArray

    @classmethod
    def unknown(cls, candidates: tuple[str, ...], n_requests: int) -> Predictions:
        """Returns what is expected where nothing was learned: NaN throughout."""
        nan = np.full((n_requests, len(candidates)), np.nan)
        return cls(candidates=candidates, **dict.fromkeys(GRIDS, nan))

    def rows(self, index: IntArray) -> Predictions:
        """Returns the predictions of these requests, in this order."""
        return Predictions(candidates=self.candidates, **{name: getattr(self, name)[index] for name in GRIDS})

    def columns(self, index: IntArray) -> Predictions:
        """Returns the predictions of these candidates, in this order."""
        names = tuple(self.candidates[column] for column in index)
        return Predictions(candidates=names, **{name: getattr(self, name)[:, index] for name in GRIDS})

    def listed(self) -> list[tuple[Prediction, ...]]:
        """Returns the same, request by request: one prediction a candidate."""
        by_request = zip(*(getattr(self, name).tolist() for name in GRIDS), strict=True)
        return [tuple(map(Prediction, self.candidates, *map(_known, values))) for values in by_request]


GRIDS = ("p_success", "p_success_sd", "output_tokens", "cost_usd", "latency_p95_s")
"""The arrays of `Predictions`, in the order of the fields of `Prediction`."""


def _known(values: Sequence[float]) -> Sequence[float | None]:
    if math.isnan(sum(values)):
        return [None if math.isnan(value) else value for value in values]
    return values
