"""What every policy does: find a candidate's column, and end with a column that can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from fairlead.policies.base import Choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.policies.base import Circumstances
    from fairlead.types import BoolArray, FloatArray, IntArray, Predictions


def column_of(name: str, predictions: Predictions) -> int:
    """Returns the column of the candidate `name`, -1 where it is not among the candidates."""
    return predictions.candidates.index(name) if name in predictions.candidates else -1


def known_at(column: int, values: FloatArray) -> FloatArray:
    """Returns one column of (n, m) `values`; all NaN for column -1."""
    return values[:, column] if column >= 0 else np.full(len(values), np.nan)


def cautious(predictions: Predictions, caution: float) -> FloatArray:
    """Returns (n, m) the predicted success minus `caution` times its spread; unknown where either is unknown.

    Whoever is picked for looking best, or just good enough, tends to have been lucky in its prediction, the more so the
    less is known of it. So what the predictor is unsure of is held against a candidate.
    """
    return predictions.p_success - caution * predictions.p_success_sd if caution else predictions.p_success


def latency_p95_s(predictions: Predictions, circumstances: Circumstances) -> FloatArray:
    """Returns (n, m) the larger of what is predicted and what the host was lately measured at, NaN where neither is."""
    hosts = circumstances.host_latency_p95_s
    return predictions.latency_p95_s if hosts is None else np.fmax(predictions.latency_p95_s, hosts)


def highest(value: FloatArray, circumstances: Circumstances) -> IntArray:
    """Returns (n,) the eligible column with the highest known value, such as chance of success; -1 where none is."""
    known = np.where(circumstances.eligible & np.isfinite(value), value, -np.inf)
    return np.where(known.max(axis=1) > -np.inf, known.argmax(axis=1), -1)


def chosen(preferred: Sequence[IntArray], reason: Sequence[str] | str, circumstances: Circumstances) -> Choices:
    """Returns for each request the first preferred column that can serve, else the reference, else the next in order.

    Args:
        preferred: (n,) columns each, in order of preference; -1 stands for nobody.
        reason: why the first of them is preferred, (n,) or the same for all; it holds only where that one serves.
        circumstances: who is eligible.
    """
    n = len(circumstances.eligible)
    reasons = (reason,) * n if isinstance(reason, str) else tuple(reason)
    if all(can_serve(preferred[0], circumstances.eligible).tolist()):
        return Choices(first=preferred[0], propensity=np.ones(n), reason=reasons)
    first = circumstances.eligible.argmax(axis=1)
    for column in (np.full(n, circumstances.reference, dtype=np.int64), *reversed(preferred)):
        first = np.where(can_serve(column, circumstances.eligible), column, first)
    kept = zip((first == preferred[0]).tolist(), reasons, strict=True)
    told = tuple(why if as_preferred else "reference_ineligible" for as_preferred, why in kept)
    return Choices(first=first, propensity=np.ones(n), reason=told)


def either(where: BoolArray, reason: str, otherwise: str) -> list[str]:
    """Returns (n,) reasons: `reason` where so, else the other one."""
    return [reason if is_so else otherwise for is_so in where.tolist()]


def judged_only(unjudged: Sequence[str], predictions: Predictions, circumstances: Circumstances) -> Circumstances:
    """Returns the circumstances without these candidates, wherever somebody else can serve."""
    if not unjudged:
        return circumstances
    narrowed = circumstances.eligible & np.array([name not in unjudged for name in predictions.candidates])
    nobody = ~narrowed.any(axis=1, keepdims=True)
    return replace(circumstances, eligible=np.where(nobody, circumstances.eligible, narrowed))


def can_serve(column: IntArray, eligible: BoolArray) -> BoolArray:
    """Says for each request whether its column (-1 for nobody) is eligible."""
    n, m = eligible.shape
    able: BoolArray = (column >= 0) & eligible.take(column + np.arange(0, n * m, m))
    return able
