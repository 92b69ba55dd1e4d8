"""Complete sub-grids: rows and columns of a table that has holes, such that nothing between them is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.types import BoolArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Positions, both in rising order."""

    rows: IntArray
    columns: IntArray


def complete_grid(known: BoolArray, *, keep: Sequence[int] = ()) -> Grid:
    """Returns a large complete sub-grid: the best-covered columns, as many as make the most cells.

    The largest one of all is hard to find (maximum biclique); adding columns in order of coverage is exact where
    holes are nested, as they are when whole benchmarks were left out.

    Args:
        known: (n_rows, n_columns).
        keep: columns that must stay.
    """
    coverage = known.mean(axis=0) if len(known) else np.zeros(known.shape[1])
    coverage[list(keep)] = 2.0  # before all others
    order = np.argsort(-coverage, kind="stable")
    n_rows = np.logical_and.accumulate(known[:, order], axis=1).sum(axis=0)
    cells = n_rows * np.arange(1, len(order) + 1)
    cells[: max(len(keep) - 1, 0)] = -1
    columns = np.sort(order[: int(np.argmax(cells)) + 1]) if len(order) else order
    return Grid(rows=np.flatnonzero(known[:, columns].all(axis=1)), columns=columns)
