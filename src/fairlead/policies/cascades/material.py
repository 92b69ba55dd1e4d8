"""What a cascade learns from: training requests on which every candidate was measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from fairlead.policies.realised import Recorded
    from fairlead.types import BoolArray, IntArray, Predictions

Pair = tuple[tuple[int, ...], int]
"""Columns of a plan: whom to ask first, and whom then."""

STRENGTH = 30.0
"""Prompts at which a plan's own record begins to outweigh that of all plans."""

MIN_PROMPTS = 100
"""With answers to compare; below that there are no plans."""

PRICES = np.geomspace(0.005, 0.5, 16)
"""Points of quality, over the mean cost of a call to the reference: what that much money must buy."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """Training requests over the candidates that may serve, all of them measured."""

    names: tuple[str, ...]
    predictions: Predictions
    recorded: Recorded
    reference: int

    @classmethod
    def of(cls, predictions: Predictions, recorded: Recorded, columns: IntArray, reference: int) -> Self | None:
        """Returns the requests on which all of `columns` are known; `None` where there are none."""
        grids = (recorded.score, recorded.cost_usd, predictions.p_success, predictions.cost_usd)
        known = np.all([np.isfinite(grid[:, columns]).all(axis=1) for grid in grids], axis=0)
        if not known.any() or reference not in columns:
            return None
        return cls(
            names=tuple(predictions.candidates[column] for column in columns),
            predictions=predictions.columns(columns).rows(np.flatnonzero(known)),
            recorded=recorded.columns(columns).rows(np.flatnonzero(known)),
            reference=int(np.searchsorted(columns, reference)),
        )

    def rows(self, index: IntArray | BoolArray) -> Self:
        """Returns some of the requests."""
        at = np.arange(len(self.recorded.score))[index]
        return replace(self, predictions=self.predictions.rows(at), recorded=self.recorded.rows(at))

    @property
    def can_compare(self) -> bool:
        """Says whether there are enough answers to learn from."""
        answers = self.recorded.answers
        return answers is not None and int(((answers >= 0).sum(axis=1) > 1).sum()) >= MIN_PROMPTS

    @property
    def unit_usd(self) -> float:
        """Mean cost of a call to the reference."""
        return float(self.recorded.cost_usd[:, self.reference].mean())
