"""What every policy does: find a candidate's column, and end with a column that can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fairlead.policies.base import Choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.policies.base import Circumstances
    from fairlead.types import BoolArray, FloatArray, IntArray, Predictions

StrArray = npt.NDArray[np.str_]


def column_of(name: str, predictions: Predictions) -> int:
    """Returns the column of the candidate `name`, -1 where it is not among the candidates."""
    return predictions.candidates.index(name) if name in predictions.candidates else -1


def known_at(column: int, values: FloatArray) -> FloatArray:
    """Returns one column of (n, m) `values`; all NaN for column -1."""
    return values[:, column] if column >= 0 else np.full(len(values), np.nan)


def chosen(preferred: Sequence[IntArray], reason: StrArray, circumstances: Circumstances) -> Choices:
    """Returns for each request the first preferred column that can serve, else the reference, else the next in order.

    Args:
        preferred: (n,) columns each, in order of preference; -1 stands for nobody.
        reason: (n,) why the first of them is preferred; it holds only where that one serves.
        circumstances: who is eligible.
    """
    n = len(circumstances.eligible)
    first = circumstances.eligible.argmax(axis=1)
    for column in (np.full(n, circumstances.reference, dtype=np.int64), *reversed(preferred)):
        first = np.where(can_serve(column, circumstances.eligible), column, first)
    kept = np.where(first == preferred[0], reason, "reference_ineligible")
    return Choices(first=first, propensity=np.ones(n), reason=tuple(kept.tolist()))


def can_serve(column: IntArray, eligible: BoolArray) -> BoolArray:
    """Says for each request whether its column (-1 for nobody) is eligible."""
    able: BoolArray = (column >= 0) & eligible[np.arange(len(column)), column]
    return able
