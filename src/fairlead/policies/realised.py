"""What a policy's decisions came to, request by request, where it is on record what every candidate did.

The hull guard and the offline figures see a policy through this alone. A policy that calls one candidate a request gets
it from `SingleStep`; one whose plan has several calls says itself what the whole plan scored, cost and took.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What m candidates did on n requests, (n, m) in the order of the predictions; NaN where it was not measured."""

    score: FloatArray
    cost_usd: FloatArray
    latency_s: FloatArray | None = None
    """`None` where no time was taken."""
    output_tokens: FloatArray | None = None
    answers: IntArray | None = None
    """Equal numbers of a row are equal final answers, -1 is none; `None` where answers are not on record."""
    answer_form: IntArray | None = None
    """(n,) place in `answers.FORMS` of the form that the prompt asks for."""

    def rows(self, rows: IntArray) -> Self:
        """Returns the same of these requests."""
        return self._each(lambda grid: grid[rows])

    def columns(self, columns: IntArray) -> Self:
        """Returns the same of these candidates."""
        return self._each(lambda grid: grid[:, columns] if grid.ndim == 2 else grid)

    def _each(self, part: Callable[[Any], Any]) -> Self:
        grids: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        parts: dict[str, Any] = {name: None if grid is None else part(grid) for name, grid in grids.items()}
        return type(self)(**parts)

    def of(self, column: IntArray) -> Realised:
        """Returns what the candidate in `column` (n,) did on each request."""
        row = np.arange(len(column))
        unknown = np.full(len(column), np.nan)
        return Realised(
            score=self.score[row, column],
            cost_usd=self.cost_usd[row, column],
            latency_s=unknown if self.latency_s is None else self.latency_s[row, column],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Realised:
    """What n decisions came to, (n,) each, all calls of a plan together; NaN where a call was not measured."""

    score: FloatArray
    """Of the answer that is delivered, in [0, 1]."""
    cost_usd: FloatArray
    """The sum over the calls."""
    latency_s: FloatArray
    """Until the answer is there: calls side by side count once, calls one after another add up."""
