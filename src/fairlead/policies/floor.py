"""A quality floor under the savings: the cheapest candidate predicted to stay close to the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.errors import ConfigError
from fairlead.policies.base import Promise
from fairlead.policies.columns import chosen, column_of, known_at
from fairlead.policies.single import SingleStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.policies.base import Choices, Circumstances
    from fairlead.types import Predictions


class Floor(SingleStep):
    """Serves the cheapest candidate whose predicted success is within `margin` of the reference's.

    Only a candidate that is predicted to be strictly cheaper replaces the reference. Where the reference's own success
    or cost is unknown nothing can be held against it, and it serves.

    Args:
        reference: name of the candidate that sets the floor; the router's reference where not given.
        margin: how much predicted success may be given up, in [0, 1].

    Raises:
        ConfigError: `margin` is outside [0, 1].

    Example:
        >>> Floor(reference="gpt-6.1-sol", margin=0.02)
        Floor(reference='gpt-6.1-sol', margin=0.02)
    """

    def __init__(self, *, reference: str | None = None, margin: float = 0.01) -> None:
        if not 0 <= margin <= 1:
            message = f"`margin` is {margin}; expected a number in [0, 1], such as 0.01 for one point of quality."
            raise ConfigError(message)
        self.reference = reference
        self.margin = margin

    @property
    def promise(self) -> Promise:
        """What it is held to: its margin must hold on average too."""
        return Promise(margin=self.margin)

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns the cheapest within the floor, or the reference."""
        reference = self.reference_column(predictions, circumstances)
        floor = known_at(reference, predictions.p_success) - self.margin
        keeps_floor = circumstances.eligible & (predictions.p_success >= floor[:, None])
        cost_usd = np.where(keeps_floor & np.isfinite(predictions.cost_usd), predictions.cost_usd, np.inf)
        cheaper = cost_usd.min(axis=1) < known_at(reference, predictions.cost_usd)
        reason = np.where(cheaper, "cheapest_within_floor", "reference_within_floor")
        wanted = np.where(cheaper, cost_usd.argmin(axis=1), reference)
        return chosen([wanted], np.where(np.isnan(floor), "no_evidence", reason), circumstances)

    def reference_column(self, predictions: Predictions, circumstances: Circumstances) -> int:
        """Returns the column that sets the floor, -1 where it is not among the candidates."""
        return circumstances.reference if self.reference is None else column_of(self.reference, predictions)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Returns the same policy over candidates that carry other names: old name -> new name."""
        reference = None if self.reference is None else names.get(self.reference, self.reference)
        return type(self)(reference=reference, margin=self.margin)
