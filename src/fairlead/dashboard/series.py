"""Spend, saving and quality over time: what was paid in each slice, and what could be stated at its end.

Whoever looks every day sees many intervals. Those of a statement hold one by one; here they are confidence sequences,
which hold all at once: the doubly robust estimate of what the reference would have come to, at every moment.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fairlead.proof.cases import CERTAIN, spread_of_costs
from fairlead.proof.comparison import paid_usd
from fairlead.proof.off_policy import Sample, sequence
from fairlead.proof.off_policy.overlap import MAX_LOG_SPREAD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from fairlead.ledger.sources import Kind
    from fairlead.proof.cases import Case
    from fairlead.types import FloatArray, IntArray

N_SLICES = 24
MIN_SLICE = timedelta(minutes=1)


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with its interval; with 95 % all of a series hold."""

    value: float
    low: float
    high: float


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the period; estimates rest on the sessions that began from the start of the period to its end."""

    end: int
    """Unix time, seconds."""
    n_requests: int
    policy_usd: float
    control_usd: float
    own_usd: float
    """Of judges and shadow copies."""
    saving_share: Estimate | None
    """`None` before enough was seen, and where costs have too heavy a tail for any interval."""
    quality: Estimate | None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The slices of a period, in order."""

    slices: tuple[Slice, ...]


def series(cases: Sequence[Case], kind: Kind | None = None) -> Series:
    """Returns the slices between the first and the last of these cases.

    Args:
        cases: in order of time.
        kind: of source whose scores count, as in the statement; `None` for whatever score counts of each answer.
    """
    if not cases:
        return Series(slices=())
    start, end = cases[0].at, cases[-1].at
    step = max((end - start) / N_SLICES, MIN_SLICE)
    ends = [start + step * (i + 1) for i in range(N_SLICES) if start + step * i <= end]
    ends[-1] = max(ends[-1], end + MIN_SLICE)  # the last one holds the last request
    compared = [case for case in cases if case.barred is None and _had_chance(case)]
    saved = Course.of(compared, lambda case: case.expected_cost_usd, lambda case: float(case.cost_usd or 0))
    scored = [case for case in (case.by(kind) for case in compared) if case.score is not None]
    valued = Course.of(scored, lambda case: case.expected_score, lambda case: case.score or 0.0, bounds=(0.0, 1.0))
    trusted = spread_of_costs(compared) <= MAX_LOG_SPREAD
    slices, begin = [], 0
    for moment in ends:
        stop = begin + sum(case.at < moment for case in cases[begin:])
        share = saved.saving_share(moment) if trusted else None
        slices.append(_slice(moment, cases[begin:stop], share, valued.difference(moment)))
        begin = stop
    return Series(slices=tuple(slices))


def _had_chance(case: Case) -> bool:
    """Says whether the reference could have been asked: a log of before the control arm tells nothing of it."""
    return case.asks_reference or case.propensity < CERTAIN


def _slice(end: datetime, inside: Sequence[Case], saving_share: Estimate | None, quality: Estimate | None) -> Slice:
    asked = [case for case in inside if case.purpose == "serve"]
    return Slice(
        end=int(end.timestamp()),
        n_requests=len(asked),
        policy_usd=float(paid_usd(case for case in asked if case.arm == "policy")),
        control_usd=float(paid_usd(case for case in asked if case.arm == "control")),
        own_usd=float(paid_usd(case for case in inside if case.purpose != "serve")),
        saving_share=saving_share,
        quality=quality,
    )


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen, and what the reference would have come to, after each session; in the order they began."""

    began: tuple[datetime, ...]
    observed: FloatArray
    """(n_sessions,) the sum over all requests so far."""
    reference: FloatArray
    """(3, n_sessions) the same of the reference: estimate, lower and upper limit; NaN before the first look."""
    n_elsewhere: FloatArray
    """(n_sessions,) requests so far that were not of the control arm."""

    @classmethod
    def of(
        cls,
        cases: Sequence[Case],
        expected: Callable[[Case], float],
        observed: Callable[[Case], float],
        bounds: tuple[float, float] | None = None,
    ) -> Course:
        """Returns the course of compared requests, which are in order of time."""
        session = _numbered([f"{case.route}\n{case.session}" for case in cases])
        sample = _sample(cases, session, expected, observed)
        found = sequence(sample, positive=bounds is None, bounds=bounds)
        n = np.cumsum(sample.by_session(np.ones(len(cases))))
        elsewhere = np.array([case.arm == "policy" for case in cases], dtype=np.float64)
        first = {number: case.at for number, case in zip(reversed(session.tolist()), reversed(cases), strict=True)}
        return cls(
            began=tuple(first[number] for number in range(sample.n_sessions)),
            observed=np.cumsum(sample.by_session(sample.observed)),
            reference=np.stack([found.value * n, found.low * n, found.high * n]),
            n_elsewhere=np.cumsum(sample.by_session(elsewhere)),
        )

    def saving_share(self, moment: datetime) -> Estimate | None:
        """Returns the saving as a share of the reference's cost, over the sessions that began before a moment."""
        return self._estimate(moment, lambda reference, seen, _: 1 - seen / reference if reference > 0 else math.nan)

    def difference(self, moment: datetime) -> Estimate | None:
        """Returns the mean score less that of the reference, over requests outside of the control arm."""
        return self._estimate(moment, lambda reference, seen, n: (seen - reference) / n if n else math.nan)

    def _estimate(self, moment: datetime, of: Callable[[float, float, float], float]) -> Estimate | None:
        last = sum(began < moment for began in self.began) - 1
        if last < 0:
            return None
        seen, n = float(self.observed[last]), float(self.n_elsewhere[last])
        value, *ends = (of(float(reference), seen, n) for reference in self.reference[:, last])
        if not all(map(math.isfinite, (value, *ends))):
            return None
        return Estimate(value=value, low=min(ends), high=max(ends))


def _numbered(labels: Sequence[str]) -> IntArray:
    """Returns the number of each label, from 0 in the order in which they first stand."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(label, len(number)) for label in labels], dtype=np.int64)


def _sample(
    cases: Sequence[Case], session: IntArray, expected: Callable[[Case], float], observed: Callable[[Case], float]
) -> Sample:
    """Returns the log over two actions, of which another policy would always take the first: the reference."""
    nothing = np.full(len(cases), np.nan)
    return Sample(
        session=session,
        taken=np.array([not case.asks_reference for case in cases], dtype=np.int64),
        propensity=np.array([case.propensity for case in cases]),
        wanted=np.tile([1.0, 0.0], (len(cases), 1)),
        expected=np.stack([np.array([expected(case) for case in cases]), nothing], axis=1),
        observed=np.array([observed(case) for case in cases]),
    )
