"""A quality floor under the savings: the cheapest, or the fastest, of those predicted to stay near the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from fairlead.errors import ConfigError
from fairlead.policies.base import Promise
from fairlead.policies.columns import cautious, chosen, column_of, highest, known_at, latency_p95_s
from fairlead.policies.single import SingleStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.policies.base import Choices, Circumstances
    from fairlead.types import FloatArray, Predictions


class Floor(SingleStep):
    """Serves the cheapest candidate whose predicted success is within `margin` of the reference's, request by request.

    Only a candidate that is predicted to be strictly cheaper replaces the reference. Where the reference's own success
    or cost is unknown nothing can be held against it, and it serves. Where it cannot serve, and nobody is within the
    margin, the likeliest to succeed does.

    Args:
        reference: name of the candidate that sets the floor; the router's reference where not given.
        margin: how much predicted success may be given up, in [0, 1].
        caution: standard deviations by which a candidate's own prediction must clear the floor, at least 0. Without it
            the cheapest of many within the margin is often one whose prediction was too high.

    Raises:
        ConfigError: `margin` is outside [0, 1], or `caution` below 0.

    Example:
        >>> Floor(reference="gpt-6.1-sol", margin=0.02)
        Floor(reference='gpt-6.1-sol', margin=0.02, caution=1.0)
    """

    within, outside = "cheapest_within_floor", "reference_within_floor"

    def __init__(self, *, reference: str | None = None, margin: float = 0.01, caution: float = 1.0) -> None:
        check_margin(margin)
        check_caution(caution)
        self.reference = reference
        self.margin = margin
        self.caution = caution

    @property
    def promise(self) -> Promise:
        """What it is held to: its margin must hold on average too."""
        return Promise(margin=self.margin)

    def choose(self, predictions: Predictions, circumstances: Circumstances) -> Choices:
        """Returns the one within the floor that spends least, or the reference."""
        reference = self.reference_column(predictions, circumstances)
        p_success, spent = cautious(predictions, self.caution), self.spent(predictions, circumstances)
        floor = known_at(reference, predictions.p_success) - self.margin
        keeps_floor = circumstances.eligible & (p_success >= floor[:, None])
        within = np.where(keeps_floor & np.isfinite(spent), spent, np.inf)
        less = within.min(axis=1) < known_at(reference, spent)
        wanted = np.where(less, within.argmin(axis=1), reference)
        reason = np.where(less, self.within, self.outside)
        preferred = [wanted, highest(p_success, circumstances)]
        return chosen(preferred, np.where(np.isnan(floor), "no_evidence", reason).tolist(), circumstances)

    def spent(self, predictions: Predictions, circumstances: Circumstances) -> FloatArray:  # noqa: ARG002 - see Latency
        """Returns (n, m) what it spends as little of as it can."""
        return predictions.cost_usd

    def reference_column(self, predictions: Predictions, circumstances: Circumstances) -> int:
        """Returns the column that sets the floor, -1 where it is not among the candidates."""
        return circumstances.reference if self.reference is None else column_of(self.reference, predictions)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Returns the same policy over candidates that carry other names: old name -> new name."""
        reference = None if self.reference is None else names.get(self.reference, self.reference)
        return type(self)(**self.params() | {"reference": reference})


class Latency(Floor):
    """Serves the fastest candidate whose predicted success is within `margin` of the reference's.

    Fast is the 95th percentile of the time to a complete answer: the larger of what is predicted for the request and
    what the host was lately measured at. A candidate of which neither is known is not called fast, and a reference of
    which neither is known serves. Its guard compares quality at equal time, so it needs a table with latencies.

    Args:
        reference: name of the candidate that sets the floor; the router's reference where not given.
        margin: how much predicted success may be given up, in [0, 1].
        caution: standard deviations by which a candidate's own prediction must clear the floor, at least 0.

    Raises:
        ConfigError: `margin` is outside [0, 1], or `caution` below 0.

    Example:
        >>> Latency(margin=0.02)
        Latency(reference=None, margin=0.02, caution=1.0)
    """

    within = "fastest_within_floor"

    @property
    def promise(self) -> Promise:
        """What it is held to: to gain over fixed choices as fast as it is, and to keep its margin on average."""
        return Promise(spends="latency_s", margin=self.margin)

    def spent(self, predictions: Predictions, circumstances: Circumstances) -> FloatArray:
        """Returns (n, m) the 95th percentile of the time to a complete answer."""
        return latency_p95_s(predictions, circumstances)


def check_margin(margin: float) -> None:
    """Raises ConfigError where `margin` is no share of the score."""
    if not 0 <= margin <= 1:
        message = f"`margin` is {margin}; expected a number in [0, 1], such as 0.01 for one point of quality."
        raise ConfigError(message)


def check_caution(caution: float) -> None:
    """Raises ConfigError where `caution` is not a number of standard deviations."""
    if not 0 <= caution < float("inf"):
        message = f"`caution` is {caution}; expected a number of standard deviations, at least 0, such as 1."
        raise ConfigError(message)
